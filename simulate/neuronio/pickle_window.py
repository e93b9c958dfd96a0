"""A file read forward through a window, so that a pickle is never whole in memory: long strings stay on disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

WINDOW_BYTES = 1 << 19
AHEAD_BYTES = 1 << 17  # a thousand numbers, as many as picklers put into one list literal, are at most 60 bytes each


class Span(NamedTuple):
    """Bytes that were left in the file. text: they are there as UTF-8, one character for each byte."""

    path: Path
    offset: int
    n_bytes: int
    text: bool = False

    def read(self) -> bytes:
        """The bytes. Raises ValueError where they are not what was announced, OSError where the file is gone."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            raw = file.read(self.n_bytes)
        return raw.decode("utf-8", "surrogatepass").encode("latin1") if self.text else raw


class Window:
    """What an unpickler reads from: `read` and `readline`, and beyond these a look ahead and a way around.

    report: called with the position in the file each time that the window moves.
    """

    def __init__(self, path: Path, file: BinaryIO, report: Callable[[int], None] | None = None) -> None:
        self._path, self._file, self._report = path, file, report
        self._size = os.fstat(file.fileno()).st_size
        self._start = 0  # of the window, in the file
        self.data, self.at = b"", 0  # the window, and where in it the next byte is

    def read(self, n_bytes: int) -> bytes:
        """The next `n_bytes`. Raises EOFError where there are fewer."""
        if len(self.data) - self.at < n_bytes:
            self._fill(n_bytes)
        end = self.at + n_bytes
        if end > len(self.data):
            raise EOFError("the file ends too early")
        raw, self.at = self.data[self.at : end], end
        return raw

    def readline(self) -> bytes:
        """The next bytes up to a newline and with it; of a line of `AHEAD_BYTES`, its start."""
        self.look_ahead()
        end = self.data.find(b"\n", self.at) + 1 or len(self.data)
        return self.read(min(end - self.at, AHEAD_BYTES))

    def look_ahead(self) -> None:
        """Have the next `AHEAD_BYTES`, or all that are left, in the window."""
        if len(self.data) - self.at < AHEAD_BYTES:
            self._fill(AHEAD_BYTES)

    def leave(self, n_bytes: int) -> Span:
        """Go past the next `n_bytes` without reading them. Raises EOFError where there are fewer."""
        offset = self._start + self.at
        if n_bytes > self._size - offset:
            raise EOFError("the file ends too early")
        self.at += n_bytes
        if self.at > len(self.data):
            self._start, self.data, self.at = self._file.seek(offset + n_bytes), b"", 0
        return Span(self._path, offset, n_bytes)

    def _fill(self, n_bytes: int) -> None:
        self._start += self.at
        if self._report is not None:
            self._report(self._start)
        rest = min(max(n_bytes, WINDOW_BYTES), self._size)  # a damaged length may ask for any number
        self.data, self.at = self.data[self.at :] + self._file.read(rest), 0
