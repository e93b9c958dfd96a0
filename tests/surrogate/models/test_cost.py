"""Multiply-accumulates, against PyTorch's own counter where it sees them all, and by hand."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from apical.surrogate.models.cost import macs_per_ms, n_parameters
from apical.surrogate.models.families import build


def counted(model, n_inputs):
    """Half the floating point operations that PyTorch counts in one bin."""
    model.eval()
    state, x_bs = model.init_state(1), torch.zeros(1, n_inputs)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.step(x_bs, state)
    return counter.get_total_flops() / 2


@pytest.mark.parametrize("size, options", [("1x4", {}), ("3x8", {"n_dendrite_components": 5}), ("7x128", {})])
def test_tcn(size, options):
    model = build("tcn", size, 1278 if size == "7x128" else 16, **options)
    assert macs_per_ms(model) == counted(model, model.n_inputs)


@pytest.mark.parametrize("mlp_layers", [1, 2, 3])
def test_elm(mlp_layers):
    """The counter does not see the 45 synapses, which are weighed one by one."""
    model = build("elm", 7, 16, n_branches=5, synapses_per_branch=9, mlp_layers=mlp_layers)
    assert macs_per_ms(model) == counted(model, 16) + 5 * 9


def test_simplest_elm_by_hand():
    """Weights, the linear layer from branch and memory, the two outputs; with its biases the published count."""
    model = build("elm", "simplest", 1278)
    assert macs_per_ms(model) == 1278 + 2 + 2
    assert n_parameters(model) == 1286  # Spieler et al. 2024


@pytest.mark.parametrize("family, count", [("lif", 1280), ("alif", 1281)])
def test_point_neurons_by_hand(family, count):
    model = build(family, 1, 1278)
    assert macs_per_ms(model) == 1278
    assert n_parameters(model) == count  # Spieler et al. 2024


def test_ln_by_hand():
    """Each sign has three coefficients and three time constants; the curve is 1 → 8 → 2."""
    model = build("ln", 3, 1278)
    assert macs_per_ms(model) == 1278 + 6 + 8 + 16
    assert n_parameters(model) == 1278 + 6 + 6 + 16 + 18


def test_published_branch_elm_by_hand():
    model = build("elm", 20, 1278)
    assert macs_per_ms(model) == 45 * 100 + (45 + 20) * 40 + 40 * 20 + 20 * 2 == 7940
    assert n_parameters(model) - macs_per_ms(model) == 40 + 20 + 2  # the biases


def test_twice_the_bins_cost_twice_as_much():
    assert macs_per_ms(build("elm", 20, 1278, delta_t_ms=0.5)) == 2 * 7940


@pytest.mark.parametrize("family, gates", [("lstm", 4), ("gru", 3)])
def test_gated_by_hand(family, gates):
    assert macs_per_ms(build(family, 6, 16)) == gates * (16 * 6 + 6 * 6) + 6 * 2
