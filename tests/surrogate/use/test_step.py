"""A fitted neuron bin by bin, alone or beside others, gives what `predict` gives for whole trials, without a graph."""

import copy
import pickle

import numpy as np
import pytest
import torch

from apical.simulate import schema
from apical.simulate.schema import InputError
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.models.families import FAMILIES, build
from apical.surrogate.use.checkpoint import Surrogate
from apical.surrogate.use.predict import predict

N_INPUTS = 16
MODELS = [
    ("elm", 5, {"n_branches": None}),
    ("elm", 5, {}),
    ("elm", "simplest", {}),
    ("elm", 5, {"mlp_layers": 2}),
    ("tcn", "2x4", {}),
    ("lstm", 5, {}),
    ("gru", 5, {}),
    ("ln", 3, {}),
    ("lif", 1, {}),
    ("alif", 1, {}),
]


def surrogate(family, size, options):
    model = build(family, size, N_INPUTS, seed=1, **options)
    with torch.no_grad():
        for parameter in model.parameters():  # away from the small initial weights, so that differences show
            parameter *= 3
    return Surrogate(model.eval(), VoltageScaling(), f"{family}-{size}", family, size, 0, "nowhere", "elsewhere")


def driven(neuron, input_bts):
    """Probabilities and voltages (B, T) of B neurons side by side."""
    state, probability_tb, v_mv_tb = neuron.start(len(input_bts)), [], []
    for input_bs in input_bts.swapaxes(0, 1):
        probability_b, v_mv_b, state = neuron.step(input_bs, state)
        probability_tb.append(probability_b)
        v_mv_tb.append(v_mv_b)
    return np.stack(probability_tb, 1), np.stack(v_mv_tb, 1)


@pytest.fixture
def random_input_bts():
    return np.random.default_rng(0).choice([-1, 0, 1], size=(5, 30, N_INPUTS), p=[0.1, 0.8, 0.1])


@pytest.mark.parametrize("family, size, options", MODELS)
def test_trials_side_by_side_are_what_predict_writes(make_dataset, tmp_path, family, size, options):
    neuron, data = surrogate(family, size, options), make_dataset(n_trials=3, duration_ms=200)
    truth = schema.open_dataset(data)
    expected = schema.open_dataset(predict(neuron, data, tmp_path / "p.zarr", mode="stream", device="cpu"))
    sign_s = truth.synapse_sign.values
    probability_bt, v_mv_bt = driven(neuron, truth.input_spikes.values.swapaxes(1, 2) * sign_s)
    np.testing.assert_allclose(probability_bt, expected.spike_probability, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(v_mv_bt, expected.soma_v_mv, rtol=1e-5, atol=1e-3)
    assert np.ptp(v_mv_bt, axis=1).min() > 0.01  # they do something


def test_every_family_is_there():
    assert {family for family, _, _ in MODELS} == set(FAMILIES)


@pytest.mark.parametrize("family, size, options", MODELS)
def test_a_neuron_beside_others_does_what_it_does_alone(random_input_bts, family, size, options):
    neuron = surrogate(family, size, options)
    together = driven(neuron, random_input_bts)
    for at, input_ts in enumerate(random_input_bts):
        state, alone = neuron.start(), []
        for input_s in input_ts:
            *told, state = neuron.step(input_s, state)
            alone.append(told)
        assert all(type(value) is float for value in alone[0])
        np.testing.assert_allclose(np.stack([each[at] for each in together], 1), alone, rtol=1e-4, atol=1e-3)
        assert np.array_equal(driven(neuron, input_ts[None]), np.array(alone, "f4").T[:, None])  # a population of one


def elm(**options):
    """One that the kernel takes, of sizes that fill no vector."""
    return surrogate("elm", 5, {"mlp_hidden_size": 11, **options})


def test_an_elm_gives_the_same_bits_alone_beside_others_and_on_any_number_of_threads(threads):
    neuron, n = elm(), 70
    input_bts = np.random.default_rng(0).choice([-1, 0, 0.5, 2], size=(n, 20, N_INPUTS), p=[0.1, 0.7, 0.1, 0.1])
    expected = driven(neuron, input_bts)
    for count in (1, 3):
        threads(count)
        assert np.array_equal(driven(neuron, input_bts), expected)
    for at in (0, 7, 31, 32, n - 1):
        assert np.array_equal(driven(neuron, input_bts[at : at + 1]), [each[at : at + 1] for each in expected])
    part = [7, 40, 8]
    assert np.array_equal(driven(neuron, input_bts[part]), [each[part] for each in expected])
    assert np.ptp(expected[1], axis=1).min() > 0.01


@pytest.mark.parametrize("options", [{}, {"n_branches": None}, {"version": 2, "mlp_activation": "silu"}])
def test_the_kernel_gives_what_the_network_does(random_input_bts, options):
    neuron, slow = elm(**options), elm(**options)
    slow.model.path = "reference"
    assert len(neuron.start(5)[0][0]) == 16 and len(slow.start(5)[0][0]) == slow.model.n_branches
    found, expected = driven(neuron, random_input_bts), driven(slow, random_input_bts)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5 * np.ptp(expected[1]))


def test_weights_that_were_trained_count_from_the_next_start_on(random_input_bts):
    neuron, trained = elm(), elm()
    before = driven(neuron, random_input_bts)
    with torch.no_grad():
        for model in (neuron.model, trained.model):
            for parameter in model.parameters():
                parameter.data *= 1.1
    after = driven(neuron, random_input_bts)
    assert np.array_equal(after, driven(trained, random_input_bts)) and not np.array_equal(after, before)


def test_a_surrogate_that_has_run_can_be_copied_and_sent_to_another_process(random_input_bts):
    neuron = elm()
    expected = driven(neuron, random_input_bts)
    for same in (copy.deepcopy(neuron), pickle.loads(pickle.dumps(neuron))):
        assert np.array_equal(driven(same, random_input_bts), expected)


def test_a_state_of_the_network_itself():
    neuron = elm()
    with pytest.raises(InputError, match=r"state of another model, or of another path: begin with start\(1\)"):
        neuron.step(np.zeros(N_INPUTS), neuron.model.init_state(1))


def test_100_neurons_keep_no_graph_and_no_more_from_bin_to_bin(random_input_bts):
    neuron = surrogate("elm", 5, {})
    input_bs = np.tile(random_input_bts[:, 0], (20, 1))
    kept, state = [], neuron.start(100)
    size = sum(each.nbytes for each in state)

    def keep(tensor):
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        for _ in range(3):
            probability_b, v_mv_b, state = neuron.step(input_bs, state)
        assert not kept and not any(each.requires_grad for each in state)
        neuron.model.step(torch.tensor(input_bs).float(), neuron.model.init_state(100))
    assert kept  # as the network's own step does, for those who train it
    assert sum(each.nbytes for each in state) == size
    assert probability_b.shape == v_mv_b.shape == (100,) and probability_b.dtype == v_mv_b.dtype == np.float32
    assert ((probability_b > 0) & (probability_b < 1)).all() and (v_mv_b < -20).all()  # probabilities and mV


@pytest.mark.parametrize("family, size, options", MODELS)
def test_a_state_can_be_gone_back_to(random_input_bts, family, size, options):
    neuron = surrogate(family, size, options)
    before = neuron.step(random_input_bts[:, 0], neuron.start(5))[2]
    first = neuron.step(random_input_bts[:, 1], before)
    again = neuron.step(random_input_bts[:, 1], before)
    assert np.array_equal(first[:2], again[:2])


@pytest.mark.parametrize("shape", [(15,), (1, 15), (0, 16), (2, 3, 16), ()])
def test_input_of_another_shape(shape):
    neuron = surrogate("lif", 1, {})
    with pytest.raises(InputError, match=r"takes \(16,\), or \(neurons, 16\) for several"):
        neuron.step(np.zeros(shape), neuron.start())


@pytest.mark.parametrize("family, size, options", MODELS)
def test_a_state_of_another_number_of_neurons(family, size, options):
    """One state would be spread over all neurons, in silence."""
    neuron = surrogate(family, size, options)
    with pytest.raises(InputError, match=r"state of 1 neurons, input of 3: begin with start\(3\)"):
        neuron.step(np.zeros((3, N_INPUTS)), neuron.start())
    with pytest.raises(InputError, match=r"state of 3 neurons, input of 1: begin with start\(1\)"):
        neuron.step(np.zeros(N_INPUTS), neuron.start(3))


def test_a_population_of_none():
    with pytest.raises(InputError, match="n_neurons is 0, expected 1 or more"):
        surrogate("lif", 1, {}).start(0)
