import numpy as np
import pytest
import torch

from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.models.families import build
from apical.surrogate.use.checkpoint import Surrogate

N_INPUTS = 16


@pytest.fixture
def make_surrogate():
    """A model with weights large enough that differences show; odd sizes, so that vectors are not filled."""

    def make(size=5, family="elm", seed=1, n_inputs=N_INPUTS, **options):
        model = build(family, size, n_inputs, seed=seed, **options)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter *= 3
        signs = [(1, n_inputs // 2), (-1, n_inputs - n_inputs // 2)]
        return Surrogate(
            model.eval(), VoltageScaling(), f"{family}-{size}", family, size, 0, "nowhere", "elsewhere", {}, signs
        )

    return make


@pytest.fixture
def make_table():
    """Random connections among n neurons, several between some pairs."""

    def make(n, per_neuron=6, seed=0, longest_ms=7):
        random, n_all = np.random.default_rng(seed), n * per_neuron
        return {
            "pre": random.integers(n, size=n_all),
            "post": random.integers(n, size=n_all),
            "synapse": random.integers(N_INPUTS, size=n_all),
            "weight": random.random(n_all) * 2,
            "delay_ms": random.integers(1, longest_ms + 1, size=n_all),
        }

    return make
