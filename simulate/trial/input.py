"""Where a trial's input spikes come from: drawn by statistics, changed or not, or given by the user."""

from __future__ import annotations

import numpy as np

from ..cell.spatial_clusters import clusters
from ..cell.synapses import counts
from ..config import Simulation
from ..stimulus import out_of_distribution, statistics
from ..stimulus.given import GivenSpikes
from .detailed import DetailedNeuron
from .lif import LifNeuron


class TrialInput:
    """The input of every trial of `config` to `neuron`.

    n_trials: how many trials there is input for; None for any number.
    Raises InputError where the user's input spikes cannot be read or do not fit.
    """

    def __init__(self, config: Simulation, neuron: DetailedNeuron | LifNeuron) -> None:
        self._config = config
        there = counts(config.synapses_per_segment, neuron.tree)
        site = np.repeat(np.arange(len(neuron.tree)), there)  # of each excitatory synapse
        self._tree, self._length_um = neuron.tree[site], neuron.length_um[site]
        self._given, self.n_trials = None, None
        if config.input_spikes is not None:
            self._given = GivenSpikes(config.input_spikes, 2 * len(site), config.duration_ms)
            self.n_trials = self._given.n_trials
        if config.out_of_distribution is not None and isinstance(neuron, DetailedNeuron):
            self._cluster = clusters(neuron.cell.segments, config.out_of_distribution.clusters)[site]

    def trial(self, number: int) -> np.ndarray:
        """Input spikes of trial `number`, shape (S, T), boolean."""
        if self._given is not None:
            return self._given.trial(number)
        config, change = self._config, self._config.out_of_distribution
        factor: float | np.ndarray = 1.0
        if change is not None:
            factor = out_of_distribution.factor(change, self._cluster, config.duration_ms, config.seed, number)
        return statistics.draw(
            config.statistics, self._tree, self._length_um, config.duration_ms, config.seed, number, factor
        )
