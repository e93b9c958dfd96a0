"""LSTM and GRU against their equations, and the published parameter counts."""

from __future__ import annotations

import pytest
import torch

from apical.surrogate.kernels.events import Events
from apical.surrogate.kernels.recurrence.gates import GruTrace, LstmTrace
from apical.surrogate.models.cost import n_parameters
from apical.surrogate.models.families import build


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


def outcome(model, x, path):
    """Outputs and every gradient, of a loss in which each output has a weight of its own."""
    model.path = path
    model.zero_grad()
    y_bto = model(x)
    weight = torch.randn(y_bto.shape, generator=torch.Generator().manual_seed(5))
    (y_bto * weight).mean().backward()
    return {"y": y_bto.detach()} | {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("n_windows, n_ms", [(1, 1), (3, 63), (8, 20), (9, 257)])
@pytest.mark.parametrize("cells", [1, 7, 15, 50])
@pytest.mark.parametrize("family", ["lstm", "gru"])
def test_compiled_equals_pytorchs_own(poisoned, family, cells, n_windows, n_ms):
    model, x_bts = build(family, cells, 34, n_outputs=3), spikes(n_windows, n_ms, 34)
    with torch.no_grad():
        model.cells.bias_hh_l0.copy_(torch.linspace(-1, 1, len(model.cells.bias_hh_l0)))
    ours, truth = (outcome(model, x_bts, path) for path in ("compiled", "reference"))
    assert ours.keys() == truth.keys()
    for name, expected in truth.items():
        scale = expected.abs().max().clamp(min=1e-3)
        torch.testing.assert_close(
            ours[name] / scale, expected / scale, rtol=0, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.mark.parametrize("family", ["lstm", "gru"])
def test_results_do_not_depend_on_the_number_of_threads(family):
    """To the bit; PyTorch's own matrix products around it may differ in the last."""
    random, had = torch.Generator().manual_seed(0), torch.get_num_threads()
    gates = {"lstm": 4, "gru": 3}[family] * 5
    drive, weight, bias = (
        torch.randn(*shape, generator=random).requires_grad_() for shape in [(20, 60, gates), (gates, 5), (gates,)]
    )
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        rest = torch.zeros(20, 5)
        if family == "lstm":
            h_btc, _ = LstmTrace.apply(drive, weight, rest, rest)
        else:
            h_btc = GruTrace.apply(drive, weight, bias, rest)
        results.append((h_btc, *torch.autograd.grad((h_btc**2).sum(), [drive])))
    torch.set_num_threads(had)
    for other in results[1:]:
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(results[0], other, strict=True))


@pytest.mark.parametrize("family", ["lstm", "gru"])
def test_extreme_activity_saturates_and_a_number_that_is_none_shows(family):
    model, x_bts = build(family, 5, 10), 1e4 * spikes(2, 40, 10)
    ours, truth = (outcome(model, x_bts, path) for path in ("compiled", "reference"))
    torch.testing.assert_close(ours["y"], truth["y"])
    assert all(values.isfinite().all() for values in ours.values())
    with torch.no_grad():
        model.cells.weight_ih_l0[2] = torch.nan
    assert outcome(model, x_bts, "compiled")["y"][:, -1].isnan().all()


@pytest.mark.parametrize("family", ["lstm", "gru"])
def test_pytorchs_own_where_the_compiled_one_cannot_go(family):
    model, x_bts = build(family, 3, 10), spikes(2, 20, 10).requires_grad_()
    assert model.how == f"cells: compiled, {torch.get_num_threads()} threads"
    model(x_bts).sum().backward()
    assert x_bts.grad.abs().sum() > 0
    model.double()
    assert model.how == "cells: PyTorch's own (weights are torch.float64)"
    assert model(x_bts.detach().double()).dtype == torch.float64


@pytest.mark.parametrize("family", ["lstm", "gru"])
def test_events_are_the_dense_input(family):
    model, x_bts = build(family, 3, 10), spikes(2, 20, 10)
    assert torch.equal(model(Events.from_dense(x_bts)), model(x_bts))


def test_the_second_bias_of_an_lstm_stays_zero():
    model = build("lstm", 3, 10)
    assert not model.cells.bias_hh_l0.any() and not model.cells.bias_hh_l0.requires_grad
