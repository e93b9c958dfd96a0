"""Which sequences make a batch: every one of a split in an order of its own each epoch, or sums of two of them.

Each epoch depends on the seed and its number only.

SHD-Adding (Spieler et al. 2024): two clips are drawn with replacement and come one after the other; the label is
(y1 mod 10) + (y2 mod 10). 16,000 are drawn anew each epoch, 4,000 are for validation, of training clips that are in it
with probability 0.2 each, and 16,000 for the test, all of seed 0.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import xarray as xr

from ..simulate.schema import InputError, source
from . import schema

HELD_OUT = 0.2  # probability of a training clip to be one for validation; of a task that has none of its own
HELD_OUT_SEED = 0
SUMS = {"train": 16_000, "validation": 4_000, "test": 16_000}
DIGITS = 10
FIXED = {"validation": 1, "test": 2}  # of sums that are the same in every epoch and for every seed


class Draw(Protocol):
    """Sequences of an epoch: k together make an item."""

    n: int  # items of an epoch
    together: int
    class_names: list[str]

    def epoch(self, number: int) -> np.ndarray:
        """Items of an epoch (n, k): the sequences that each consists of."""
        ...

    def label(self, item_bk: np.ndarray) -> np.ndarray:
        """Labels of items (b, k)."""
        ...


def members(ds: xr.Dataset, split: str, held_out: float = HELD_OUT) -> np.ndarray:
    """Sequences of a split. Of a task that has none for validation, each training sequence is, with `held_out`.

    Raises InputError where there is none.
    """
    if split not in schema.SPLITS:
        raise InputError(f"split '{split}' is not known; there are {', '.join(schema.SPLITS)}")
    told = ds["split"].values.astype("U16")
    found = np.flatnonzero(told == split)
    if split != "test" and not (told == "validation").any():
        train = np.flatnonzero(told == "train")
        held = np.random.default_rng(HELD_OUT_SEED).random(len(train)) < held_out
        found = train[held] if split == "validation" else train[~held]
    if not found.size:
        raise InputError(f"{source(ds)}: has no sequence for '{split}'")
    return found


class Each:
    """Every sequence of a split, once in each epoch: shuffled for training, in their order otherwise."""

    together = 1

    def __init__(self, ds: xr.Dataset, split: str, *, seed: int, held_out: float = HELD_OUT) -> None:
        self._of = members(ds, split, held_out)
        self._label, self._seed = ds["label"].values.astype(np.int64), seed if split == "train" else None
        self.n, self.class_names = len(self._of), schema.class_names(ds)

    def epoch(self, number: int) -> np.ndarray:
        if self._seed is None:
            return self._of[:, None]
        return np.random.default_rng([self._seed, number]).permutation(self._of)[:, None]

    def label(self, item_bk: np.ndarray) -> np.ndarray:
        return self._label[item_bk[:, 0]]


class Sums:
    """Two spoken digits one after the other, and their sum."""

    together = 2

    def __init__(
        self, ds: xr.Dataset, split: str, *, seed: int, held_out: float = HELD_OUT, n: int | None = None
    ) -> None:
        """n: items of an epoch; as published where None. Raises InputError for a task that is not of spoken digits."""
        if ds.attrs["form"] != "events" or len(schema.class_names(ds)) not in (DIGITS, 2 * DIGITS):
            raise InputError(f"{source(ds)}: digits are added of events in 10 or 20 classes, digit for digit")
        self._of = members(ds, split, held_out)
        self._digit, self._split, self._seed = ds["label"].values.astype(np.int64) % DIGITS, split, seed
        self.n, self.class_names = n or SUMS[split], [str(total) for total in range(2 * DIGITS - 1)]

    def epoch(self, number: int) -> np.ndarray:
        key = [self._seed, number] if self._split == "train" else [HELD_OUT_SEED, FIXED[self._split]]
        return self._of[np.random.default_rng(key).integers(len(self._of), size=(self.n, 2))]

    def label(self, item_bk: np.ndarray) -> np.ndarray:
        return self._digit[item_bk].sum(axis=1)
