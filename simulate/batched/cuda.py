"""Trials of one cell side by side on GPUs, in tiles of a warp's lanes, piece by piece.

What bounds it is memory traffic, as every variable of every place is read and written about once in a step; and with
few trials the tree, whose nodes wait for each other. So the more trials there are, the faster, until a GPU is busy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from ..engine.base import Recording, Unstable
from ..engine.pieces import RUNAWAY_MV
from . import cuda_device, memory
from .cuda_device import Device
from .pieces import Pieces
from .step import Step
from .trials import at_whole_ms, schedule

INT = np.dtype(np.int32)
Fetched = Callable[[], np.ndarray]


def check() -> None:
    """Raises InputError without CuPy, and without a GPU."""
    cuda_device.count()


def trials_that_fit(step: Step, n_fine: int, n_coarse: int, duration_ms: float) -> int:
    """How many trials to give to `run` at once on this machine; see memory. The step is compiled now."""
    each = memory.need(step, n_fine, n_coarse, duration_ms)
    return memory.trials_that_fit(each, cuda_device.gpus(step.source.text), memory.host_bytes())


def run(
    step: Step,
    events_ms: Sequence[Sequence[np.ndarray]],
    probes: Sequence,
    coarse: Sequence,
    duration_ms: float,
    devices: Sequence[Device] | None = None,
) -> Iterator[Recording | Unstable]:
    """Integrate one trial per element of `events_ms`, any number, as trials.run does; all devices share them.

    devices: with this step, or every GPU. Raises InputError where one is out of memory, and as `check`.
    """
    devices = cuda_device.gpus(step.source.text) if devices is None else devices
    node = np.array([step.circuit.node_of(site) for site in (*probes, *coarse)], np.int32)
    lanes, tiles = devices[0].lanes, -(-len(events_ms) // devices[0].lanes)
    ends = [tiles * number // len(devices) * lanes for number in range(len(devices) + 1)]

    def part_of(number: int) -> _Part:
        events = events_ms[ends[number] : ends[number + 1]]
        try:
            with devices[number].current():
                part = _Part(devices[number], step, events, node, len(probes), duration_ms)
                part.integrate()
                return part
        except MemoryError as error:
            told = f"out of memory with {len(events)} trials side by side ({error}): end what else uses it"
            raise cuda_device.refusal(told) from error

    with ThreadPoolExecutor(len(devices)) as threads:
        parts = list(threads.map(part_of, (n for n in range(len(devices)) if ends[n] < ends[n + 1])))
    for part in parts:
        yield from map(part.found, range(part.n))


class _Arrays(NamedTuple):
    """What a device holds of a part."""

    rows: Any
    numbers: Any
    indices: Any
    node: Any
    event_next: Any
    fine: Any
    coarse: Any


class _Part:
    """The trials of one device, n of them, and what came back.

    v_mv (trials, fine, steps + 1), kept_mv (trials, coarse, kept): recorded. wild_ms (trials,): where the voltage ran
    away. Lanes of the last tile may have no trial: they are integrated without input.
    """

    def __init__(
        self,
        device: Device,
        step: Step,
        events_ms: Sequence[Sequence[np.ndarray]],
        node: np.ndarray,
        n_fine: int,
        duration_ms: float,
    ) -> None:
        self.device, self.step, self.node, self.duration_ms = device, step, node, duration_ms
        self.n, self.n_fine, self.n_coarse = len(events_ms), n_fine, len(node) - n_fine
        self.real = np.dtype("f4" if step.single else "f8")
        self.pieces = Pieces(step, self.n_coarse, duration_ms)
        self.events = [schedule(step, [each], self.pieces.time_ms, 1)[1:] for each in events_ms]
        self.tiles = -(-self.n // device.lanes)
        self.lanes = self.tiles * device.lanes
        self.v_init_mv = float(step.source.first_values[0])
        self.v_mv = np.empty((self.lanes, n_fine, self.pieces.n + 1), self.real)
        self.v_mv[..., 0] = self.v_init_mv
        self.kept_mv = np.empty((self.lanes, self.n_coarse, int(self.pieces.keep.sum())), self.real)
        self.wild_ms = np.full(self.lanes, np.inf)

    def integrate(self) -> None:
        """Each piece is taken while the device is at the next one."""
        there, begun = self._put(), None
        for done, steps in self.pieces:
            before, begun = begun, (done, steps, *self._begin(there, done, steps))
            if before:
                self._take(*before)
            if np.isfinite(self.wild_ms[: self.n]).all():
                break
        if begun:
            self._take(*begun)

    def found(self, trial: int) -> Recording | Unstable:
        if np.isfinite(self.wild_ms[trial]):
            return Unstable(float(self.wild_ms[trial]))
        time_ms, keep = self.pieces.time_ms, self.pieces.keep
        coarse_mv = at_whole_ms(time_ms, keep, self.kept_mv[trial].T, self.v_init_mv, self.duration_ms)
        return Recording(time_ms, self.v_mv[trial], coarse_mv)

    def _put(self) -> _Arrays:
        device, source = self.device, self.step.source
        return _Arrays(
            rows=device.put(np.repeat(source.first_values.astype(self.real), device.lanes), copies=self.tiles),
            numbers=device.put(source.numbers.astype(self.real)),
            indices=device.put(source.indices.astype(INT)),
            node=device.put(self.node),
            event_next=device.empty(self.lanes * device.warps, INT),
            fine=device.empty(self.lanes * self.pieces.steps * self.n_fine, self.real),
            coarse=device.empty(self.lanes * self.pieces.most_kept * self.n_coarse, self.real),
        )

    def _begin(self, there: _Arrays, done: int, steps: int) -> tuple[Fetched, Fetched]:
        """Have the device integrate a piece and send what it recorded."""
        put, keep = self.device.put, self.pieces.keep[done : done + steps]
        slot, kept = np.where(keep, np.cumsum(keep) - 1, -1).astype(INT), int(keep.sum())
        time_ms = self.pieces.time_ms[done : done + steps].astype(self.real)
        self.device.launch(
            self.tiles,
            *(there.rows, len(self.step.source.first_values), there.numbers, there.indices),
            *(steps, done, put(time_ms), *map(put, self._events(done, steps)), there.event_next),
            *(self.n_fine, self.n_coarse, there.node, there.fine, put(slot), kept, there.coarse),
        )
        return (
            self.device.fetch(there.fine, self.lanes * steps * self.n_fine),
            self.device.fetch(there.coarse, self.lanes * kept * self.n_coarse),
        )

    def _events(self, done: int, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As trials.schedule, of the steps of a piece."""
        at = [np.searchsorted(at_step, (done, done + steps)) for at_step, _ in self.events]
        first = np.zeros(self.lanes + 1, INT)
        first[1 : self.n + 1] = np.cumsum([last - begin for begin, last in at])
        first[self.n + 1 :] = first[self.n]
        at_step, connection = (
            np.concatenate([each[which][slice(*of)] for each, of in zip(self.events, at, strict=True)])
            for which in (0, 1)
        )
        return first, at_step, connection

    def _take(self, done: int, steps: int, fine: Fetched, coarse: Fetched) -> None:
        after = slice(done + 1, done + 1 + steps)
        kept = slice(*(int(self.pieces.keep[:stop].sum()) for stop in (done, done + steps)))
        fine_mv = self._into(self.v_mv[..., after], fine())
        self._into(self.kept_mv[..., kept], coarse())
        furthest_mv = np.abs(fine_mv).max(axis=(1, 2), initial=0).ravel()
        for trial in np.flatnonzero(~(furthest_mv < RUNAWAY_MV)):  # NaN is not below either
            wild = ~(np.abs(self.v_mv[trial, :, after]) < RUNAWAY_MV).all(axis=0)
            self.wild_ms[trial] = min(self.wild_ms[trial], self.pieces.time_ms[after][wild.argmax()])

    def _into(self, room: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Put numbers (tiles, steps, sites, lanes) into room (trials, sites, steps), and return them in that shape."""
        lanes = self.device.lanes
        of_tiles = numbers.reshape(self.tiles, room.shape[2], room.shape[1], lanes)
        for tile, values in enumerate(of_tiles):
            room[tile * lanes : (tile + 1) * lanes] = values.transpose(2, 1, 0)
        return of_tiles
