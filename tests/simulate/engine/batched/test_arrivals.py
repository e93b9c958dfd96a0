"""Events come in the step whose beginning they are nearest to, in order, and piece by piece without loss."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apical.simulate.engine.batched.arrivals import Arrivals, Schedule
from apical.simulate.engine.batched.pieces import Pieces
from apical.simulate.engine.batched.step import times_ms

CONNECTIONS = [[0], [], [1, 2], [3]]  # of four synapses
DT_MS = st.sampled_from([0.025, 0.0125, 0.03, 0.1])
ANY_MS = st.floats(-1, 70, allow_subnormal=False)  # NEURON's mechanisms take them from a process


def some_step(dt_ms):
    return SimpleNamespace(dt_ms=dt_ms, connections=CONNECTIONS, event_times=True, delays_ms=np.zeros(4))


def one_by_one(events_ms, time_ms, dt_ms):
    """Step, connection and time of each event: by a search for its step, and Python's stable sort."""
    bounds_ms = time_ms[:-1] + dt_ms / 2
    found = [
        (int(np.searchsorted(bounds_ms, t)), connection, t)
        for times, connections in zip(events_ms, CONNECTIONS, strict=True)
        for t in times
        for connection in connections
    ]
    return sorted(found, key=lambda event: event[0])


@settings(max_examples=60, deadline=None)
@given(DT_MS, st.lists(st.lists(ANY_MS, max_size=8), min_size=4, max_size=4), st.integers(0, 99))
def test_the_nearest_step(dt_ms, times, seed):
    """Also where an event is half way between two, or before the first or after the last."""
    time_ms = times_ms(dt_ms, 60.0)
    half_way = time_ms[np.random.default_rng(seed).integers(len(time_ms), size=3)] + dt_ms / 2
    events_ms = [np.sort([*each, *half_way]) for each in times]
    found = [each.tolist() for each in Schedule(some_step(dt_ms), time_ms).of(events_ms)]
    assert list(zip(*found, strict=True)) == one_by_one(events_ms, time_ms, dt_ms)
    without = SimpleNamespace(dt_ms=dt_ms, connections=CONNECTIONS, event_times=False, delays_ms=np.zeros(4))
    assert [each.tolist() for each in Schedule(without, time_ms).of(events_ms)] == [*found[:2], []]


def test_a_delay_of_one_connection_is_a_later_event_there():
    """The synapse's other connection has its events in time."""
    time_ms, delays_ms = times_ms(0.1, 60.0), np.array([0, 0, 3.3, 0])
    step = SimpleNamespace(dt_ms=0.1, connections=CONNECTIONS, event_times=True, delays_ms=delays_ms)
    events_ms = [np.array(each) for each in ([5.0], [], [1.0, 2.0], [4.31])]
    at, connection, arrived_ms = Schedule(step, time_ms).of(events_ms)
    assert connection.tolist() == [1, 1, 2, 3, 0, 2]
    np.testing.assert_allclose(arrived_ms, [1.0, 2.0, 4.3, 4.31, 5.0, 5.3])
    assert at.tolist() == [10, 20, 43, 43, 50, 53]


@settings(max_examples=30, deadline=None)
@given(DT_MS, st.integers(1, 5), st.integers(1, 3), st.integers(0, 99))
@example(0.1, 4, 1, 51)  # an event in the last half step, which is nearest to a step that is none
def test_pieces_have_every_event_once(dt_ms, trials, threads, seed):
    rng, step = np.random.default_rng(seed), some_step(dt_ms)
    pieces = Pieces(step, 0, 60.0)
    events_ms = [[np.sort(rng.uniform(0, 60, rng.integers(9))) for _ in CONNECTIONS] for _ in range(trials)]
    events_ms[-1] = [np.arange(0, 60, 7)] * len(CONNECTIONS)  # whole ms, as datasets have them
    arrivals, found = Arrivals(step, events_ms, pieces, threads), [[] for _ in range(8)]
    for number, (done, steps) in enumerate(pieces):
        first, at, *rest = arrivals.of_piece(number, lanes=8)
        assert ((at >= done) & (at < done + steps)).all() and first[-1] == len(at)
        for lane, events in enumerate(found):
            part = slice(first[lane], first[lane + 1])
            events += zip(at[part].tolist(), *(each[part].tolist() for each in rest), strict=True)
    for events, given_ms in zip(found, events_ms, strict=False):
        expected = one_by_one(given_ms, pieces.time_ms, dt_ms)
        assert events == [event for event in expected if event[0] < pieces.n]
    assert not any(found[trials:])
    for number in range(-(-pieces.n // pieces.steps) if trials > 1 else 0):  # those of some trials are a slice
        first, *whole = arrivals.of_piece(number, lanes=trials)
        _, *part = arrivals[1:].of_piece(number, lanes=trials)
        assert all(np.array_equal(of_all[first[1] :], of_some) for of_all, of_some in zip(whole, part, strict=True))
