"""Trials of one cell side by side, a trial in each lane of a tile, piece by piece, on one device or several.

A step reads and writes every variable of every place about once, and in the tree nodes wait for each other. With few
trials a GPU has nothing else to do meanwhile; so it is given as many as it can have in turn.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from ..interface import Passed, Recording, Unstable, unheard
from ..pieces import RUNAWAY_MV
from .arrivals import INT, Arrivals, Events
from .device import Device
from .devices import named
from .pieces import Pieces
from .step import Step

Fetched = Callable[[], np.ndarray]


def run(
    step: Step,
    events_ms: Events,
    probes: Sequence,
    coarse: Sequence,
    duration_ms: float,
    devices: Sequence[Device] = (),
    passed: Passed = unheard,
    streams: Sequence[tuple[int, int]] = (),
) -> Iterator[Recording | Unstable]:
    """Integrate one trial per element of `events_ms`, any number of them; see engine.run.run.

    devices: with this step, which share the trials; none for the CPU. They take as many as keep them busy, then the
    next; where memory does not suffice, half as many, and so on, which is logged. A trial that goes wrong has its
    Unstable in place of its Recording; the others never notice. All are integrated when this returns.
    streams: the numbers of each trial's random streams, where synapses draw from them.
    Raises InputError where a device has no memory for one tile.
    """
    return ready(step, events_ms, probes, coarse, duration_ms, devices, streams)(passed)


def ready(
    step: Step,
    events_ms: Events,
    probes: Sequence,
    coarse: Sequence,
    duration_ms: float,
    devices: Sequence[Device] = (),
    streams: Sequence[tuple[int, int]] = (),
) -> Callable[[Passed], Iterator[Recording | Unstable]]:
    """What `run` does before it needs the devices: the input is put in order. Call what it gives for the rest.

    NEURON is asked for its segments now, and for nothing later.
    """
    devices = devices or named("cpu", step.source)
    node = np.array([step.circuit.node_of(site) for site in (*probes, *coarse)], INT)
    pieces = Pieces(step, len(coarse), duration_ms)
    arrivals = Arrivals(step, events_ms, pieces, sum(device.threads for device in devices), _by_halves(streams))
    return partial(_integrated, step, arrivals, node, pieces, devices)


def _by_halves(streams: Sequence[tuple[int, int]]) -> np.ndarray:
    """The higher and lower 16 bits of two numbers of each trial (trials, 4)."""
    numbers = np.array(streams, np.int64).reshape(-1, 2)
    return np.stack([numbers >> 16, numbers & 0xFFFF], axis=-1).reshape(-1, 4)


def _integrated(
    step: Step, arrivals: Arrivals, node: np.ndarray, pieces: Pieces, devices: Sequence[Device], passed: Passed
) -> Iterator[Recording | Unstable]:
    lanes = devices[0].lanes
    at_once, first = sum(each.at_once for each in devices) * lanes, 0
    integrated: list[Iterator[Recording | Unstable]] = []
    while first < len(arrivals):
        some = arrivals[first : first + at_once]

        def of_these(share: float, first: int = first, n: int = len(some)) -> None:
            passed(first + share * n)

        try:
            integrated.append(_at_once(step, some, node, pieces, devices, of_these))
        except MemoryError as error:
            told = f"out of memory with {len(some)} trials side by side ({error})"
            if len(some) <= lanes:
                raise devices[0].refusal(f"{told}: end what else uses it") from error
            at_once = -(-len(some) // (2 * lanes)) * lanes
            logging.getLogger(__name__).warning("%s; going on with %d", told, at_once)
            continue  # the error goes, and with it what it holds of a device's memory
        first += len(some)
    return chain.from_iterable(integrated)


def _at_once(
    step: Step,
    arrivals: Arrivals,
    node: np.ndarray,
    pieces: Pieces,
    devices: Sequence[Device],
    passed: Callable[[float], None],
) -> Iterator[Recording | Unstable]:
    """The trials, all integrated when it returns. Raises MemoryError where a device, or the host, has too little."""
    lanes = devices[0].lanes
    tiles = -(-len(arrivals) // lanes)
    ends = [tiles * number // len(devices) * lanes for number in range(len(devices) + 1)]

    def part_of(number: int) -> _Part:
        with devices[number].current():
            part = _Part(devices[number], step, arrivals[ends[number] : ends[number + 1]], node, pieces)
            part.integrate(passed if number == len(devices) - 1 else unheard)  # which has a tile, if any has
            return part

    if len(devices) == 1:  # in this thread, which Ctrl-C interrupts after a piece
        parts = [part_of(0)]
    else:
        with ThreadPoolExecutor(len(devices)) as threads:
            parts = list(threads.map(part_of, (n for n in range(len(devices)) if ends[n] < ends[n + 1])))
    return (part.found(trial) for part in parts for trial in range(part.n))


class _Arrays(NamedTuple):
    """What a device holds of a part."""

    rows: Any
    numbers: Any
    indices: Any
    node: Any
    fine: Any
    coarse: Any


class _Part:
    """The trials of one device, n of them, and what came back.

    v_mv (trials, fine, steps + 1), kept_mv (trials, coarse, kept): recorded. wild_ms (trials,): where the voltage ran
    away. Lanes of the last tile may have no trial: they are integrated without input.
    """

    def __init__(self, device: Device, step: Step, arrivals: Arrivals, node: np.ndarray, pieces: Pieces) -> None:
        self.device, self.step, self.node, self.pieces, self.arrivals = device, step, node, pieces, arrivals
        self.n, self.n_coarse = len(arrivals), pieces.n_coarse
        self.n_fine = n_fine = len(node) - pieces.n_coarse
        self.real = step.source.real
        self.tiles = -(-self.n // device.lanes)
        self.lanes = self.tiles * device.lanes
        self.v_init_mv = float(step.source.first_values[0])
        self.v_mv = np.empty((self.n, n_fine, self.pieces.n + 1), self.real)
        self.v_mv[..., 0] = self.v_init_mv
        self.kept_mv = np.empty((self.n, self.n_coarse, int(self.pieces.keep.sum())), self.real)
        self.wild_ms = np.full(self.n, np.inf)

    def integrate(self, passed: Callable[[float], None]) -> None:
        """Each piece is taken while the device is at the next one, where it does not make the caller wait.

        passed: called with the share that is done.
        """
        there, begun = self._put(), None
        for done, steps in self.pieces:
            before, begun = begun, (done, steps, *self._begin(there, done, steps))
            if before:
                self._take(*before)
                passed(done / self.pieces.n)
            if np.isfinite(self.wild_ms).all():
                break
        if begun:
            self._take(*begun)

    def found(self, trial: int) -> Recording | Unstable:
        if np.isfinite(self.wild_ms[trial]):
            return Unstable(float(self.wild_ms[trial]))
        coarse_mv = self.pieces.at_whole_ms(self.kept_mv[trial], self.v_init_mv)
        return Recording(self.pieces.time_ms, self.v_mv[trial], coarse_mv)

    def _put(self) -> _Arrays:
        device, source = self.device, self.step.source
        return _Arrays(
            rows=self._first_rows(),
            numbers=device.put(source.numbers.astype(self.real)),
            indices=device.put(source.indices.astype(INT)),
            node=device.put(self.node),
            fine=device.empty(self.lanes * self.pieces.steps * self.n_fine, self.real),
            coarse=device.empty(self.lanes * self.pieces.most_kept * self.n_coarse, self.real),
        )

    def _first_rows(self) -> Any:
        source, lanes = self.step.source, self.device.lanes
        first = np.repeat(source.first_values.astype(self.real), lanes)
        if not source.stream_rows.size:
            return self.device.put(first, copies=self.tiles)
        rows = np.tile(first, self.tiles).reshape(self.tiles, -1, lanes)
        of_lane = np.zeros((self.lanes, 4), self.real)
        of_lane[: self.n] = self.arrivals.streams
        for number, at in enumerate(source.stream_rows):
            rows[:, at] = of_lane[:, number].reshape(self.tiles, 1, lanes)
        return self.device.put(rows.ravel())

    def _begin(self, there: _Arrays, done: int, steps: int) -> tuple[Fetched, Fetched]:
        """Have the device integrate a piece and send what it recorded."""
        put, keep = self.device.put, self.pieces.keep[done : done + steps]
        slot, kept = np.where(keep, np.cumsum(keep) - 1, -1).astype(INT), int(keep.sum())
        time_ms = self.pieces.time_ms[done : done + steps].astype(self.real)
        *events, event_ms = self.arrivals.of_piece(done // self.pieces.steps, self.lanes)
        self.device.launch(
            self.tiles,
            *(there.rows, there.numbers, there.indices),
            *(steps, done, put(time_ms), *map(put, events), put(event_ms.astype(self.real))),
            *(self.n_fine, self.n_coarse, there.node, there.fine, put(slot), kept, there.coarse),
        )
        return (
            self.device.fetch(there.fine, self.lanes * steps * self.n_fine),
            self.device.fetch(there.coarse, self.lanes * kept * self.n_coarse),
        )

    def _take(self, done: int, steps: int, fine: Fetched, coarse: Fetched) -> None:
        after = slice(done + 1, done + 1 + steps)
        kept = slice(*(int(self.pieces.keep[:stop].sum()) for stop in (done, done + steps)))
        self._into(self.v_mv[..., after], fine())
        self._into(self.kept_mv[..., kept], coarse())
        tame = np.abs(self.v_mv[..., after]) < RUNAWAY_MV  # NaN is not
        wild = np.asarray(~tame.all(axis=1))  # (trials, steps)
        for trial in np.flatnonzero(wild.any(axis=1)):
            self.wild_ms[trial] = min(self.wild_ms[trial], self.pieces.time_ms[after][wild[trial].argmax()])

    def _into(self, room: np.ndarray, numbers: np.ndarray) -> None:
        """Put numbers (tiles, steps, sites, lanes) into room (trials, sites, steps)."""
        by_tile = numbers.reshape(self.tiles, room.shape[2], room.shape[1], self.device.lanes)
        room[:] = by_tile.transpose(0, 3, 2, 1).reshape(self.lanes, *room.shape[1:])[: self.n]
