"""Files of text, read with an error of one line; and what is read, some at a time."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from ...simulate.schema import InputError
from ...simulate.schema.input_error import one_line

PER_BLOCK = 500
Each = TypeVar("Each")


def in_blocks(items: Iterable[Each]) -> Iterator[list[Each]]:
    """Some hundred at a time."""
    some: list[Each] = []
    for item in items:
        some.append(item)
        if len(some) == PER_BLOCK:
            yield some
            some = []
    if some:
        yield some


def read_bytes(path: Path) -> bytes:
    """Of a file, packed by gzip (.gz) or not. Raises InputError where it cannot be read."""
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({one_line(error)})") from error


def read_text(path: Path) -> str:
    """As `read_bytes`, of UTF-8; what is none becomes the character for that."""
    return read_bytes(path).decode("utf-8", "replace")


def lines(path: Path, n_fields: int) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of each line. Raises InputError for a line of another number of fields."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for number, line in enumerate(file, 1):
                fields = line.rstrip("\r\n").split("\t")
                if len(fields) != n_fields:
                    told = f"line {number} has {len(fields)} fields between tabs, expected {n_fields}"
                    raise InputError(f"{path}: {told}")
                yield number, fields
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({one_line(error)})") from error
