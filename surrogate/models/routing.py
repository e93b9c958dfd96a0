"""Which input each synapse of a branch reads.

Y = branches × synapses_per_branch synapses, branch after branch. S inputs.
"""

from __future__ import annotations

import math

import numpy as np


def neuronio_routing(n_inputs: int, n_branches: int, synapses_per_branch: int) -> tuple[np.ndarray, np.ndarray]:
    """Neighbouring inputs share a branch, excitatory and inhibitory ones in turn; branches overlap.

    n_inputs: even; the first half excitatory, the second half the inhibitory ones of the same segments.
    Returns the input of every synapse, shape (Y,), and whether there is one: False past the last input.
    Source: Spieler et al. 2024, arXiv 2306.16922, and the code published with it.
    """
    half, stride = n_inputs // 2, math.ceil(n_inputs / n_branches)
    channel = (np.arange(n_branches)[:, None] * stride + np.arange(synapses_per_branch)).ravel()
    valid = channel < n_inputs
    channel = np.minimum(channel, n_inputs - 1)
    return channel // 2 + half * (channel % 2), valid


def random_routing(
    n_inputs: int, n_branches: int, synapses_per_branch: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Every synapse reads an input drawn with replacement; returns as `neuronio_routing` does."""
    inputs = np.random.default_rng(seed).integers(n_inputs, size=n_branches * synapses_per_branch)
    return inputs, np.ones(len(inputs), dtype=bool)


def dendritic_routing(branch_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every input has one synapse, on the branch that is given for it; returns as `neuronio_routing` does.

    All branches have as many synapses as the longest; what shorter ones lack is False.
    """
    n_synapses_k = np.bincount(branch_s)
    inputs = np.zeros((len(n_synapses_k), n_synapses_k.max()), dtype=int)
    valid = np.arange(inputs.shape[1]) < n_synapses_k[:, None]
    inputs[valid] = np.argsort(branch_s, kind="stable")
    return inputs.ravel(), valid.ravel()
