"""Input that a surrogate has not been fitted on: a few spatial clusters, modulated in time, without inhibition.

Source: the test set of Beniaguev, Segev & London 2021 (Neuron 109:2727). It gives the clusters, the periods and the
halves; how many clusters a trial gets, the depth of the modulation and the gain are chosen here.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from ..schema import Configuration


class OutOfDistribution(Configuration):
    """How the rates of the input statistics are changed, anew for each trial."""

    clusters: int = Field(64, ge=1, le=10_000, description="spatial clusters of segments")
    most_stimulated: float = Field(0.3, gt=0, le=1, description="largest share of them that gets input in a trial")
    gain: float = Field(1.5, gt=0, le=1e3, description="factor on the rates of the clusters that get input (chosen)")
    modulated: float = Field(0.5, ge=0, le=1, description="share of trials with sinusoidally modulated rates")
    period_ms: tuple[float, float] = Field((15.0, 300.0), description="range of the modulation's period")
    without_inhibition: float = Field(0.5, ge=0, le=1, description="share of trials without inhibition")

    @model_validator(mode="after")
    def _period_ascends(self) -> OutOfDistribution:
        if not 1e-3 <= self.period_ms[0] <= self.period_ms[1]:
            low, high = self.period_ms
            raise ValueError(f"period_ms: expected times of 0.001 and more, ascending, got ({low:g}, {high:g})")
        return self


def factor(change: OutOfDistribution, cluster: np.ndarray, duration_ms: int, seed: int, trial: int) -> np.ndarray:
    """What the rates of one trial are multiplied by, shape (2 N, T): excitatory synapses, then inhibitory ones.

    cluster (N,): spatial cluster of each synapse's segment. From 1 to `most_stimulated` of the clusters get input;
    modulated rates go with 1 + sin(2 pi t / period + phase), which leaves their mean.
    """
    # A stream of its own, so that the trial's rates are drawn as without this.
    rng = np.random.default_rng(np.random.SeedSequence([seed, trial], spawn_key=(1,)))
    most = max(1, int(change.most_stimulated * change.clusters))
    chosen = rng.permutation(change.clusters)[: rng.integers(1, most + 1)]
    modulated, disinhibited = rng.random() < change.modulated, rng.random() < change.without_inhibition
    period_ms, phase = rng.uniform(*change.period_ms), rng.uniform(0, 2 * np.pi)
    stimulated = np.isin(cluster, chosen) * change.gain
    of_synapse = np.concatenate([stimulated, stimulated * (not disinhibited)])
    in_time = 1 + modulated * np.sin(2 * np.pi * np.arange(duration_ms) / period_ms + phase)
    return of_synapse[:, None] * in_time
