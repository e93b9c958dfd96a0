"""Trials of one cell side by side on the CPU: one tile, a trial in each lane, piece by piece."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np

from ..engine.base import Recording, Unstable
from ..engine.pieces import PIECE_MS, RUNAWAY_MV
from . import library
from .step import Step, times_ms


class CRecorder(ctypes.Structure):
    """struct Recorder of tile.h."""

    _fields_ = [
        ("steps", ctypes.c_int),
        ("steps_before", ctypes.c_int),
        *(
            (name, ctypes.c_void_p)
            for name in ("time_ms", "event_first", "event_step", "event_connection", "event_next")
        ),
        ("n_fine", ctypes.c_int),
        ("n_coarse", ctypes.c_int),
        *((name, ctypes.c_void_p) for name in ("node", "fine_mv", "kept", "coarse_mv")),
    ]


def run(
    step: Step, events_ms: Sequence[Sequence[np.ndarray]], probes: Sequence, coarse: Sequence, duration_ms: float
) -> list[Recording | Unstable]:
    """Integrate one trial per element of `events_ms`, as many as a tile has lanes or fewer; see engine.base.run.

    A trial that goes wrong has its Unstable in place of its Recording; the others never notice.
    """
    loaded = library.load(step.source.text)
    lanes, real = loaded.lanes_of_tile(), np.dtype("f4" if step.single else "f8")
    time_ms = times_ms(step.dt_ms, duration_ms)
    n_steps = len(time_ms) - 1
    rows = first_rows(step, lanes, real)
    numbers, indices = step.source.numbers.astype(real), step.source.indices
    first, at_step, connection = schedule(step, events_ms, time_ms, lanes)
    following = first[:-1].copy()
    node = np.array([step.circuit.node_of(site) for site in (*probes, *coarse)], np.int32)
    keep = kept_steps(time_ms, duration_ms) if coarse else np.zeros(n_steps, bool)
    slot = np.where(keep, np.cumsum(keep) - 1, -1).astype(np.int32)
    fine_mv = np.empty((n_steps, len(probes), lanes), real)
    coarse_mv = np.empty((int(keep.sum()), len(coarse), lanes), real)
    starts = time_ms[:-1].astype(real)
    piece = max(1, round(PIECE_MS / step.dt_ms))
    wild_ms = np.full(lanes, np.inf)
    for done in range(0, n_steps, piece):
        steps = min(piece, n_steps - done)
        loaded.run_tile(
            ctypes.c_void_p(rows.ctypes.data),
            ctypes.c_void_p(numbers.ctypes.data),
            ctypes.c_void_p(indices.ctypes.data),
            ctypes.byref(
                CRecorder(
                    steps,
                    done,
                    starts[done:].ctypes.data,
                    first.ctypes.data,
                    at_step.ctypes.data,
                    connection.ctypes.data,
                    following.ctypes.data,
                    len(probes),
                    len(coarse),
                    node.ctypes.data,
                    fine_mv[done:].ctypes.data,
                    slot[done:].ctypes.data,
                    coarse_mv.ctypes.data,
                )
            ),
        )
        wild = ~(np.abs(fine_mv[done : done + steps]) < RUNAWAY_MV).all(axis=1)
        wild_ms = np.minimum(wild_ms, np.where(wild.any(axis=0), time_ms[done + 1 + wild.argmax(axis=0)], np.inf))
        if np.isfinite(wild_ms[: len(events_ms)]).all():
            break
    found: list[Recording | Unstable] = []
    v_init_mv = float(step.source.first_values[0])
    for lane in range(len(events_ms)):
        if np.isfinite(wild_ms[lane]):
            found.append(Unstable(float(wild_ms[lane])))
            continue
        v_mv = np.concatenate([np.full((len(probes), 1), v_init_mv), fine_mv[:, :, lane].T], axis=1)
        found.append(
            Recording(time_ms, v_mv, at_whole_ms(time_ms, keep, coarse_mv[:, :, lane], v_init_mv, duration_ms))
        )
    return found


def first_rows(step: Step, lanes: int, real: np.dtype) -> np.ndarray:
    """Every variable of every place at the start, the same in each lane, aligned for vector registers."""
    first = step.source.first_values
    n = len(first) * lanes
    room = np.zeros(n + 64 // real.itemsize, real)
    skip = -room.ctypes.data % 64 // real.itemsize
    rows = room[skip : skip + n].reshape(len(first), lanes)
    rows[:] = first[:, None]
    return rows


def schedule(
    step: Step, events_ms: Sequence[Sequence[np.ndarray]], time_ms: np.ndarray, lanes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Events of every lane: where each lane's begin (lanes + 1,), the step that each arrives in, and its connection.

    NEURON delivers an event at the start of the step whose beginning it is nearest to.
    """
    first, steps, connections = [0], [], []
    due_ms = time_ms[:-1] + step.dt_ms / 2
    of_synapse = np.array([number for of in step.connections for number in of], np.int32)
    count = np.array([len(of) for of in step.connections], int)
    begin = np.cumsum(count) - count
    for events in events_ms:
        synapse = np.repeat(np.arange(len(events)), np.array([len(times) for times in events], int))
        each = np.repeat(np.arange(len(synapse)), count[synapse])  # event, once for each connection
        before = np.cumsum(count[synapse]) - count[synapse]
        at = np.searchsorted(due_ms, np.concatenate([*events, np.empty(0)]))[each]
        order = np.argsort(at, kind="stable")
        steps.append(at[order])
        connections.append(of_synapse[begin[synapse[each]] + np.arange(len(each)) - before[each]][order])
        first.append(first[-1] + len(at))
    first += [first[-1]] * (lanes + 1 - len(first))
    return (
        np.array(first, np.int32),
        np.concatenate([*steps, np.empty(0)]).astype(np.int32),
        np.concatenate([*connections, np.empty(0)]).astype(np.int32),
    )


def kept_steps(time_ms: np.ndarray, duration_ms: float) -> np.ndarray:
    """Which steps' ends are needed for voltages at whole ms: those on one, or on both sides of one (steps,)."""
    times = np.round(time_ms, 6)
    after = np.searchsorted(times, np.arange(1, int(duration_ms)))
    needed = np.zeros(len(times), bool)
    needed[after[after < len(times)]] = True
    between = after[after < len(times)]
    needed[between[times[between] != np.round(times[between])] - 1] = True
    return needed[1:]


def at_whole_ms(
    time_ms: np.ndarray, keep: np.ndarray, coarse_mv: np.ndarray, v_init_mv: float, duration_ms: float
) -> np.ndarray:
    """Voltages at whole ms from 0 (sites, T), interpolated where a step is not on them."""
    found = np.empty((coarse_mv.shape[1], int(duration_ms)), "f4")
    if not len(found):
        return found
    times = np.concatenate([[0.0], np.round(time_ms[1:], 6)[keep]])
    for row, values in zip(found, coarse_mv.T, strict=True):
        row[:] = np.interp(np.arange(int(duration_ms)), times, np.concatenate([[v_init_mv], values]))
    return found
