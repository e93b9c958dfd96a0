"""A leaky integrate-and-fire neuron with exponential synapses: the control of Beniaguev et al. 2021, Figure 1.

    tau_m dv/dt = -(v - v_rest) + sum of synaptic currents, each of which decays with its tau_s
The published figure gives the kind of neuron; the numbers of config.Lif are chosen, the jumps so that preset lif fires
at 1 Hz.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..config import Lif
from ..engine.interface import Integration, Passed, Recording, Together, unheard
from ..schema import FINE_PER_MS


class LifNeuron:
    """The neuron with its synapses, as `experiment.Experiment` wants it. Needs no NEURON."""

    def __init__(self, parameters: Lif) -> None:
        self.parameters = parameters
        n, basal = parameters.segments, parameters.segments // 2
        self.tree = np.array(["basal"] * basal + ["apical"] * (n - basal))
        self.length_um = np.ones(n)  # equal shares of the input

    def coordinates(self) -> dict[str, np.ndarray]:
        """Its synapses and sites, as a dataset's coordinates."""
        n = self.parameters.segments
        return {
            "synapse_sign": np.repeat(np.array([1, -1], "i1"), n),
            "synapse_receptor": np.array(["exponential"] * 2 * n),
            "synapse_segment": np.tile(np.arange(n), 2),
            "segment_type": self.tree,
            "segment_section": np.arange(n),
            "segment_x": np.full(n, 0.5),
            "segment_distance_um": np.zeros(n),
            "segment_length_um": self.length_um,
        }

    def respond(self, input_spikes: np.ndarray, integration: Integration | None = None) -> Recording:
        """Voltage at 8 samples per ms, exact at each, and the times of the threshold crossings.

        input_spikes (S, T): boolean; a spike in bin t arrives at t ms. A crossing is placed by linear interpolation
        between samples; the sample after it is the first one at reset. integration: of no account, nothing is stepped.
        """
        from scipy.signal import lfilter

        p, step_ms = self.parameters, 1 / FINE_PER_MS
        excitatory, inhibitory = input_spikes.reshape(2, p.segments, -1).sum(axis=1)
        leak = np.exp(-step_ms / p.tau_m_ms)
        gain_mv = np.zeros(len(excitatory) * FINE_PER_MS)  # what the currents add to v - v_rest in the step to come
        for spikes, jump_mv, tau_ms in (
            (excitatory, p.jump_excitatory_mv, p.tau_excitatory_ms),
            (inhibitory, -p.jump_inhibitory_mv, p.tau_inhibitory_ms),
        ):
            jumps_mv = np.zeros(len(gain_mv))
            jumps_mv[::FINE_PER_MS] = jump_mv * spikes
            decay = np.exp(-step_ms / tau_ms)
            gain_mv += tau_ms / (tau_ms - p.tau_m_ms) * (decay - leak) * lfilter([1], [1, -decay], jumps_mv)
        above_mv, spikes_ms = _fire(gain_mv, leak, p)
        no_sites = np.empty((0, input_spikes.shape[1]), "f4")
        time_ms = np.arange(len(above_mv)) * step_ms
        return Recording(time_ms, p.v_rest_mv + above_mv[None], no_sites, spikes_ms)

    def respond_to_events(
        self,
        events_ms: Sequence[Sequence[np.ndarray]],
        duration_ms: int,
        integration: Integration | None = None,
        passed: Passed = unheard,
    ) -> list[Recording]:
        """The same for each of several trials. events_ms: by trial and synapse, times of input spikes at whole ms."""
        found = []
        for events in events_ms:
            spikes = np.zeros((len(events), duration_ms), bool)
            for row, times_ms in zip(spikes, events, strict=True):
                row[times_ms] = True
            found.append(self.respond(spikes))
        return found

    def side_by_side(self) -> Together:
        return Together(1)


def _fire(gain_mv: np.ndarray, leak: float, p: Lif) -> tuple[np.ndarray, np.ndarray]:
    """Voltage above rest and spike times: the linear neuron from each reset to the next crossing."""
    from scipy.signal import lfilter

    threshold_mv, reset_mv = p.v_threshold_mv - p.v_rest_mv, p.v_reset_mv - p.v_rest_mv
    above_mv, spikes_ms, start, here_mv = np.zeros(len(gain_mv)), [], 0, 0.0
    while start < len(gain_mv):
        drive_mv = np.append(here_mv, gain_mv[start:-1])
        above_mv[start:] = lfilter([1], [1, -leak], drive_mv)
        over = np.flatnonzero(above_mv[start:] >= threshold_mv)
        if not len(over):
            break
        at = start + over[0]
        since = (threshold_mv - above_mv[at - 1]) / (above_mv[at] - above_mv[at - 1])
        spikes_ms.append((at - 1 + since) / FINE_PER_MS)
        start, here_mv = at + max(1, round(p.refractory_ms * FINE_PER_MS)), reset_mv
        above_mv[at:start] = reset_mv
    return above_mv, np.array(spikes_ms)
