"""One trial: its input spikes, integrated on the worker's cell, as the arrays of a dataset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import biophysics, cells, mechanism_library, output_spikes, stimulus, synapses
from .cell import Cell
from .config import V_INIT_MV, Simulation
from .engine import base
from .engine.base import Inputs, Integration
from .schema import FINE_PER_MS


class Experiment:
    """A cell with its synapses in this process's NEURON, built once and reused for every trial."""

    def __init__(self, config: Simulation) -> None:
        mechanism_library.load()
        self.config = config
        self.cell = Cell(cells.resolve(config.morphology), biophysics.load(config.biophysics), config.integration.fused)
        self.synapses = synapses.place(self.cell, config.excitatory, config.inhibitory, config.integration.fused)
        self.tree = np.array([segment.tree for segment in self.cell.segments])
        self.length_um = np.array([segment.length_um for segment in self.cell.segments])

    def run(self, trial: int) -> Trial:
        """Draw the input of trial number `trial` and integrate it."""
        config = self.config
        spikes = stimulus.draw(config.statistics, self.tree, self.length_um, config.duration_ms, config.seed, trial)
        return self.replay(spikes)

    def replay(self, input_spikes: np.ndarray, integration: Integration | None = None) -> Trial:
        """Integrate given input spikes, shape (S, T), boolean: a spike in bin t arrives at t ms.

        integration: instead of the configuration's.
        """
        events_ms = [np.flatnonzero(row).astype(float) for row in input_spikes]
        soma = self.cell.soma(0.5)
        recording = base.run(
            self.cell,
            Inputs(self.synapses, events_ms),
            [soma],
            float(input_spikes.shape[1]),
            V_INIT_MV,
            integration or self.config.integration,
        )
        return Trial(input_spikes, np.round(recording.time_ms, 6), recording.v_mv[0])  # NEURON adds steps up


@dataclass(frozen=True)
class Trial:
    """Input spikes (S, T) and the soma voltage at every step: time_ms (n,), v_mv (n,)."""

    input_spikes: np.ndarray
    time_ms: np.ndarray
    v_mv: np.ndarray

    def sampled_mv(self, per_ms: int) -> np.ndarray:
        """Soma voltage at `per_ms` samples per ms from 0, shape (T per_ms,)."""
        grid_ms = np.arange(self.input_spikes.shape[1] * per_ms) / per_ms
        return np.interp(grid_ms, self.time_ms, self.v_mv).astype("f4")

    def output_spike_times_ms(self) -> np.ndarray:
        """Peak time of each somatic spike: found at 8 samples per ms as published, then placed at the nearest step.

        Source: Beniaguev et al. 2021, local maxima of the 8-per-ms trace above -25 mV.
        """
        times_ms = []
        for peak in output_spikes.peaks(self.sampled_mv(FINE_PER_MS)):
            around = np.abs(self.time_ms - peak / FINE_PER_MS) <= 1 / FINE_PER_MS
            times_ms.append(self.time_ms[around][np.argmax(self.v_mv[around])])
        return np.array(times_ms)
