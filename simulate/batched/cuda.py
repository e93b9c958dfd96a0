"""Trials of one cell side by side on GPUs, in tiles of a warp's lanes, piece by piece.

What bounds it is memory traffic, as every variable of every place is read and written about once in a step; and for few
trials the tree, whose nodes wait for each other. So it is the faster, the more trials there are side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..engine.base import Recording, Unstable
from ..engine.pieces import RUNAWAY_MV
from .cuda_device import Device, refusal
from .pieces import Pieces
from .step import Step
from .trials import at_whole_ms, schedule

Fetched = Callable[[], np.ndarray]


def run(
    step: Step,
    events_ms: Sequence[Sequence[np.ndarray]],
    probes: Sequence,
    coarse: Sequence,
    duration_ms: float,
    devices: Sequence[Device],
) -> list[Recording | Unstable]:
    """Integrate one trial per element of `events_ms`, as trials.run does, on all `devices` at once.

    devices: of cuda_device.gpus, for this step. Raises InputError where a GPU's memory does not suffice.
    """
    node = np.array([step.circuit.node_of(site) for site in (*probes, *coarse)], np.int32)
    tiles = -(-len(events_ms) // devices[0].lanes)
    ends = [tiles * (number + 1) // len(devices) * devices[0].lanes for number in range(len(devices))]
    parts = [events_ms[first:last] for first, last in zip([0, *ends], ends, strict=False)]

    def run_part(device: Device, part: Sequence[Sequence[np.ndarray]]) -> list[Recording | Unstable]:
        try:
            with device.current():
                return _Part(device, step, part, node, len(probes), duration_ms).run()
        except MemoryError as error:
            raise refusal(f"out of memory with {len(part)} trials side by side on a GPU ({error})") from error

    with ThreadPoolExecutor(len(devices)) as threads:
        begun = [threads.submit(run_part, *each) for each in zip(devices, parts, strict=True) if each[1]]
        return [recording for part in begun for recording in part.result()]


class _Part:
    """The trials of one device: what it holds of them, and what came back.

    v_mv (trials, fine, steps + 1), kept_mv (trials, coarse, kept): recorded. wild_ms (trials,): where the voltage ran
    away. The last tile may have lanes without a trial: they are integrated without input.
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
        self.device, self.step, self.duration_ms = device, step, duration_ms
        self.n, self.n_fine, self.n_coarse = len(events_ms), n_fine, len(node) - n_fine
        self.real = np.dtype("f4" if step.single else "f8")
        self.pieces = pieces = Pieces(step, self.n_coarse, duration_ms)
        self.events = [schedule(step, [each], pieces.time_ms, 1)[1:] for each in events_ms]
        self.tiles = -(-self.n // device.lanes)
        self.lanes = self.tiles * device.lanes
        self.v_init_mv = float(step.source.first_values[0])
        self.v_mv = np.empty((self.lanes, n_fine, pieces.n + 1), self.real)
        self.v_mv[..., 0] = self.v_init_mv
        self.kept_mv = np.empty((self.lanes, self.n_coarse, int(pieces.keep.sum())), self.real)
        self.wild_ms = np.full(self.lanes, np.inf)
        first = np.repeat(step.source.first_values.astype(self.real), device.lanes)
        self.rows = device.put(first, copies=self.tiles)
        self.numbers = device.put(step.source.numbers.astype(self.real))
        self.indices = device.put(step.source.indices)
        self.node = device.put(node)
        self.event_next = device.empty(self.lanes * device.warps, np.dtype(np.int32))
        self.fine = device.empty(self.lanes * pieces.steps * n_fine, self.real)
        self.coarse = device.empty(self.lanes * pieces.most_kept * self.n_coarse, self.real)

    def run(self) -> list[Recording | Unstable]:
        """Each piece is taken while the device is at the next one."""
        begun: list[tuple[int, int, Fetched, Fetched]] = []
        for done, steps in self.pieces:
            begun.append((done, steps, *self._begin(done, steps)))
            if len(begun) > 1:
                self._take(*begun.pop(0))
            if np.isfinite(self.wild_ms[: self.n]).all():
                break
        for each in begun:
            self._take(*each)
        return [self._found(trial) for trial in range(self.n)]

    def _begin(self, done: int, steps: int) -> tuple[Fetched, Fetched]:
        """Have the device integrate a piece and send what it recorded, (tiles, steps, sites, lanes)."""
        put, keep = self.device.put, self.pieces.keep[done : done + steps]
        slot, kept = np.where(keep, np.cumsum(keep) - 1, -1), int(keep.sum())
        first, at_step, connection = self._events(done, steps)
        self.device.launch(
            self.tiles,
            *(self.rows, len(self.step.source.first_values), self.numbers, self.indices),
            *(steps, done, put(self.pieces.time_ms[done : done + steps].astype(self.real))),
            *(put(first), put(at_step), put(connection), self.event_next),
            *(self.n_fine, self.n_coarse, self.node, self.fine, put(slot.astype(np.int32)), kept, self.coarse),
        )
        return (
            self.device.fetch(self.fine, self.lanes * steps * self.n_fine),
            self.device.fetch(self.coarse, self.lanes * kept * self.n_coarse),
        )

    def _events(self, done: int, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As trials.schedule, of the steps of a piece."""
        at = [np.searchsorted(at_step, (done, done + steps)) for at_step, _ in self.events]
        first = np.zeros(self.lanes + 1, np.int32)
        first[1 : self.n + 1] = np.cumsum([b - a for a, b in at])
        first[self.n + 1 :] = first[self.n]
        at_step, connection = (
            np.concatenate([each[which][a:b] for each, (a, b) in zip(self.events, at, strict=True)]) for which in (0, 1)
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
        """Put numbers of a device into room (trials, sites, steps); returns them as (tiles, steps, sites, lanes)."""
        of_tiles = numbers.reshape(self.tiles, room.shape[2], room.shape[1], self.device.lanes)
        for tile, values in enumerate(of_tiles):
            room[tile * self.device.lanes : (tile + 1) * self.device.lanes] = values.transpose(2, 1, 0)
        return of_tiles

    def _found(self, trial: int) -> Recording | Unstable:
        if np.isfinite(self.wild_ms[trial]):
            return Unstable(float(self.wild_ms[trial]))
        time_ms, keep = self.pieces.time_ms, self.pieces.keep
        coarse_mv = at_whole_ms(time_ms, keep, self.kept_mv[trial].T, self.v_init_mv, self.duration_ms)
        return Recording(time_ms, self.v_mv[trial], coarse_mv)
