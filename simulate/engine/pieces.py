"""A trial integrated piece by piece: recordings take bounded memory, and a runaway voltage ends it at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .interface import Integration, Recording, Unstable

PIECE_MS = 250.0  # 640 segments at dt 0.025 are 51 MB; handing the cell over to CoreNEURON costs 2 % (measured)
RUNAWAY_MV = 300.0  # far beyond every reversal potential


class Recorder:
    """The NEURON vectors of one trial, emptied after each piece; to be made before finitialize.

    probes: segments of which every step is kept; coarse: those of which only whole ms are.
    """

    def __init__(self, probes: Sequence, coarse: Sequence, duration_ms: float) -> None:
        from neuron import h

        self._n_probes, self._duration_ms = len(probes), duration_ms
        self._time = h.Vector().record(h._ref_t)
        self._v = [h.Vector().record(site._ref_v) for site in (*probes, *coarse)]
        self._times: list[np.ndarray] = []
        self._fine: list[np.ndarray] = []
        self._coarse_v_mv = np.full((len(coarse), int(duration_ms)), np.nan, "f4")
        self._last = (np.empty(0), np.empty((len(coarse), 0)))  # the step before the present piece

    def integrate(self, integration: Integration, queue: Callable[[float, float], None]) -> Recording:
        """Integrate from NEURON's present state to the end. Raises Unstable at the piece with a runaway voltage.

        queue: puts the input spikes between two times into NEURON's event queue. It is called piece by piece, since
        CoreNEURON takes over all that are waiting at each piece's start: a trial's rest, again and again.
        """
        from neuron import h

        pc = h.ParallelContext()
        if integration.dt_ms is None:  # stopping would change the steps that NEURON chooses
            stops_ms = np.array([self._duration_ms])
        else:  # half a step later, as times are sums of steps and may lie on either side of a stop
            stops_ms = np.append(np.arange(PIECE_MS, self._duration_ms, PIECE_MS), self._duration_ms)
            stops_ms = stops_ms + integration.dt_ms / 2
        for start_ms, stop_ms in zip([0.0, *stops_ms], stops_ms, strict=False):
            queue(start_ms, stop_ms)
            pc.psolve(stop_ms)
            self._collect()
        return Recording(np.concatenate(self._times), np.concatenate(self._fine, axis=1), self._coarse_v_mv)

    def _collect(self) -> None:
        time_ms = np.array(self._time)
        v_mv = np.array([v.as_numpy() for v in self._v]).reshape(len(self._v), len(time_ms))
        for vector in (self._time, *self._v):
            vector.resize(0)
        wild = ~(np.abs(v_mv) < RUNAWAY_MV).all(axis=0)  # NaN is not below either
        if wild.any():
            raise Unstable(float(time_ms[wild][0]))
        self._times.append(time_ms)
        self._fine.append(v_mv[: self._n_probes].copy())  # a view would keep the whole piece
        self._sample(time_ms, v_mv[self._n_probes :])

    def _sample(self, time_ms: np.ndarray, v_mv: np.ndarray) -> None:
        """Keep the whole ms of a piece, interpolated where a step is not on them."""
        if not len(v_mv):
            return
        before_ms, before_mv = self._last
        time_ms, v_mv = np.append(before_ms, np.round(time_ms, 6)), np.concatenate([before_mv, v_mv], axis=1)
        first, last = int(np.ceil(time_ms[0])), min(int(time_ms[-1]), self._coarse_v_mv.shape[1] - 1)
        grid_ms = np.arange(first, last + 1)
        for row, values_mv in zip(self._coarse_v_mv, v_mv, strict=True):
            row[grid_ms] = np.interp(grid_ms, time_ms, values_mv)
        self._last = (time_ms[-1:], v_mv[:, -1:])
