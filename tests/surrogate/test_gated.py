"""LSTM and GRU against their equations, and the published parameter counts."""

from __future__ import annotations

import pytest
import torch

from apical.surrogate.cost import n_parameters
from apical.surrogate.events import Events
from apical.surrogate.models import build


def spikes(n_windows, n_ms, n_inputs):
    random = torch.Generator().manual_seed(0)
    return torch.randint(-1, 2, (n_windows, n_ms, n_inputs), generator=random).float()


# Table of Spieler et al. 2024: cells -> parameters, in thousands with as many digits as there
@pytest.mark.parametrize(
    "cells, thousands, digits",
    [(15, 77.67, 2), (25, 130.45, 2), (50, 265.9, 1), (100, 551.8, 1), (150, 857.7, 1), (250, 1529.5, 1)],
)
def test_published_parameter_counts(cells, thousands, digits):
    assert round(n_parameters(build("lstm", cells, 1278)) / 1000, digits) == thousands


def test_lstm_equals_its_equations():
    """Hochreiter & Schmidhuber 1997 with forget gates: i, f, g, o; one bias each."""
    model, x_bts = build("lstm", 4, 6), spikes(2, 30, 6)
    of = {name: parameter.detach() for name, parameter in model.named_parameters()}
    h = c = torch.zeros(2, 4)
    expected = []
    for x_bs in x_bts.unbind(1):
        gates = x_bs @ of["cells.weight_ih_l0"].T + of["cells.bias_ih_l0"] + h @ of["cells.weight_hh_l0"].T
        i, f, g, o = gates.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        expected.append(h @ of["head.weight"].T + of["head.bias"])
    torch.testing.assert_close(model(x_bts), torch.stack(expected, 1))


def test_gru_equals_its_equations():
    """Cho et al. 2014, the reset gate after the product: r, z, n."""
    model, x_bts = build("gru", 4, 6), spikes(2, 30, 6)
    of = {name: parameter.detach() for name, parameter in model.named_parameters()}
    h = torch.zeros(2, 4)
    expected = []
    for x_bs in x_bts.unbind(1):
        r_x, z_x, n_x = (x_bs @ of["cells.weight_ih_l0"].T + of["cells.bias_ih_l0"]).chunk(3, dim=1)
        r_h, z_h, n_h = (h @ of["cells.weight_hh_l0"].T + of["cells.bias_hh_l0"]).chunk(3, dim=1)
        z = torch.sigmoid(z_x + z_h)
        h = (1 - z) * torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h) + z * h
        expected.append(h @ of["head.weight"].T + of["head.bias"])
    torch.testing.assert_close(model(x_bts), torch.stack(expected, 1))


@pytest.mark.parametrize("family", ["lstm", "gru"])
def test_events_are_the_dense_input(family):
    model, x_bts = build(family, 3, 10), spikes(2, 20, 10)
    assert torch.equal(model(Events.from_dense(x_bts)), model(x_bts))


def test_the_second_bias_of_an_lstm_stays_zero():
    model = build("lstm", 3, 10)
    assert not model.cells.bias_hh_l0.any() and not model.cells.bias_hh_l0.requires_grad
