"""The ELM Network against a NumPy loop over single neurons in float64, with the gradient derived by hand; its sizes."""

import re

import numpy as np
import pytest
import torch

from apical.simulate.schema import InputError
from apical.surrogate.kernels.events import Events
from apical.surrogate.models.cost import n_parameters
from apical.surrogate.models.elm_network import ElmNetwork
from apical.surrogate.models.elm_network_config import ElmNetworkConfig, elm_network

SHD = {2: (155, 77069), 3: (130, 76864), 4: (111, 77025), 5: (96, 77310), 7: (73, 77079)}
SHD |= {9: (57, 76551), 11: (46, 76588), 15: (32, 77246), 20: (21, 74895), 25: (15, 74109)}
ENWIK8 = {"d_m": 15, "n_branches": 50, "synapses_per_branch": 15, "rho": 0.8}
SMALL = {"d_m": 3, "n_branches": 3, "synapses_per_branch": 2, "rho": 0.4, "tau_m_max": 20.0, "input_scale": 2.0}
VARIANTS = {
    "published": {},
    "spiking": {"spiking": True},
    "learned, in ms": {"learn_tau_m": True, "tau_in": "ms", "step_ms": 2.0},
    "positive": {"weights": "positive", "input_scale": 0.7},
    "two layers": {"n_layers": 2},
    "no recurrence": {"rho": 0.0, "n_branches": 1, "d_m": 1},
}


class Neuron:
    """One neuron of a layer, in float64: forward remembers, backward takes back, in the reverse order."""

    def __init__(self, layer, n):
        config = layer.config
        self.source = layer.source_ny[n].numpy()
        self.w, self.wy, self.bias = (each[n].detach().double().numpy() for each in (layer.w_ny, layer.w_y, layer.bias))
        self.mlp = [each[n].detach().double().numpy() for each in layer.mlp]
        self.mlp_bias = [each[n].detach().double().numpy() for each in layer.mlp_bias]
        self.positive = config.weights == "positive"
        self.scale, self.per_branch = config.input_scale, config.synapses_per_branch
        tau, step = layer.tau_nm[n].detach().double().numpy(), 1.0 if config.tau_in == "steps" else config.step_ms
        self.kappa, self.gain = np.exp(-step / tau), 1 - np.exp(-config.lambda_value * step / tau)
        self.kappa_of_tau = self.kappa * step / tau**2
        self.gain_of_tau = -np.exp(-config.lambda_value * step / tau) * config.lambda_value * step / tau**2
        self.m, self.of_m, self.tape = np.zeros(len(tau)), np.zeros(len(tau)), []
        self.of = dict.fromkeys(("w_ny", "w_y", "bias", "tau"), 0.0)
        self.of |= {f"mlp.{i}": 0.0 for i in range(len(self.mlp))} | {
            f"mlp_bias.{i}": 0.0 for i in range(len(self.mlp))
        }

    def forward(self, sources):
        weight = np.maximum(self.w, 0) if self.positive else self.w
        given = self.scale * weight * sources[self.source]
        branches = [given[first : first + self.per_branch].sum() for first in range(0, len(given), self.per_branch)]
        before, into = self.m, np.array([*branches, *(self.kappa * self.m)])
        if len(self.mlp) == 2:
            a = into @ self.mlp[0] + self.mlp_bias[0]
            h = np.where(a > 0, a, 0) ** 2
        else:
            a, h = None, into
        u = h @ self.mlp[-1] + self.mlp_bias[-1]
        d = np.tanh(2 / 3 * u)
        self.m = self.kappa * self.m + self.gain * 1.7159 * d
        self.tape.append((sources, before, into, a, h, u, d, self.m))
        return self.wy @ self.m, np.abs(u).sum()

    def backward(self, of_r, of_effort=0.0):
        """Gradient of the sources, from that of the readout and that of |u|'s sum."""
        sources, before, into, a, h, u, d, m = self.tape.pop()
        of_m = self.of_m + of_r * self.wy
        of_u = of_m * self.gain * 1.7159 * (1 - d**2) * 2 / 3 + of_effort * np.sign(u)
        of_h = self.mlp[-1] @ of_u
        last = len(self.mlp) - 1
        self.add(f"mlp.{last}", np.outer(h, of_u)), self.add(f"mlp_bias.{last}", of_u)
        of_into = of_h
        if a is not None:
            of_a = of_h * 2 * np.where(a > 0, a, 0)
            self.add("mlp.0", np.outer(into, of_a)), self.add("mlp_bias.0", of_a)
            of_into = self.mlp[0] @ of_a
        n_branches = len(into) - len(m)
        of_kept = of_m + of_into[n_branches:]
        self.of_m = self.kappa * of_kept
        of_given = np.repeat(of_into[:n_branches], self.per_branch) * self.scale
        there = self.w > 0 if self.positive else np.ones_like(self.w)
        self.add("w_ny", of_given * sources[self.source] * there), self.add("w_y", of_r * m)
        self.add("tau", of_kept * before * self.kappa_of_tau + of_m * 1.7159 * d * self.gain_of_tau)
        of_sources = np.zeros_like(sources)
        np.add.at(of_sources, self.source, of_given * self.w * there)
        return of_sources

    def add(self, name, value):
        self.of[name] = self.of[name] + value


class Layer:
    """Neurons that listen to one another: high-pass, activity, dropout."""

    def __init__(self, layer, mask):
        self.neurons, self.mask = [Neuron(layer, n) for n in range(len(layer.w_ny))], mask
        self.kappa, self.spiking = np.exp(-self.step_of(layer.config) / layer.config.tau_r), layer.config.spiking
        n = len(self.neurons)
        self.activity, self.slow, self.of_slow, self.of_activity = (np.zeros(n) for _ in range(4))
        self.effort, self.total, self.tape = np.zeros(n), np.zeros(n), []

    @staticmethod
    def step_of(config):
        return 1.0 if config.tau_in == "steps" else config.step_ms

    def forward(self, x):
        sources = np.concatenate([x, self.activity * self.mask])
        r, effort = np.array([neuron.forward(sources) for neuron in self.neurons]).T
        self.slow = self.kappa * self.slow + (1 - self.kappa) * r
        v = r - self.slow + np.array([neuron.bias for neuron in self.neurons])
        self.activity = np.where(v > 0, 1.0 if self.spiking else v, 0.0)
        self.effort, self.total = self.effort + effort, self.total + self.activity
        self.tape.append(v)
        return self.activity

    def backward(self, of_activity, of_effort):
        """Gradient of the input, from that of the activity; what later steps said of it is kept."""
        v = self.tape.pop()
        of_v = (of_activity + self.of_activity) * (1 / (100 * np.abs(v) + 1) ** 2 if self.spiking else v > 0)
        of_slow = self.of_slow - of_v
        self.of_slow = self.kappa * of_slow
        of_r = of_v + (1 - self.kappa) * of_slow
        for neuron, each in zip(self.neurons, of_v, strict=True):
            neuron.add("bias", each)
        given = [neuron.backward(*each) for neuron, *each in zip(self.neurons, of_r, of_effort, strict=True)]
        of_sources = sum(given)
        n = len(self.neurons)
        self.of_activity = of_sources[-n:] * self.mask
        return of_sources[:-n]


def by_hand(model, x_btc, mask_bn, weight_bto, effort, activity):
    """Outputs before the head, the penalty, and gradients of their weighted sum with the penalty."""
    config, outputs, penalty, gradients = model.config, [], 0.0, {}
    n_sequences, n_steps = x_btc.shape[:2]
    for x_tc, mask_n, weight_to in zip(x_btc, mask_bn, weight_bto, strict=True):
        layers = [
            Layer(layer, mask) for layer, mask in zip(model.layers, np.split(mask_n, config.n_layers), strict=True)
        ]
        last = [Neuron(model.output, n) for n in range(config.n_outputs)]
        y_to = []
        for x in x_tc:
            for layer in layers:
                x = layer.forward(x)
            y_to.append([neuron.forward(x)[0] + neuron.bias for neuron in last])
        outputs.append(y_to)
        n_neurons = sum(len(layer.neurons) for layer in layers)
        share = 1 / (n_sequences * n_neurons)
        mean_u = [layer.effort / (n_steps * config.d_m) for layer in layers]
        penalty += share * sum(effort * (u**2).sum() for u in mean_u)
        penalty += share * activity * sum(layer.total.sum() for layer in layers) / n_steps
        for of_y in weight_to[::-1]:
            for neuron, each in zip(last, of_y, strict=True):
                neuron.add("bias", each)
            of_x = sum(neuron.backward(each) for neuron, each in zip(last, of_y, strict=True))
            for layer, u in zip(layers[::-1], mean_u[::-1], strict=True):
                of_effort = effort * 2 * u * share / (n_steps * config.d_m)
                of_x = layer.backward(of_x + activity * share / n_steps, of_effort)
        named = {f"layers.{i}": layer.neurons for i, layer in enumerate(layers)} | {"output": last}
        for where, neurons in named.items():
            for name in neurons[0].of:
                of_all = np.stack([np.asarray(neuron.of[name]) for neuron in neurons])
                gradients[f"{where}.{name}"] = gradients.get(f"{where}.{name}", 0.0) + of_all
    return np.array(outputs), penalty, gradients


def network(seed=0, n_neurons=7, n_inputs=5, n_outputs=3, **options):
    torch.manual_seed(seed)
    model = ElmNetwork(elm_network(n_neurons, n_inputs, n_outputs, **SMALL | options))
    with torch.no_grad():
        for layer in model.layers:
            layer.bias.uniform_(-0.1, 0.3)
            layer.w_y.mul_(2)
    return model


def given(n_sequences=3, n_steps=11, n_inputs=5, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(n_sequences, n_steps, n_inputs)) * (
        random.random((n_sequences, n_steps, n_inputs)) < 0.5
    )


@pytest.mark.parametrize("d_m", SHD)
def test_published_sizes_on_shd_adding(d_m):
    n_neurons, published = SHD[d_m]
    config = elm_network(n_neurons, 700, 19, d_m=d_m)
    assert config.n_parameters() == n_parameters(ElmNetwork(config)) == published


def test_the_published_size_on_enwik8():
    config = elm_network(1024, 3 * 204, 204, **ENWIK8)
    assert config.n_parameters() == n_parameters(ElmNetwork(config)) == 3_516_748


@pytest.mark.parametrize("name", VARIANTS)
def test_it_is_the_loop_over_neurons(name):
    """Outputs, regularisers and every gradient, with a mask on what the layer hears of itself."""
    model = network(**VARIANTS[name])
    x_btc, random = given(), np.random.default_rng(1)
    n_neurons = 7 * model.config.n_layers
    mask_bn, weight_bto = random.choice([0.0, 1.25], (3, n_neurons), p=[0.2, 0.8]), random.normal(size=(3, 11, 3))
    y_bto, penalty, truth = by_hand(model, x_btc, mask_bn, weight_bto, 0.3, 0.7)
    model.double()
    traced = model.trace(torch.from_numpy(x_btc), model.init_state(3), torch.from_numpy(mask_bn))
    ours = model.penalty(traced, 11, effort=0.3, activity=0.7)
    ((traced.y_bto * torch.from_numpy(weight_bto)).sum() + ours).backward()
    assert np.abs(traced.y_bto.detach().numpy() / np.abs(y_bto).max() - y_bto / np.abs(y_bto).max()).max() < 1e-6
    assert ours.item() == pytest.approx(penalty, rel=1e-6)
    assert traced.activity_bn.detach().numpy().any(0).sum() > 3
    for key, expected in truth.items():
        if key.endswith("tau"):
            continue
        found = model.get_parameter(key).grad.numpy().reshape(expected.shape)
        scale = np.abs(expected).max()
        assert scale > 0 and np.abs(found - expected).max() <= 1e-5 * scale, key
    if model.config.learn_tau_m:
        check_learned_tau(model, truth)


def check_learned_tau(model, truth):
    for where in ("layers.0", "output"):
        proto, layer = model.get_parameter(f"{where}.proto_tau_nm"), model.get_submodule(where)
        share, (low, high) = torch.sigmoid(proto).detach(), layer._tau_bounds()
        expected = truth[f"{where}.tau"] * (high - low) * (share * (1 - share)).numpy()
        assert np.abs(proto.grad.numpy() - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("name", VARIANTS)
def test_a_stream_is_the_whole_sequence(name):
    model, x_btc = network(**VARIANTS[name]), torch.from_numpy(given()).float()
    whole, state = model(x_btc), model.init_state(3)
    for t in range(x_btc.shape[1]):
        y_bo, state = model.step(x_btc[:, t], state)
        torch.testing.assert_close(y_bo, whole[:, t], rtol=1e-5, atol=1e-6)


def test_pieces_add_up():
    model, x_btc = network(n_layers=2), torch.from_numpy(given()).float()
    whole, state, parts = model.trace(x_btc, model.init_state(3)), model.init_state(3), []
    for piece in x_btc.split(4, 1):
        parts.append(model.trace(piece, state))
        state = parts[-1].state
    torch.testing.assert_close(torch.cat([each.y_bto for each in parts], 1), whole.y_bto)
    torch.testing.assert_close(sum(each.effort_bn for each in parts), whole.effort_bn)
    torch.testing.assert_close(sum(each.activity_bn for each in parts), whole.activity_bn)


def test_events_are_the_same_input():
    model, x_btc = network(), torch.from_numpy(given()).float()
    torch.testing.assert_close(model(Events.from_dense(x_btc)), model(x_btc))


def test_sources_are_drawn_as_told():
    layer = ElmNetwork(elm_network(96, 700, 19)).layers[0]
    own = layer.source_ny >= 700
    assert abs(own.float().mean() - 0.25) < 4 * (0.25 * 0.75 / own.numel()) ** 0.5
    assert len(torch.unique(layer.source_ny[~own])) == 700 and layer.source_ny.max() == 795
    counts = torch.bincount(layer.source_ny[own] - 700, minlength=96).float()
    assert abs(counts.std() / counts.mean() ** 0.5 - 1) < 0.3  # as independent draws vary
    again, other = (ElmNetwork(elm_network(96, 700, 19, routing_seed=seed)).layers[0] for seed in (0, 1))
    assert torch.equal(layer.source_ny, again.source_ny) and not torch.equal(layer.source_ny, other.source_ny)
    assert ElmNetwork(elm_network(96, 700, 19)).output.source_ny.max() == 95  # hears the layer, not itself


def test_weights_start_as_told():
    w_ny = network(n_neurons=400, synapses_per_branch=9).layers[0].w_ny
    assert w_ny.min() >= -1 / 3 and w_ny.max() <= 1 / 3 and abs(w_ny.std() - 1 / 27**0.5) < 0.01
    assert (network(weights="positive").layers[0].w_ny == 0.5).all()


def test_time_constants():
    tau_nm = ElmNetwork(elm_network(4, 3, 2)).layers[0].tau_nm
    torch.testing.assert_close(tau_nm[3], torch.logspace(0, torch.tensor(500.0).log10().item(), 5))
    model = network(tau_in="ms", step_ms=2.0)
    torch.testing.assert_close(model.layers[0].neurons().kappa_nm, torch.exp(-2 / model.layers[0].tau_nm))
    learned = network(learn_tau_m=True).layers[0]
    torch.testing.assert_close(learned.tau_nm, network().layers[0].tau_nm, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        learned.proto_tau_nm[:] = torch.tensor([-99.0, 0.0, 99.0])
    torch.testing.assert_close(learned.tau_nm[0, [0, 2]], torch.tensor([0.1, 20 * 10**0.5]))


def test_masks_hold_for_a_sequence_and_keep_the_mean():
    model = network(n_neurons=2000)
    mask_bn = model.masks(2, 0.2)
    assert set(mask_bn.unique().tolist()) == {0.0, 1.25} and abs(mask_bn.mean() - 1) < 0.05
    assert not torch.equal(*mask_bn) and (model.masks(2, 0.0) == 1).all()
    deaf, x_btc = network(), torch.from_numpy(given()).float()
    changed = deaf.layers[0].source_ny.clone()
    changed[changed >= 5] = 5 + (changed[changed >= 5] - 4) % 7  # whatever it hears of itself, silenced it is the same
    silent, before = torch.zeros(3, 7), deaf(x_btc, torch.zeros(3, 7))
    deaf.layers[0].source_ny.copy_(changed)
    torch.testing.assert_close(deaf(x_btc, silent), before)
    assert not torch.allclose(deaf(x_btc), before)


@pytest.mark.parametrize(
    "options, told",
    [
        ({"rho": 1.0}, "rho: Input should be less than 1, not 1.0"),
        ({"rho": -0.1}, "rho: Input should be greater than or equal to 0, not -0.1"),
        ({"rho": float("nan")}, "rho: Input should be a finite number"),
        ({"tau_in": "s"}, "tau_in: Input should be 'steps' or 'ms'"),
        ({"branches": 3}, "'branches' is not a setting: did you mean 'n_branches'?"),
    ],
)
def test_settings_that_are_none(options, told):
    with pytest.raises(InputError, match=re.escape(f"elm-network of 7 neurons: {told}")) as error:
        elm_network(7, 5, 3, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name, source", [("layers.0.source_ny", 12), ("layers.0.source_ny", -1), ("output.source_ny", 7)]
)
def test_sources_beyond_the_layer_are_refused(name, source):
    state = network().state_dict()
    state[name][2, 3] = source
    with pytest.raises(InputError, match=f"source {source} is beyond the (5|7) inputs and (7|0) neurons") as error:
        network().load_state_dict(state)
    assert "\n" not in str(error.value)


def test_a_sequence_without_a_step_is_refused():
    with pytest.raises(InputError, match="a sequence has no step, and its head reads the last one"):
        network()(torch.zeros(2, 0, 5))


def test_a_network_too_large_is_refused():
    with pytest.raises(InputError, match="weights, expected"):
        ElmNetworkConfig.checked("it", {"n_inputs": 3, "n_outputs": 2, "n_neurons": 1_000_000, "d_m": 1000})
