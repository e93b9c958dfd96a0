"""A task drawn into batches: deterministic for any number of threads, with memory for a few batches."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import xarray as xr

from ..simulate.schema import InputError, source
from ..surrogate.ahead import made_ahead
from . import inputs, schema
from .binning import Counting, edges_s
from .draw import HELD_OUT, Draw, Each, Sums
from .inputs import Inputs
from .sequences import IN_MEMORY_BYTES, Sequences


class Batch(NamedTuple):
    """B items: their input, that of a second tower where the task has one, labels, and which sequences they are."""

    inputs: Inputs
    label_b: np.ndarray  # int64
    sequence_bk: np.ndarray  # int64: one, or two that are added
    second: Inputs | None = None


class Batches:
    """Batches of a task's split. `len` is their number in an epoch; iterating gives one epoch.

    Batch `step` (`draw`) depends on the task, these arguments and its number only. In training each epoch has an order
    of its own, and what does not fill its last batch is left out; otherwise all are there, in their order.
    """

    def __init__(
        self,
        task: str | Path | xr.Dataset,
        split: str = "train",
        *,
        batch: int,
        bin_ms: float | None = None,
        counting: Counting = "counts",
        levels: int | None = None,
        adding: bool = False,
        sums: int | None = None,
        seed: int = 0,
        held_out: float = HELD_OUT,
        threads: int = 0,
        in_memory_bytes: int = IN_MEMORY_BYTES,
    ) -> None:
        """bin_ms, counting: width of bins of events, and whether their events are counted or any or none.

        levels: make bytes of one channel grey levels, one-hot. adding: two digits and their sum, `sums` in an epoch
        (None: as published). held_out: probability of a training sequence to be one for validation, where the task has
        none of its own. threads: that draw ahead.
        Raises InputError for what does not fit the task, and where a batch does not fit into memory.
        """
        ds = task if isinstance(task, xr.Dataset) else schema.open_task(task)
        self.task, self.split, self.batch = ds, split, batch
        self._counting, self._levels, self._threads = counting, levels, threads
        where, form = source(ds), ds.attrs["form"]
        if ds.attrs["target"] == "next":
            raise InputError(f"{where}: asks for the next token; draw it with Text, not Batches")
        if batch < 1:
            raise InputError(f"batch is {batch}, expected 1 or more")
        if (form == "events") != (bin_ms is not None):
            told = "needs a bin_ms, such as 2" if form == "events" else f"is of {form}, which take no bin_ms"
            raise InputError(f"{where}: {told}")
        bytes_of_one = form == "vectors" and ds.attrs["n_channels"] == 1 and ds["value"].dtype == np.uint8
        if levels is not None and not (bytes_of_one and 2 <= levels <= inputs.LEVELS):
            raise InputError(f"{where}: levels is {levels}; grey levels, 2 to 256, are of bytes in one channel")
        self._edges_s = None if bin_ms is None else edges_s(ds.attrs["duration_s"], bin_ms)
        self._draw: Draw = (
            Sums(ds, split, seed=seed, held_out=held_out, n=sums)
            if adding
            else Each(ds, split, seed=seed, held_out=held_out)
        )
        self._towers = [Sequences(ds, tower + 1, in_memory_bytes) for tower in range(ds.attrs["towers"])]
        self.n_channels = levels or ds.attrs["n_channels"]
        self.class_names = self._draw.class_names
        self.n_items = self._draw.n
        self._epoch: tuple[int, np.ndarray] = (-1, np.empty(0))
        if split == "train" and self.n_items < batch:
            raise InputError(f"{where}: has {self.n_items} training sequences, fewer than a batch of {batch}")
        self._check_memory(where)

    @property
    def longest(self) -> int:
        """Steps of the longest input there can be."""
        if self._edges_s is not None:
            return (len(self._edges_s) - 1) * self._draw.together
        return max(int(tower.n_steps.max()) for tower in self._towers)

    def __len__(self) -> int:
        whole, rest = divmod(self.n_items, self.batch)
        return whole if self.split == "train" or not rest else whole + 1

    def __iter__(self) -> Iterator[Batch]:
        return self.steps(range(len(self)))

    def steps(self, numbers: range) -> Generator[Batch, None, None]:
        """The batches of these numbers; those of epoch e begin at e · len."""
        return made_ahead(self.draw, numbers, self._threads)

    def draw(self, step: int) -> Batch:
        """The batch of this number. Raises InputError where the task is damaged."""
        epoch, at = divmod(step, len(self))
        item_bk = self._items(epoch)[at * self.batch : (at + 1) * self.batch]
        made = [self._inputs(tower, item_bk) for tower in self._towers]
        return Batch(made[0], self._draw.label(item_bk), item_bk, made[1] if len(made) > 1 else None)

    def _items(self, epoch: int) -> np.ndarray:
        kept = self._epoch  # one tuple, so that threads never see the items of another epoch
        if kept[0] != epoch:
            kept = self._epoch = (epoch, self._draw.epoch(epoch))
        return kept[1]

    def _inputs(self, tower: Sequences, item_bk: np.ndarray) -> Inputs:
        parts: list[list[Any]] = [[tower[int(index)] for index in item_k] for item_k in item_bk]
        if self._edges_s is not None:
            return inputs.of_events(parts, tower.n_channels, self._edges_s, self._counting)
        values = [each[0][0] for each in parts]
        if self._levels is not None:
            return inputs.of_tokens([inputs.levels_of(each, self._levels) for each in values], self._levels)
        return inputs.of_tokens(values, tower.n_channels) if tower.form == "tokens" else inputs.of_vectors(values)

    def _check_memory(self, where: str) -> None:
        needed, free = 4 * self.batch * self.longest * self.n_channels * len(self._towers), _free_bytes()
        if needed > free:
            raise InputError(
                f"{where}: a batch of {self.batch} × {self.longest:,} steps × {self.n_channels:,} channels takes "
                f"{needed / 2**30:.1f} GiB, this machine has {free / 2**30:.1f} GiB free; take a smaller batch"
            )


def _free_bytes() -> int:
    return psutil.virtual_memory().available
