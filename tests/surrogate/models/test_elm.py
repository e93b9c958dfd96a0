"""The ELM against its equations written out bin by bin, and the counts of the published tables."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from apical.surrogate.kernels.recurrence.memory import path_of
from apical.surrogate.kernels.recurrence.reference import leak, memory_trace
from apical.surrogate.models.cost import n_parameters
from apical.surrogate.models.elm import ELM, ELMConfig, elm
from apical.surrogate.models.families import assemble


def equations(model, x_bts):
    """Spieler et al. 2024, one bin, one synapse state at a time, by a model in float64; v2 leaks the branch instead."""
    config, n_branches = model.config, model.n_branches
    state = dict(model.named_parameters()) | dict(model.named_buffers())
    low, high = config.tau_m_min_ms, config.tau_m_max_ms
    tau_m = low + (high - low) / (1 + torch.exp(-state["_proto_tau_m"]))
    kappa_m = torch.exp(-config.delta_t_ms / tau_m)
    kappa_b = np.exp(-config.delta_t_ms / config.tau_b_ms)
    w_s = state["_proto_w_s"].clamp(min=0)
    x_bts = x_bts.double()
    if config.n_branches is not None:
        x_bts = x_bts[..., state["input_to_synapse_indices"].long()] * state["valid_indices_mask"]
    s = torch.zeros(len(x_bts), len(w_s)).double()
    b = torch.zeros(len(x_bts), n_branches).double()
    m = torch.zeros(len(x_bts), config.d_m).double()
    outputs = []
    for t in range(x_bts.shape[1]):
        if config.version == 1:
            s = kappa_b * s + w_s * x_bts[:, t]
            b = s.view(len(s), n_branches, -1).sum(-1)
            gain = config.lambda_value * (1 - kappa_m)
        else:
            b = kappa_b * b + (w_s * x_bts[:, t]).view(len(b), n_branches, -1).sum(-1)
            gain = 1 - torch.exp(-config.delta_t_ms * config.lambda_value / tau_m)
        proposed = 1.7159 * torch.tanh(2 / 3 * model.mlp.network(torch.cat([b, kappa_m * m], dim=1)))
        m = kappa_m * m + gain * proposed
        outputs.append(m @ state["w_y.weight"].T + state["w_y.bias"])
    return torch.stack(outputs, dim=1)


def spikes(n_windows, n_ms, n_inputs, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.choice([0, 1, -1], p=[0.9, 0.05, 0.05], size=(n_windows, n_ms, n_inputs))).float()


@pytest.mark.parametrize("n_windows, n_ms", [(1, 1), (3, 63), (2, 130)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"version": 2, "learn_tau_m": True, "lambda_value": 10.0},
        {"n_branches": None, "mlp_layers": 3, "mlp_hidden_size": 5, "mlp_activation": "silu"},
        {"version": 2, "n_branches": None, "delta_t_ms": 0.5, "tau_b_ms": 7.0},
        {"routing": "random", "routing_seed": 3, "tau_m_max_ms": 1000.0},
        {"mlp_layers": 0},
        {"mlp_layers": 2, "version": 2},
    ],
)
def test_whole_window_equals_the_equations(options, n_windows, n_ms):
    config = ELMConfig(**{"n_inputs": 34, "d_m": 7, "n_branches": 5, "synapses_per_branch": 9} | options)
    model = assemble(config, seed=1)
    x_bts = spikes(n_windows, n_ms, config.n_inputs)
    with torch.no_grad():
        expected = equations(deepcopy(model).double(), x_bts)
        torch.testing.assert_close(model(x_bts).double(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mlp_activation", ["relu", "silu"])
@pytest.mark.parametrize("mlp_layers", [0, 2, 3])
def test_gradients_of_any_depth_equal_those_of_the_equations(mlp_layers, mlp_activation):
    options = {"mlp_layers": mlp_layers, "mlp_activation": mlp_activation, "learn_tau_m": True}
    model = assemble(elm(7, 34, n_branches=5, synapses_per_branch=9, **options), seed=1)
    double, x_bts = deepcopy(model).double(), spikes(2, 60, 34)
    weight = torch.randn(2, 60, 2, generator=torch.Generator().manual_seed(0))
    (model(x_bts) * weight).mean().backward()
    (equations(double, x_bts) * weight).mean().backward()
    assert len(model.mlp.layers()) == mlp_layers + 1
    for (name, ours), theirs in zip(model.named_parameters(), double.parameters(), strict=True):
        scale = theirs.grad.abs().max()
        assert scale > 0, name
        torch.testing.assert_close(ours.grad / scale, (theirs.grad / scale).float(), rtol=0, atol=1e-4)


def test_the_simplest_has_all_inputs_on_one_branch_each_once():
    model = assemble(elm("simplest", 40), seed=2)
    assert sorted(model.input_to_synapse_indices.tolist()) == list(range(40)) and model.valid_indices_mask.all()
    assert path_of(model.neuron()) == ("compiled", "")
    x_bts = spikes(3, 130, 40)
    with torch.no_grad():
        expected = equations(deepcopy(model).double(), x_bts)
        torch.testing.assert_close(model(x_bts).double(), expected, rtol=1e-4, atol=1e-5)


def test_the_one_time_constant_that_is_learned_starts_between_its_bounds():
    """At a bound the sigmoid is flat. A fixed one stays where it was published, at the lower bound."""
    assert ELM(elm("simplest", 40)).tau_m_ms.item() == pytest.approx(150**0.5)
    assert ELM(elm(1, 40)).tau_m_ms.item() == pytest.approx(1, abs=1e-3)


def test_leak_is_the_exponential_filter():
    drive = torch.rand(2, 77, 3, generator=torch.Generator().manual_seed(0))
    kappa = torch.tensor([0.0, 0.5, 0.99])
    b, expected = torch.zeros(2, 3), []
    for drive_t in drive.unbind(1):
        b = kappa * b + drive_t
        expected.append(b)
    torch.testing.assert_close(leak(drive, kappa), torch.stack(expected, 1))


def test_second_version_equals_the_first_but_for_its_gain():
    """For lambda 1 the gains 1 − kappa and 1 − exp(−dt·lambda/tau) are the same number."""
    first, second = (assemble(elm(6, 40, version=v, lambda_value=1.0), seed=2) for v in (1, 2))
    x_bts = spikes(2, 50, 40)
    torch.testing.assert_close(first(x_bts), second(x_bts))


def test_second_version_stays_bounded_for_a_large_lambda():
    model = assemble(elm(5, 40, version=2, lambda_value=1e6, tau_m_max_ms=1.0), seed=0)
    low, high = 1.0, 1.0 + 3e-6
    assert ((model.tau_m_ms >= low) & (model.tau_m_ms <= high + 1e-6)).all()
    kept = torch.exp(-1 / model.tau_m_ms)
    bound = (1.7159 / (1 - kept)).max() * model.w_y.weight.abs().sum(1).max() + model.w_y.bias.abs().max()
    assert model(spikes(2, 300, 40)).abs().max() <= bound


def test_output_depends_on_no_later_input():
    model = assemble(elm(8, 40), seed=0)
    x_bts = spikes(2, 60, 40)
    later = x_bts.clone()
    later[:, 41:] = spikes(2, 19, 40, seed=9)
    y, y_later = model(x_bts), model(later)
    torch.testing.assert_close(y[:, :41], y_later[:, :41], rtol=0, atol=0)
    assert not torch.equal(y[:, 41:], y_later[:, 41:])


def test_a_masked_synapse_carries_nothing():
    model = assemble(elm(4, 40, n_branches=2, synapses_per_branch=50), seed=0)
    model(spikes(1, 30, 40)).sum().backward()
    masked = ~model.valid_indices_mask
    assert masked.any() and not model._proto_w_s.grad[masked].any() and model._proto_w_s.grad[~masked].any()


def test_shared_weights_are_those_of_a_branch_s_excitatory_and_inhibitory_synapses():
    shape = {"n_inputs": 34, "d_m": 7, "n_branches": 5, "synapses_per_branch": 9}
    shared, own = (assemble(ELMConfig(share_weights=share, **shape), seed=1) for share in (True, False))
    weight_k2 = torch.rand(5, 2)
    inhibitory_y = own.input_to_synapse_indices >= 17
    with torch.no_grad():
        shared._proto_w_s.copy_(weight_k2.flatten())
        own._proto_w_s.copy_(torch.where(inhibitory_y, *weight_k2.repeat_interleave(9, 0).T.flip(0)))
    x_bts = spikes(3, 63, 34)
    torch.testing.assert_close(shared(x_bts), own(x_bts), rtol=0, atol=0)
    for model in (shared, own):
        model(x_bts).square().sum().backward()
    gradient_ky = own._proto_w_s.grad.view(5, 9)
    expected = torch.stack([(gradient_ky * (inhibitory_y.view(5, 9) == sign)).sum(1) for sign in (False, True)], 1)
    torch.testing.assert_close(shared._proto_w_s.grad, expected.flatten(), rtol=1e-4, atol=1e-5)
    assert n_parameters(own) - n_parameters(shared) == 5 * 9 - 5 * 2


def test_dendritic_routing_gives_each_input_one_weight_on_its_branch():
    branch_of_input = (0, 0, 1, 2, 2, 2, 0, 1)
    config = ELMConfig(n_inputs=8, d_m=4, n_branches=3, routing="dendrites", branch_of_input=branch_of_input)
    model = assemble(config, seed=1)
    assert model._proto_w_s.shape == (8,)
    with torch.no_grad():
        model._proto_w_s.uniform_()
    x_bts = spikes(3, 63, 8)
    table_sk = torch.zeros(8, 3)
    table_sk[range(8), branch_of_input] = model._proto_w_s.detach()
    b_btk = leak(x_bts @ table_sk, torch.exp(torch.tensor([-1 / 5.0] * 3)))
    mlp, given = model.mlp, model.neuron()
    m_btm = memory_trace(b_btk, mlp.layers(), mlp.activation, given.kappa_m, given.gain_m)
    torch.testing.assert_close(model(x_bts), model.w_y(m_btm), rtol=1e-4, atol=1e-5)
    model(x_bts).sum().backward()
    assert model._proto_w_s.grad.all()
    other = ELM(ELMConfig(n_inputs=8, d_m=4, n_branches=3, synapses_per_branch=5, routing="random"))
    assert n_parameters(model) == n_parameters(other) - 3 * 5 + 8


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"branch_of_input": None}, "go together"),
        ({"routing": "random"}, "go together"),
        ({"branch_of_input": (0, 1)}, "2 inputs on 2 branches, expected 4 on 2"),
        ({"n_branches": 3}, "4 inputs on 2 branches, expected 4 on 3"),
    ],
)
def test_branches_that_are_not_the_inputs_are_refused(changes, message):
    given = {"n_inputs": 4, "d_m": 2, "n_branches": 2, "routing": "dendrites", "branch_of_input": (0, 0, 1, 1)}
    with pytest.raises(ValueError, match=message):
        ELMConfig(**given | changes)


def test_every_input_of_an_even_number_has_a_synapse():
    for n_inputs in (16, 1278, 1820):
        model = ELM(elm(2, n_inputs))
        assert set(model.input_to_synapse_indices[model.valid_indices_mask].tolist()) == set(range(n_inputs))


# Released Branch-ELM models, tau fixed: model_param_count of the published eval_results.csv
RELEASED = {
    1: 4601, 2: 4708, 3: 4823, 5: 5077, 7: 5363, 10: 5852, 15: 6827, 20: 8002,
    25: 9377, 30: 10952, 40: 14702, 50: 19252, 75: 34127, 100: 54002,
}  # fmt: skip


@pytest.mark.parametrize("d_m, count", RELEASED.items())
def test_released_parameter_counts(d_m, count):
    assert n_parameters(ELM(elm(d_m, 1278))) == count
