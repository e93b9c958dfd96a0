"""The compiled path of the ELM Network against the plain one: outputs, states and gradients, at odd sizes."""

from __future__ import annotations

import pytest
import torch

from apical.surrogate.kernels.events import Events
from apical.surrogate.kernels.recurrence import network_cpu
from apical.surrogate.kernels.recurrence.network import path_of

from .networks import VARIANTS, assert_same, given, layers_of, network, outcome

pytestmark = pytest.mark.usefixtures("poisoned")


@pytest.mark.parametrize("n_sequences, n_steps", [(1, 1), (3, 21), (8, 9), (11, 33)])
@pytest.mark.parametrize("n_neurons, d_m", [(1, 1), (19, 3), (8, 7), (5, 20)])
def test_compiled_equals_the_reference(n_neurons, d_m, n_sequences, n_steps):
    model, x_btc = network(n_neurons, d_m=d_m), given(n_sequences, n_steps)
    assert path_of(x_btc, layers_of(model)) == ("compiled", "")
    assert_same(outcome(model, x_btc, "compiled"), outcome(model, x_btc, "reference"))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_kind_of_network(name):
    model, x_btc = network(**VARIANTS[name]), given(5, 30)
    assert_same(outcome(model, x_btc, "compiled"), outcome(model, x_btc, "reference"))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_silence_and_dense_input(share):
    model, x_btc = network(), given(9, 20, share=share)
    assert_same(outcome(model, x_btc, "compiled"), outcome(model, x_btc, "reference"))


def test_events_that_fill_up_and_double_ones():
    """Rows past the last step are no events; two of one step and channel are their sum."""
    model, x_btc = network(), given(9, 20)
    events = Events.from_dense(x_btc)
    twice = [
        events.row_n.repeat_interleave(2),
        events.input_n.repeat_interleave(2),
        events.value_n.repeat_interleave(2) / 2,
    ]
    filled = [torch.cat([each, torch.full((4,), last).to(each)]) for each, last in zip(twice, (180, 0, 0), strict=True)]
    assert_same(outcome(model, Events(*filled, events.shape), "compiled"), outcome(model, x_btc, "reference"))


@pytest.mark.parametrize("n_sequences, n_neurons", [(5, 67), (20, 19)])
def test_the_kernel_s_results_do_not_depend_on_the_number_of_threads(n_sequences, n_neurons):
    """To the bit, whether threads share out a group of eight sequences or have groups of their own."""
    model, x_btc, had = network(n_neurons, n_layers=2), given(n_sequences, 15), torch.get_num_threads()
    layer = model.layers[0]
    entries, wiring = network_cpu.Entries.of(Events.from_dense(x_btc)), layer.wiring(layer.neurons(), "compiled")
    parameters, results = list(layer.parameters()), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        state = model._with_states(model.init_state(n_sequences))[0][1]
        neurons, mask_bn = layer.neurons(), torch.ones(n_sequences, n_neurons)
        a_gtnl, effort_bn, state = network_cpu.recurrent_trace(entries, neurons, wiring, state, mask_bn)
        results.append((a_gtnl, *torch.autograd.grad((a_gtnl**2).sum() + (effort_bn**2).sum(), parameters)))
    torch.set_num_threads(had)
    for other in results[1:]:
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(results[0], other, strict=True))


@pytest.mark.parametrize("path", ["compiled", "reference"])
@pytest.mark.parametrize("spiking", [False, True])
def test_a_number_that_is_none_shows(spiking, path):
    model = network(spiking=spiking)
    with torch.no_grad():
        model.layers[0].mlp_bias[0][2, 1] = torch.nan
    assert outcome(model, given(2, 30), path)["y"].isnan().any()


def test_another_path_where_the_compiled_one_cannot_go():
    model, x_btc = network(), given(2, 5).requires_grad_()
    model(x_btc).sum().backward()
    assert x_btc.grad.abs().sum() > 0
    assert path_of(x_btc, layers_of(model))[1] == "a gradient of the input is asked for"
    assert path_of(x_btc.detach(), layers_of(model.double())) == ("reference", "weights are torch.float64")


def test_changed_sources_are_seen():
    model, x_btc = network(), given(2, 15)
    before = model(x_btc)
    with torch.no_grad():
        model.layers[0].source_ny.copy_(network(routing_seed=4).layers[0].source_ny)
    assert not torch.equal(model(x_btc), before)
    assert_same(outcome(model, x_btc, "compiled"), outcome(model, x_btc, "reference"))


@pytest.mark.parametrize("source", [-1, 32])
def test_sources_outside_are_refused(source):
    source_ny = network().layers[0].source_ny.clone()
    source_ny[3, 2] = source
    with pytest.raises(ValueError, match="lie outside 13 channels and 19 neurons"):
        network_cpu.Wiring.of(source_ny, 13, 5, 3)


@pytest.mark.parametrize("change", [{"input_n": 13}, {"input_n": -1}, {"row_n": -1}])
def test_events_outside_their_sequences_are_refused(change):
    events = Events.from_dense(given(2, 5))
    ((name, value),) = change.items()
    getattr(events, name)[0] = value
    with pytest.raises(ValueError, match="lie outside them"):
        network_cpu.Entries.of(events)


def test_input_and_states_of_another_layer_are_refused():
    model, x_btc = network(), given(2, 5)
    with pytest.raises(ValueError, match="are not of a layer of 19 neurons"):
        model(given(2, 5, n_inputs=14))
    with pytest.raises(ValueError, match="are not of a layer of 19 neurons"):
        model.trace(x_btc, model.init_state(1))
    with pytest.raises(ValueError, match="are not of a layer of 19 neurons"):
        model(x_btc, torch.ones(2, 18))


def test_many_sequences_one_after_another_are_the_same():
    """Those of a last group that are not there change nothing."""
    model, x_btc = network(), given(11, 20)
    together = model(x_btc)
    for x_tc, expected in zip(x_btc, together, strict=True):
        torch.testing.assert_close(model(x_tc[None])[0], expected, rtol=1e-5, atol=1e-6)
