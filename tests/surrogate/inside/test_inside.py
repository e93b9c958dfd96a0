"""What is found inside an ELM and a TCN, against its own steps, convolutions by hand, and loops over the state dict."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from apical.simulate import schema
from apical.simulate.schema import InputError
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.inside.elm import over_trial, readout_shares
from apical.surrogate.inside.filters import first_layer
from apical.surrogate.inside.synapse_weights import synapse_weights
from apical.surrogate.models.families import build
from apical.surrogate.use.checkpoint import Surrogate, load_published_elm

SHAPES = {
    "branches": {"n_branches": 3, "synapses_per_branch": 7},
    "second version": {"n_branches": 3, "synapses_per_branch": 7, "version": 2, "learn_tau_m": True},
    "no branches": {"n_branches": None},
    "random": {"n_branches": 4, "synapses_per_branch": 5, "routing": "random"},
    "shared": {"n_branches": 3, "synapses_per_branch": 6, "share_weights": True},
    "smooth": {"n_branches": 3, "synapses_per_branch": 6, "weight_knots": 2},
    "product": {"n_branches": 3, "synapses_per_branch": 6, "weight_rank": 2},
    "dendrites": {"n_branches": 3, "routing": "dendrites", "branch_of_input": (0, 0, 0, 1, 1, 2, 2, 2) * 2},
}


def surrogate_of(family, size, n_inputs=16, **options):
    model = build(family, size, n_inputs, seed=1, **options).eval()
    if family == "elm":  # weights that differ, some of them below 0
        values = torch.rand(model._proto_w_s.shape, generator=torch.Generator().manual_seed(0)) - 0.2
        model._proto_w_s.data = values
    return Surrogate(model, VoltageScaling(), f"{family}-{size}", model.kind, size, 1, "runs/mine", "other")


@pytest.fixture
def ds(make_dataset):
    return schema.open_dataset(make_dataset(n_trials=3, duration_ms=700))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_state_is_that_of_the_steps_and_gives_the_output(ds, shape):
    surrogate = surrogate_of("elm", 5, **SHAPES[shape])
    found = over_trial(surrogate, ds, 2)
    signed_st = schema.read(ds, "input_spikes", 2) * schema.read(ds, "synapse_sign")[:, None].astype("f4")
    plain = copy.deepcopy(surrogate)
    plain.model.path = "reference"  # its state has the branches
    state, b_kt, m_mt, p_t, v_t = plain.start(), [], [], [], []
    for x_s in signed_st.T:
        p, v_mv, state = plain.step(x_s, state)
        p_t.append(p), v_t.append(v_mv), b_kt.append(state[0][0].numpy()), m_mt.append(state[1][0].numpy())
    close = {"rtol": 1e-3, "atol": 2e-5}
    np.testing.assert_allclose(found["branch_current"].values, np.array(b_kt).T, **close)
    np.testing.assert_allclose(found["memory"].values, np.array(m_mt).T, **close)
    np.testing.assert_allclose(found["spike_probability"].values, p_t, **close)
    np.testing.assert_allclose(found["soma_v_mv"].values, v_t, atol=1e-3)
    logit_t = found["spike_weight"].values @ found["memory"].values + float(found["spike_bias"])
    np.testing.assert_allclose(1 / (1 + np.exp(-logit_t)), found["spike_probability"].values, rtol=1e-4)
    v_mv = found["voltage_weight_mv"].values @ found["memory"].values + float(found["voltage_bias_mv"])
    np.testing.assert_allclose(v_mv, found["soma_v_mv"].values, atol=1e-3)
    assert found["tau_m_ms"].values == pytest.approx(surrogate.model.tau_m_ms.detach().numpy())
    units = {name: found[name].attrs["units"] for name in ("memory", "soma_v_mv", "tau_m_ms", "voltage_weight_mv")}
    assert units == {"memory": "1", "soma_v_mv": "mV", "tau_m_ms": "ms", "voltage_weight_mv": "mV"}
    assert all(found[name].attrs["long_name"] for name in found.variables)


@pytest.mark.parametrize("shape", SHAPES)
def test_branches_and_weights_by_loops_over_the_synapses(ds, shape):
    surrogate = surrogate_of("elm", 5, **SHAPES[shape])
    model = surrogate.model
    sign_s, spikes_st = schema.read(ds, "synapse_sign").astype(int), schema.read(ds, "input_spikes", 0)
    raw = model.state_dict()["_proto_w_s"].numpy()
    if shape == "product":
        raw = (raw @ model.state_dict()["_proto_place_w_s"].numpy()).ravel()
    inputs = model.input_to_synapse_indices.long().numpy() if model.config.n_branches else np.arange(16)
    valid = model.valid_indices_mask.numpy() if model.config.n_branches else np.ones(16, bool)
    per_branch = len(inputs) // model.n_branches
    weight_s, n_read_s = np.zeros(16), np.zeros(16, int)
    drive_kt, apical_k, n_k = np.zeros((model.n_branches, 700)), np.zeros(model.n_branches), np.zeros(model.n_branches)
    for synapse, (input_, there) in enumerate(zip(inputs, valid, strict=True)):
        at, branch = synapse, synapse // per_branch
        if shape == "shared":
            at = 2 * branch + (input_ >= 8)
        elif shape == "dendrites":
            at = input_
        if shape == "smooth":  # two knots for a sign, at the ends
            first, last = np.maximum(raw[4 * branch + 2 * (input_ >= 8) :][:2], 0)
            w = (first + (last - first) * (synapse % per_branch) / (per_branch - 1)) * there
        else:
            w = max(float(raw[at]), 0.0) * there
        weight_s[input_] += w * sign_s[input_]
        n_read_s[input_] += there
        drive_kt[branch] += w * sign_s[input_] * spikes_st[input_]
        apical_k[branch] += there and input_ % 8 >= 4
        n_k[branch] += there
    found = synapse_weights(surrogate, ds)
    np.testing.assert_allclose(found["total_weight"].values, weight_s, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["weight"].values, weight_s / np.maximum(n_read_s, 1), rtol=1e-5, atol=1e-6)
    assert found["n_read"].values.tolist() == n_read_s.tolist()
    assert found["tree"].values.tolist() == (["basal"] * 4 + ["apical"] * 4) * 2
    assert found["distance_um"].values == pytest.approx(np.tile(np.linspace(10, 800, 8), 2))
    kernel = np.exp(-np.arange(700) / 5.0)
    expected_kt = [np.convolve(drive_t, kernel)[:700] for drive_t in drive_kt]
    inside = over_trial(surrogate, ds, 0)
    np.testing.assert_allclose(inside["branch_current"].values, expected_kt, rtol=1e-3, atol=2e-5)
    assert inside["apical_share"].values == pytest.approx(apical_k / n_k)


def test_equal_weights_are_equal_however_many_branch_synapses_read_an_input(ds):
    surrogate = surrogate_of("elm", 5, n_branches=9, synapses_per_branch=11, routing="random")
    surrogate.model._proto_w_s.data.fill_(0.25)
    found = synapse_weights(surrogate, ds)
    n_read_s, sign_s = found["n_read"].values, found["synapse_sign"].values
    assert np.unique(n_read_s).size > 3  # what a sum would show
    assert found["weight"].values == pytest.approx(0.25 * sign_s * (n_read_s > 0))
    assert found["total_weight"].values == pytest.approx(0.25 * sign_s * n_read_s)


def test_shares_are_weight_times_standard_deviation(ds):
    surrogate = surrogate_of("elm", 5, **SHAPES["branches"])
    found = readout_shares(surrogate, ds, [0, 2])
    trace = np.concatenate([over_trial(surrogate, ds, trial)["memory"].values[:, 500:] for trial in (0, 2)], axis=1)
    weight = surrogate.model.state_dict()["w_y.weight"].numpy()
    for row, name, swing, scale in ((0, "spike", "spike_swing", 1), (1, "voltage", "voltage_swing_mv", 10)):
        expected = scale * np.abs(weight[row]) * trace.std(axis=1)
        np.testing.assert_allclose(found[swing].values, expected, rtol=1e-3)
        np.testing.assert_allclose(found[f"{name}_share"].values, expected / expected.sum(), rtol=1e-3)
    assert found.attrs["trials"] == [0, 2]
    surrogate.model.w_y.weight.data.zero_()
    assert np.isnan(readout_shares(surrogate, ds, [0])["spike_share"].values).all()


def test_a_branch_that_the_routing_leaves_without_synapses(ds):
    """By hand: 16 channels for 7 branches start 3 apart, so the last one starts past the end."""
    found = over_trial(surrogate_of("elm", 2, n_branches=7, synapses_per_branch=3), ds, 0)
    assert np.isfinite(found["apical_share"].values).tolist() == [True] * 6 + [False]


def test_the_published_checkpoint(shared, make_dataset):
    surrogate = load_published_elm(shared("data/elm_checkpoints/num_memory_20"))
    ds = schema.open_dataset(make_dataset(n_trials=1, n_segments=639, duration_ms=600))
    signed_st = schema.read(ds, "input_spikes", 0) * schema.read(ds, "synapse_sign")[:, None].astype("f4")
    with torch.no_grad():
        y_to = surrogate.model(torch.from_numpy(signed_st.T.copy())[None])[0].numpy()
    found = over_trial(surrogate, ds, 0)
    state = surrogate.model.state_dict()
    rebuilt_to = found["memory"].values.T @ state["w_y.weight"].numpy().T + state["w_y.bias"].numpy()
    np.testing.assert_allclose(rebuilt_to, y_to, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["soma_v_mv"].values, 10 * y_to[:, 1] - 67.7, atol=1e-3)
    np.testing.assert_allclose(found["tau_m_ms"].values, np.logspace(0, np.log10(150), 20), rtol=1e-4)
    weight_s = np.zeros(1278)
    w_y = np.maximum(state["_proto_w_s"].numpy(), 0) * state["valid_indices_mask"].numpy()
    np.add.at(weight_s, state["input_to_synapse_indices"].numpy(), w_y)
    weight_s[639:] *= -1
    np.testing.assert_allclose(synapse_weights(surrogate, ds)["total_weight"].values, weight_s, rtol=1e-5, atol=1e-6)


def test_filters_are_what_a_volley_of_a_group_gives(ds):
    """A spike of every synapse of a group in one bin gives the sum of their filters, bin after bin."""
    surrogate = surrogate_of("tcn", "2x3", receptive_field_ms=12)
    found = first_layer(surrogate, ds)
    groups = list(zip(found["tree"].values.tolist(), found["sign"].values.tolist(), strict=True))
    assert groups == [("basal", 1), ("apical", 1), ("basal", -1), ("apical", -1)]
    assert found["n_synapses"].values.tolist() == [4] * 4
    conv = surrogate.model.layers[0].conv
    n_lags = conv.weight.shape[2]
    assert found["lag_ms"].values.tolist() == list(range(n_lags))
    for at, first in enumerate((0, 4, 8, 12)):
        x_1st = torch.zeros(1, 16, 2 * n_lags)
        x_1st[0, first : first + 4, n_lags] = 1
        with torch.no_grad():
            y_ct = F.conv1d(x_1st, conv.weight)[0].numpy()  # bin t of what comes out is bin t + n_lags - 1
        np.testing.assert_allclose(found["weight"].values[:, at], y_ct[:, 1 : n_lags + 1] / 4, rtol=1e-4, atol=1e-9)
    assert found["bias"].values == pytest.approx(conv.bias.detach().numpy())


def test_filters_by_sign_alone_where_trees_are_not_told(ds):
    """Four synapses of each tree and sign: the mean of both trees' filters."""
    tcn = surrogate_of("tcn", "2x3", receptive_field_ms=12)
    by_tree = first_layer(tcn, ds)["weight"].values
    untold = ds.assign_coords(segment_type=("segment", np.full(ds.sizes["segment"], schema.UNKNOWN_TREE)))
    found = first_layer(tcn, untold)
    assert found["tree"].values.tolist() == [schema.UNKNOWN_TREE] * 2
    assert found["n_synapses"].values.tolist() == [8, 8]
    by_sign = np.stack([by_tree[:, :2].mean(axis=1), by_tree[:, 2:].mean(axis=1)], axis=1)
    np.testing.assert_allclose(found["weight"].values, by_sign, rtol=1e-6, atol=1e-9)


def test_what_is_not_there(ds, make_dataset):
    elm, tcn, lstm = surrogate_of("elm", 2, n_branches=2), surrogate_of("tcn", "1x2"), surrogate_of("lstm", 2)
    for ask in (lambda s: over_trial(s, ds, 0), lambda s: readout_shares(s, ds, [0]), lambda s: synapse_weights(s, ds)):
        with pytest.raises(InputError, match="runs/mine: is a lstm, and only an ELM has memory units"):
            ask(lstm)
    with pytest.raises(InputError, match="runs/mine: is a branch-elm, and only a TCN has filters"):
        first_layer(elm, ds)
    with pytest.raises(InputError, match="has no finished trial 9"):
        over_trial(elm, ds, 9)
    other = schema.open_dataset(make_dataset("other.zarr", n_trials=1, n_segments=5, duration_ms=400))
    for ask in (
        lambda: over_trial(elm, other, 0),
        lambda: synapse_weights(elm, other),
        lambda: first_layer(tcn, other),
    ):
        with pytest.raises(InputError, match=r"expects 16 inputs, dataset has 10 \(.*other.zarr\)"):
            ask()
    short = schema.open_dataset(make_dataset("short.zarr", n_trials=1, duration_ms=400))
    for trials in ([0], []):
        with pytest.raises(InputError, match="trials of 400 ms: a readout is looked at after the first 500 ms"):
            readout_shares(elm, short, trials)
