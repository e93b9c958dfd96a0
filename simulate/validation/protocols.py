"""What is injected to test a cell, and what it answers: back-propagation, calcium spike, BAC firing, EPSP, steps.

Source of the protocols: Hay et al. 2011, PLoS Comput Biol 7:e1002107, Figures 1 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..cell.built import Cell
from ..engine.interface import Epsp, Inputs, Integration, Pulse
from ..engine.run import run
from ..schema import InputError

V_INIT_MV = -80.0
PULSE_MS, PULSE_NA = (295.0, 300.0), 1.9  # somatic pulse
EPSP_ONSET_MS = 300.0
EPSP_NA, CA_BURST_NA = 0.5, 1.5
STEP_MS = (700.0, 2700.0)
SPIKE_MV = -10.0  # a spike is an upward crossing of this at the soma
DISTANCES_UM = (400.0, 620.0)


@dataclass(frozen=True)
class Response:
    """Voltages of one protocol: time_ms (n,); v_mv maps a site ('soma', '400 um', ...) to (n,)."""

    time_ms: np.ndarray
    v_mv: dict[str, np.ndarray]

    def spike_times_ms(self, threshold_mv: float = SPIKE_MV, site: str = "soma") -> np.ndarray:
        """Upward crossings of -10 mV (or `threshold_mv`) at the soma (or `site`), linearly interpolated."""
        t, v = self.time_ms, self.v_mv[site]
        at = np.flatnonzero((v[:-1] < threshold_mv) & (v[1:] >= threshold_mv))
        return t[at] + (threshold_mv - v[at]) / (v[at + 1] - v[at]) * (t[at + 1] - t[at])

    def spike_peaks_ms(self, threshold_mv: float = SPIKE_MV) -> np.ndarray:
        """When each spike of the soma is highest: between its upward crossing of the threshold and its way back."""
        above = np.concatenate([[False], self.v_mv["soma"] >= threshold_mv, [False]]).astype(int)
        begins, ends = np.flatnonzero(np.diff(above) == 1), np.flatnonzero(np.diff(above) == -1)
        highest = [b + int(np.argmax(self.v_mv["soma"][b:e])) for b, e in zip(begins, ends, strict=True) if b]
        return self.time_ms[highest]

    def peak_mv(self, site: str, after_ms: float = 200.0) -> float:
        """Largest voltage of `site` from `after_ms` on."""
        return float(self.v_mv[site][self.time_ms >= after_ms].max())

    def at_mv(self, site: str, time_ms: float) -> float:
        """Voltage of `site` at one moment."""
        return float(np.interp(time_ms, self.time_ms, self.v_mv[site]))

    def above_ms(self, site: str, threshold_mv: float) -> float:
        """How long `site` stays above `threshold_mv`."""
        above = self.v_mv[site][:-1] > threshold_mv
        return float(np.diff(self.time_ms)[above].sum())


def protocols(cell: Cell) -> dict[str, tuple[list[Pulse | Epsp], float]]:
    """The dendritic protocols: name -> (point currents, duration in ms).

    Raises InputError where the apical dendrite does not reach 620 um.
    """
    soma, apical = cell.soma(0.5), cell.at_apical_distance(620)
    somatic = Pulse(soma, *PULSE_MS, PULSE_NA)
    return {
        "bAP": ([somatic], 600.0),
        "Ca burst": ([Epsp(apical, EPSP_ONSET_MS, CA_BURST_NA)], 600.0),
        "BAC": ([somatic, Epsp(apical, EPSP_ONSET_MS, EPSP_NA)], 600.0),
        "EPSP": ([Epsp(apical, EPSP_ONSET_MS, EPSP_NA)], 600.0),
    }


def electrodes(cell: Cell) -> dict[str, object]:
    """Where voltages are recorded: the soma, and 400 and 620 um up the apical trunk as far as it reaches."""
    found = {"soma": cell.soma(0.5)}
    for distance_um in DISTANCES_UM:
        try:
            found[f"{distance_um:.0f} um"] = cell.at_apical_distance(distance_um)
        except InputError:
            break
    return found


def respond(
    cell: Cell,
    currents: Sequence[Pulse | Epsp],
    duration_ms: float,
    integration: Integration,
    v_init_mv: float = V_INIT_MV,
    sites: dict[str, object] | None = None,
) -> Response:
    """Run one protocol and record `sites` (name -> NEURON segment), or soma and apical trunk."""
    sites = sites or electrodes(cell)
    recording = run(cell, Inputs(currents=currents), list(sites.values()), duration_ms, v_init_mv, integration)
    return Response(recording.time_ms, dict(zip(sites, recording.v_mv, strict=True)))


def step_current(cell: Cell, amplitude_na: float, integration: Integration) -> Response:
    """A 2 s somatic step from 700 ms."""
    return respond(cell, [Pulse(cell.soma(0.5), *STEP_MS, amplitude_na)], 3000.0, integration)
