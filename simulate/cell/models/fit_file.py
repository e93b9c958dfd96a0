"""Parameter sets that a fit has written as JSON: which of the known forms a file has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...schema import InputError
from . import allen, bluepyopt

MECHANISMS = "mechanisms.json"  # of a BluePyOpt model, beside its parameters
ADD = "add it to the file"  # what to do where something is missing in one


def parsed(text: str, where: str) -> Any:
    """The JSON in `text`. Raises InputError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: is not JSON: {error}") from error


def table(found: Any, beside: Path) -> dict[str, Any]:
    """What a parameter file of the same content would hold. beside: the folder in which it lies.

    Raises WrongEntry, or InputError for another file.
    """
    if isinstance(found, list):
        return bluepyopt.table(found, _standing(beside / MECHANISMS))
    if not isinstance(found, dict):
        raise InputError(allen.EXPECTED)
    return allen.table(found)


def _standing(path: Path) -> Any:
    if not path.is_file():
        return {}
    try:
        return parsed(path.read_text(encoding="utf-8-sig"), MECHANISMS)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{MECHANISMS}: cannot be read as UTF-8 text ({error})") from error
