"""Text: a split of it end to end, and drawn into windows that go on where the last batch ended, so that a network may
carry its state along.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from ..simulate.schema import InputError, source
from ..surrogate.ahead import made_ahead
from . import schema
from .inputs import Inputs, of_tokens
from .sequences import IN_MEMORY_BYTES, Sequences


class SplitText:
    """The texts of a split, end to end. `len` is the number of their tokens."""

    def __init__(
        self, task: str | Path | xr.Dataset, split: str = "train", in_memory_bytes: int = IN_MEMORY_BYTES
    ) -> None:
        """Raises InputError for a task that is no text, or has none for the split."""
        ds = task if isinstance(task, xr.Dataset) else schema.open_task(task)
        where = source(ds)
        if ds.attrs["target"] != "next":
            raise InputError(f"{where}: has labels; draw it with Batches, not Text")
        if ds.attrs["form"] != "tokens" or ds.attrs["towers"] != 1:
            told = f"is of {ds.attrs['form']} in {ds.attrs['towers']} tower(s)"
            raise InputError(f"{where}: {told}, and what comes next is asked of tokens in 1 tower; make it again")
        if split not in schema.SPLITS:
            raise InputError(f"split '{split}' is not known; there are {', '.join(schema.SPLITS)}")
        self._of = np.flatnonzero(ds["split"].values.astype("U16") == split)
        self._texts = Sequences(ds, 1, in_memory_bytes)
        self._ends = np.cumsum(self._texts.n_steps[self._of])
        self.vocabulary, self.where, self.split = schema.vocabulary(ds), where, split

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def check_length(self) -> None:
        """Raise InputError where no token has another before it."""
        if len(self) < 2:
            told = f"'{self.split}' has {len(self)} tokens, expected 2 or more, of which one follows another"
            raise InputError(f"{self.where}: {told}; make the task of more text")

    def part(self, first: int, n: int) -> np.ndarray:
        """`n` tokens from `first` on. Raises InputError where they are damaged."""
        parts = []
        while n > 0:
            k = int(np.searchsorted(self._ends, first, side="right"))
            begin = first - (int(self._ends[k - 1]) if k else 0)
            (some,) = self._texts.part(int(self._of[k]), begin, n)
            parts.append(some)
            first, n = first + len(some), n - len(some)
        return np.concatenate(parts) if parts else np.empty(0, np.int64)


class TextBatch(NamedTuple):
    """B windows of W tokens, and at each the token that comes next."""

    inputs: Inputs
    next_bt: np.ndarray  # int64 (B, W)
    fresh: bool  # the first of an epoch: no state is carried into it


class Text:
    """Windows of a split's text, in `batch` streams that each read a stretch of their own from its beginning on.

    `len` is the number of batches in an epoch; batch `step` depends on its number only.
    """

    def __init__(
        self,
        task: str | Path | xr.Dataset,
        split: str = "train",
        *,
        batch: int,
        window: int,
        threads: int = 0,
        in_memory_bytes: int = IN_MEMORY_BYTES,
    ) -> None:
        """window: tokens. threads: that read ahead. Raises InputError where the text is too short, or no text."""
        text = SplitText(task, split, in_memory_bytes)
        if min(batch, window) < 1:
            raise InputError(f"batch is {batch} and window is {window}, expected 1 or more")
        self._text, self._threads, self._window = text, threads, window
        self.n_channels = len(text.vocabulary)
        stretch = max(len(text) - 1, 0) // batch
        self._n, self._first_b = stretch // window, np.arange(batch) * stretch
        if not self._n:
            raise InputError(
                f"{text.where}: '{split}' has {len(text):,} tokens, {batch} streams of windows of {window} need "
                f"{batch * window + 1:,}; take a smaller batch or window"
            )

    def __len__(self) -> int:
        return self._n

    def __iter__(self) -> Iterator[TextBatch]:
        return self.steps(range(len(self)))

    def steps(self, numbers: range) -> Generator[TextBatch, None, None]:
        """The batches of these numbers; those of epoch e begin at e · len."""
        return made_ahead(self.draw, numbers, self._threads)

    def draw(self, step: int) -> TextBatch:
        """The batch of this number. Raises InputError where the task is damaged."""
        at = step % self._n
        both = [self._text.part(int(first) + at * self._window, self._window + 1) for first in self._first_b]
        next_bt = np.stack([each[1:] for each in both]).astype(np.int64)
        return TextBatch(of_tokens([each[:-1] for each in both], self.n_channels), next_bt, at == 0)
