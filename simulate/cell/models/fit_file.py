"""Parameter sets that a fit has written as JSON: which of the known forms a file has."""

from __future__ import annotations

import json
from typing import Any

from ...schema import InputError
from . import allen

ADD = "add it to the file"  # what to do where something is missing in one


def parsed(text: str, where: str) -> Any:
    """The JSON in `text`. Raises InputError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: is not JSON: {error}") from error


def table(found: Any) -> dict[str, Any]:
    """What a parameter file of the same content would hold. Raises WrongEntry, or InputError for another file."""
    if not isinstance(found, dict):
        raise InputError(allen.EXPECTED)
    return allen.table(found)
