"""Sequences in pieces against whole ones, and spiking neurons against plain PyTorch: outputs and gradients."""

import pytest
import torch

from apical.surrogate.kernels.events import Events
from apical.surrogate.kernels.recurrence.memory import Pieces, memory
from apical.surrogate.kernels.recurrence.spiking import reference, spiking_trace
from apical.surrogate.models.elm import ELMConfig
from apical.surrogate.models.families import assemble, build

pytestmark = pytest.mark.usefixtures("poisoned")


def spikes(n_windows, n_ms, n_inputs=34, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.poisson(torch.full((n_windows, n_ms, n_inputs), 0.1), generator=random)


def gradients(model, y_btx):
    """Of a loss in which each output has a weight of its own."""
    model.zero_grad()
    (y_btx * torch.randn(y_btx.shape, generator=torch.Generator().manual_seed(5))).mean().backward()
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return {"y": y_btx.detach()} | found


def assert_same(ours, truth):
    assert ours.keys() == truth.keys()
    for name, expected in truth.items():
        scale = expected.abs().max().clamp(min=1e-3)
        torch.testing.assert_close(ours[name] / scale, expected / scale, rtol=0, atol=1e-5, msg=name)


def cut(trace, x_bts, state, lengths):
    """Outputs of pieces of these lengths, one after the other."""
    outputs = []
    for x in x_bts.split(lengths, dim=1):
        y_btx, state = trace(Events.from_dense(x), state)
        outputs.append(y_btx)
    return torch.cat(outputs, 1)


@pytest.mark.parametrize("d_m, n_windows, lengths", [(7, 3, [1, 20, 42]), (100, 5, [17, 16]), (150, 8, [9, 9, 2])])
def test_an_elm_in_pieces_is_the_whole_one(d_m, n_windows, lengths):
    for options in ({"learn_tau_m": True}, {"n_branches": None, "version": 2}):
        config = {"n_inputs": 34, "d_m": d_m, "n_branches": 5, "synapses_per_branch": 9} | options
        model, x_bts = assemble(ELMConfig(**config), 1), spikes(n_windows, sum(lengths))
        truth = gradients(model, memory(x_bts, model.neuron(), "reference"))
        pieces = Pieces(model.neuron(), 34)
        assert_same(gradients(model, cut(pieces.trace, x_bts, pieces.rest(n_windows), lengths)), truth)


def test_pieces_by_the_reference_too():
    config = ELMConfig(n_inputs=34, d_m=5, n_branches=5, synapses_per_branch=9, mlp_layers=2)
    model, x_bts = assemble(config, 1), spikes(3, 30)
    truth = gradients(model, memory(x_bts, model.neuron()))
    pieces = Pieces(model.neuron(), 34)
    assert_same(gradients(model, cut(pieces.trace, x_bts, pieces.rest(3), [1, 12, 17])), truth)


@pytest.mark.parametrize("family", ["lstm", "gru"])
def test_gated_cells_in_pieces_are_pytorch_s(family):
    model, x_bts = build(family, 13, 34), spikes(9, 33)
    truth = gradients(model, model.cells(x_bts)[0])
    assert_same(gradients(model, cut(model.trace, x_bts, model.init_state(9), [1, 20, 12])), truth)


def spiking(trace, n_neurons):
    random = torch.Generator().manual_seed(1)
    drive = (torch.randn(3, 40, n_neurons, generator=random) * 0.5 + 0.2).requires_grad_()
    leak = torch.rand(n_neurons, generator=random).requires_grad_()
    start = tuple(torch.rand(3, n_neurons, generator=random).requires_grad_() for _ in range(2))
    trace_btn, last = trace(drive, leak, 0.9, 10.0, start)
    outputs = trace_btn, *last
    loss = sum((each * torch.randn(each.shape, generator=random)).sum() for each in outputs)
    return outputs, torch.autograd.grad(loss, [drive, leak, *start])


@pytest.mark.parametrize("n_neurons", [24, 21])  # whole vectors, and not
def test_spiking_neurons_are_the_plain_loop_s(n_neurons):
    (ours, of_ours), (truth, of_truth) = spiking(spiking_trace, n_neurons), spiking(reference, n_neurons)
    assert 0.05 < (truth[0].diff(dim=1) > 0).float().mean() < 0.95
    for one, other in zip((*ours, *of_ours), (*truth, *of_truth), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
