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
    starts = time_ms[:-1].astype(real)
    n, v_init_mv = len(events_ms), float(step.source.first_values[0])
    v_mv = np.empty((n, len(probes), n_steps + 1), real)
    v_mv[..., 0] = v_init_mv
    kept_mv = np.empty((n, len(coarse), int(keep.sum())), real)
    wild_ms, n_kept, piece = np.full(n, np.inf), 0, max(1, round(PIECE_MS / step.dt_ms))
    for done in range(0, n_steps, piece):  # what a tile records of a piece, then of each trial what is kept
        of_piece = slice(done, min(done + piece, n_steps))
        kept_here = np.cumsum(keep[of_piece])
        slot = np.where(keep[of_piece], kept_here - 1, -1).astype(np.int32)
        fine = np.empty((len(slot), len(probes), lanes), real)
        at_ms = np.empty((kept_here[-1], len(coarse), lanes), real)
        loaded.run_tile(
            ctypes.c_void_p(rows.ctypes.data),
            ctypes.c_void_p(numbers.ctypes.data),
            ctypes.c_void_p(indices.ctypes.data),
            ctypes.byref(
                CRecorder(
                    len(slot),
                    done,
                    starts[of_piece].ctypes.data,
                    first.ctypes.data,
                    at_step.ctypes.data,
                    connection.ctypes.data,
                    following.ctypes.data,
                    len(probes),
                    len(coarse),
                    node.ctypes.data,
                    fine.ctypes.data,
                    slot.ctypes.data,
                    at_ms.ctypes.data,
                )
            ),
        )
        v_mv[..., done + 1 : done + 1 + len(slot)] = fine[..., :n].T
        kept_mv[..., n_kept : n_kept + len(at_ms)] = at_ms[..., :n].T
        n_kept += len(at_ms)
        wild = ~(np.abs(fine[..., :n]) < RUNAWAY_MV).all(axis=1)  # NaN is not below either
        wild_ms = np.minimum(wild_ms, np.where(wild.any(axis=0), time_ms[done + 1 + wild.argmax(axis=0)], np.inf))
        if np.isfinite(wild_ms).all():
            break
    return [
        Unstable(float(ran_away_ms))
        if np.isfinite(ran_away_ms)
        else Recording(time_ms, fine_mv, at_whole_ms(time_ms, keep, coarse_mv.T, v_init_mv, duration_ms))
        for ran_away_ms, fine_mv, coarse_mv in zip(wild_ms, v_mv, kept_mv, strict=True)
    ]


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
