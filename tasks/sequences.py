"""The sequences of a task, one at a time: from memory where they fit, else from disk."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..simulate.schema import InputError, source
from ..simulate.schema.input_error import one_line
from . import schema

IN_MEMORY_BYTES = 1 << 30


class Sequences:
    """One tower of a task. n_steps (N,): positions, or events, of each sequence."""

    def __init__(self, ds: xr.Dataset, tower: int = 1, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        """in_memory_bytes: of values, unpacked, up to which they are read once and kept."""
        end = "" if tower == 1 else f"_{tower}"
        self.form, self.n_channels, self._where = ds.attrs["form"], ds.attrs["n_channels"], source(ds)
        self._start = ds["start" + end].values.astype(np.int64)
        self.n_steps = np.diff(self._start)
        self._variables = [ds[name + end].variable for name in schema.OF_FORM[self.form]]
        self._kept = None
        if sum(each.nbytes for each in self._variables) <= in_memory_bytes:
            self._kept = [self._read(at, slice(None)) for at in range(len(self._variables))]

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        """Times in s and channels of events, tokens, or vectors (steps, channels), of the sequence at `index`.

        Raises InputError where they are damaged, or a token or channel is none of those there are.
        """
        return self.part(index, 0, int(self.n_steps[index]))

    def part(self, index: int, first: int, n: int) -> tuple[np.ndarray, ...]:
        """As the sequence, `n` steps of it from `first` on, fewer past its end."""
        begin = int(self._start[index]) + first
        where = slice(begin, min(begin + n, int(self._start[index + 1])))
        if self._kept is None:
            found = tuple(self._read(at, where) for at in range(len(self._variables)))
        else:
            found = tuple(part[where] for part in self._kept)
        if self.form != "vectors" and found[-1].size:
            self._check(found[-1], index)
        return found

    def _read(self, at: int, where: slice) -> np.ndarray:
        try:
            return np.asarray(self._variables[at][where].values)
        except Exception as error:  # each codec has its own kinds
            name = [*schema.OF_FORM[self.form]][at]
            raise InputError(
                f"{self._where}: variable '{name}' is damaged ({one_line(error)}); make it again"
            ) from error

    def _check(self, values: np.ndarray, index: int) -> None:
        low, high = values.min(), values.max()
        if low < 0 or high >= self.n_channels:
            name = "token" if self.form == "tokens" else "event_channel"
            wrong = low if low < 0 else high
            raise InputError(
                f"{self._where}: variable '{name}' of sequence {index} has {wrong}, expected 0 to {self.n_channels - 1}"
            )
