"""Input spikes of trials side by side, as what arrives in each step: in order, and piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy

import numpy as np

from .pieces import Pieces
from .step import Step

INT = np.dtype(np.int32)
Events = Sequence[Sequence[np.ndarray]]  # by trial and synapse, ascending times in ms


class Arrivals:
    """The events of each trial as a `Schedule` has them, cut at the pieces' ends; a slice is those of some trials.

    streams (trials, any): what names the random streams of each.
    """

    def __init__(
        self, step: Step, events_ms: Events, pieces: Pieces, threads: int, streams: np.ndarray | None = None
    ) -> None:
        self.streams = np.zeros((len(events_ms), 4)) if streams is None or not len(streams) else streams
        with ThreadPoolExecutor(threads) as pool:
            self._events = list(pool.map(Schedule(step, pieces.time_ms).of, events_ms))
        starts = np.minimum(np.arange(0, pieces.n + pieces.steps, pieces.steps), pieces.n)  # none after the last step
        starts = starts.astype(INT)  # of another dtype: copied each time
        self._at = np.array([np.searchsorted(at_step, starts) for at_step, *_ in self._events])

    def __len__(self) -> int:
        return len(self._events)

    def __getitem__(self, some: slice) -> Arrivals:
        found = copy(self)
        found._events, found._at, found.streams = self._events[some], self._at[some], self.streams[some]
        return found

    def of_piece(self, number: int, lanes: int) -> tuple[np.ndarray, ...]:
        """Where each lane's events in a piece begin (lanes + 1,); their steps, connections and times, lane after lane.

        Lanes after the last trial have none. Times, in ms, are left out where the step does not need them.
        """
        cuts = self._at[:, number : number + 2]
        first = np.zeros(lanes + 1, INT)
        first[1 : len(cuts) + 1] = np.cumsum(cuts[:, 1] - cuts[:, 0])
        first[len(cuts) + 1 :] = first[len(cuts)]
        of_trials = list(zip(self._events, cuts.tolist(), strict=True))
        found = [[each[begin:end] for each in events] for events, (begin, end) in of_trials]
        return first, *map(np.concatenate, zip(*found, strict=True))


class Schedule:
    """When events arrive: at the start of the step whose beginning they are nearest to, as in NEURON."""

    def __init__(self, step: Step, time_ms: np.ndarray) -> None:
        """time_ms (steps + 1,): as step.times_ms; added up, so a little beside multiples of the step."""
        self._dt_ms, self._last = step.dt_ms, len(time_ms) - 1
        self._bounds_ms = np.concatenate([[-np.inf], time_ms[:-1] + step.dt_ms / 2, [np.inf]])
        connections = step.connections
        self._delayed: list[tuple[int, float]] = []  # synapse and delay of each connection, where any has one
        if step.delays_ms.any():
            delays = step.delays_ms.tolist()
            self._delayed = [(at, delays[number]) for at, of in enumerate(connections) for number in of]
            connections = [[number] for of in connections for number in of]
        self._connection = np.array([number for of in connections for number in of], INT)
        self._count = np.array([len(of) for of in connections], int)
        self._begin = np.cumsum(self._count) - self._count
        self._timed = step.event_times

    def of(self, events_ms: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A trial's events in order: the step that each arrives in, its connection, and its time if that is needed.

        Those of one step are in the order of the synapses.
        """
        if self._delayed:
            events_ms = [events_ms[synapse] + delay for synapse, delay in self._delayed]
        synapse = np.repeat(np.arange(len(events_ms)), np.array([len(times) for times in events_ms], int))
        times_ms = np.concatenate([*events_ms, np.empty(0)])
        both = self._step(times_ms) << 32 | synapse  # one number each: to sort them takes a tenth of an argsort
        times_ms = times_ms[np.argsort(both, kind="stable")] if self._timed else times_ms[:0]
        both.sort()
        at, synapse = both >> 32, both & 0xFFFFFFFF
        n = self._count[synapse]
        begin = self._begin[synapse] - (np.cumsum(n) - n)  # less the events before it
        connection = self._connection[np.repeat(begin, n) + np.arange(n.sum())]
        return np.repeat(at, n).astype(INT), connection, np.repeat(times_ms, n if self._timed else 1)

    def _step(self, events_ms: np.ndarray) -> np.ndarray:
        """Of each event; the number of steps for those after the last. A search takes 20 times as long (measured)."""
        at = np.clip(np.ceil(events_ms / self._dt_ms - 0.5), 0, self._last).astype(np.int64)
        at += self._bounds_ms[at + 1] < events_ms
        at -= self._bounds_ms[at] >= events_ms
        return at
