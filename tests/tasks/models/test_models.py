"""Every family on every form: against other implementations, in pieces, under padding; exact parameter counts."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import apical.tasks.models.sequence as sequence_module
from apical.simulate.schema import InputError
from apical.surrogate.models.cost import n_parameters
from apical.tasks.inputs import Inputs, of_tokens, of_vectors
from apical.tasks.models.classifier import FAMILIES, assemble, configure
from apical.tasks.models.sequence import Sequences, pieces
from apical.tasks.models.spiking import SpikingEncoder
from apical.tasks.models.transformer import Block

PUBLISHED = Path(__file__).parents[3] / "analysis" / "comparison" / "published" / "elm_paper.csv"
SMALL = {
    "elm": {"size": 5},
    "branch-elm": {"size": 5, "n_branches": 4, "synapses_per_branch": 3},
    "elm-network": {"size": 7, "d_m": 2, "n_branches": 3, "synapses_per_branch": 2},
    "lstm": {"size": 6},
    "chrono-lstm": {"size": 6, "longest": 50},
    "gru": {"size": 6},
    "transformer": {"size": 8, "heads": 2, "attention": 6, "hidden": 7, "dropout": 0.0},
    "snn": {"size": 16, "synapses": 4},
}


def tokens(lengths=(23, 7, 23), n_channels=11, seed=0):
    random = np.random.default_rng(seed)
    return [random.integers(n_channels, size=length) for length in lengths]


def small(family, n_channels=11, **options):
    fields = {"n_channels": n_channels, "n_classes": 4} | SMALL[family] | options
    return assemble(configure(family, None, fields), 1)


def outcome(model, *sequences):
    model.zero_grad()
    logits_bk = model(*sequences)
    (logits_bk * torch.randn(logits_bk.shape, generator=torch.Generator().manual_seed(5))).sum().backward()
    return {"logits": logits_bk.detach()} | {name: p.grad for name, p in model.named_parameters() if p.requires_grad}


# the model as its released code has it, in words: weights, biases, no time constant learned
@pytest.mark.parametrize(
    "family, counted, published",
    [
        ("elm", 700 + 200 * (700 + 100 + 1) + 100 * (200 + 1) + 19 * (100 + 1), 186_000),
        ("branch-elm", 100 * 15 + 200 * (100 + 100 + 1) + 100 * (200 + 1) + 19 * (100 + 1), 67_000),
        ("elm-network", 77_310, 77_310),
        ("lstm", 4 * 250 * (700 + 250 + 1) + 19 * (250 + 1), 956_000),
        ("chrono-lstm", 955_769, 956_000),
        ("gru", 3 * 250 * (700 + 250 + 2) + 19 * (250 + 1), None),
        ("snn", 500 * (81 + 1 + 1) + 19 * (500 + 1), 51_000),
    ],
)
def test_parameters_on_shd_adding(family, counted, published):
    found = n_parameters(assemble(configure(family, None, {"n_channels": 700, "n_classes": 19})))
    assert found == counted
    if family in ("lstm", "chrono-lstm", "snn", "elm-network"):  # as published, rounded to thousands
        assert found == published or round(found, -3) == published


def paper_count(d, inputs, outputs, synapses=0):
    """What the paper's tables count: as if the last output were an input of the hidden layer too, and no bias of the
    readout; synapses only of branches. Its released models are without such a feedback.
    """
    return synapses + 2 * d * (inputs + d + outputs) + 2 * d * d + outputs * d + 4 * d


def test_the_paper_s_own_counts():
    """One formula gives all its rows on NeuronIO, and 186K and 67K on SHD-Adding (fractions dropped)."""
    table = csv.DictReader(PUBLISHED.read_text().splitlines())
    rows = [row for row in table if row["label"].startswith("d_m ") and row["label"][4:].isdigit()]
    assert len(rows) == 15
    for row in rows:
        branches = row["family"] == "Branch-ELM"
        found = paper_count(int(row["label"].split()[1]), 45 if branches else 1278, 2, 4500 if branches else 0)
        assert found == int(row["n_parameters"])
    assert (paper_count(100, 700, 19), paper_count(100, 100, 19, 1500)) == (186_100, 67_600)


@pytest.mark.parametrize("pool", ["last", "mean"])
@pytest.mark.parametrize("family", SMALL)
def test_what_follows_a_sequence_does_not_matter(family, pool):
    model, given = small(family, pool=pool).eval(), tokens()
    together = model(Sequences.of(of_tokens(given, 11)))
    for logits_k, each in zip(together, given, strict=True):
        torch.testing.assert_close(model(Sequences.of(of_tokens([each], 11)))[0], logits_k, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pool", ["last", "mean"])
@pytest.mark.parametrize("family", [family for family in SMALL if family != "transformer"])
def test_pieces_change_nothing(family, pool, monkeypatch):
    """Outputs and gradients, of sequences of odd lengths that end in different pieces, recomputed backward."""
    model, sequences = small(family, pool=pool), Sequences.of(of_tokens(tokens(), 11))
    truth = outcome(model, sequences)
    monkeypatch.setattr(sequence_module, "PIECE", 5)
    for name, ours in outcome(model, sequences).items():
        torch.testing.assert_close(ours, truth[name], rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("family", [family for family in SMALL if family != "transformer"])
def test_nothing_holds_a_piece_that_is_over(family, monkeypatch):
    """What goes from one to the next is a state alone, no view of all steps."""
    model, sequences = small(family), Sequences.of(of_tokens(tokens(), 11))
    trace, held = model.encoder.prepared(), []

    def watched(events, state):
        held.extend(each.untyped_storage().nbytes() / (4 * each.numel()) for each in state)
        return trace(events, state)

    monkeypatch.setattr(sequence_module, "PIECE", 5)
    monkeypatch.setattr(model.encoder, "prepared", lambda: watched)
    model(sequences)
    assert len(held) >= 5 and set(held) == {1.0}


def test_pieces_hold_every_event_once():
    events = Sequences.of(of_tokens(tokens(), 11)).events
    parts = pieces(events, 5)
    assert [part.shape[1] for part in parts] == [5, 5, 5, 5, 3]
    assert torch.equal(torch.cat([part.dense() for part in parts], 1), events.dense())
    assert all((part.row_n.diff() >= 0).all() for part in parts)


@pytest.mark.parametrize("family", SMALL)
def test_vectors_of_real_numbers(family):
    random = np.random.default_rng(0)
    vectors = [random.normal(size=(length, 3)).astype("f4") for length in (9, 14)]
    model = small(family, n_channels=3)
    found = outcome(model, Sequences.of(of_vectors(vectors)))
    assert all(value.isfinite().all() for value in found.values())
    assert found["readout.weight"].abs().sum() > 0


def test_two_towers_share_an_encoder():
    model, (one, other) = small("elm", towers=2, latent=3), tokens((9, 9))
    first, second = (Sequences.of(of_tokens([each], 11)) for each in (one, other))
    assert model.readout.weight.shape == (4, 12)
    with torch.no_grad():
        model.readout.weight[:, 3:6] = model.readout.weight[:, :3]  # then it does not see which one is which
    torch.testing.assert_close(model(first, second), model(second, first))


def test_attention_is_pytorch_s_own():
    settings = configure("transformer", None, {"n_channels": 3, "n_classes": 2, "size": 8, "heads": 2, "hidden": 16})
    ours = Block(settings.model_copy(update={"attention": 8})).eval()
    theirs = nn.TransformerEncoderLayer(8, 2, 16, 0.0, "gelu", batch_first=True, norm_first=True).eval()
    pairs = {
        "self_attn.in_proj": ours.projected,
        "self_attn.out_proj": ours.out,
        "linear1": ours.up,
        "linear2": ours.down,
        "norm1": ours.norm,
        "norm2": ours.norm_hidden,
    }
    state = {}
    for name, layer in pairs.items():
        joint = "_" if name.endswith("in_proj") else "."
        state |= {f"{name}{joint}weight": layer.weight, f"{name}{joint}bias": layer.bias}
    theirs.load_state_dict(state)
    x_btd = torch.randn(3, 17, 8)
    there_bt = torch.arange(17) < torch.tensor([17, 3, 9])[:, None]
    expected = theirs(x_btd, src_key_padding_mask=~there_bt)
    torch.testing.assert_close(ours(x_btd, there_bt[:, None, None])[there_bt], expected[there_bt], rtol=1e-4, atol=1e-5)


def test_chrono_biases_forget_within_the_longest_step():
    cell = assemble(
        configure("chrono-lstm", 4000, {"n_channels": 2, "n_classes": 2, "longest": 784})
    ).encoder.cell.cells
    bias_i, bias_f, bias_g, bias_o = cell.bias_ih_l0.detach().split(4000)
    steps = bias_f.exp()
    assert steps.min() >= 1 and steps.max() <= 783 and abs(steps.mean() - 392) < 4 * 226 / 4000**0.5
    assert torch.equal(bias_i, -bias_f) and not bias_g.any() and not bias_o.any() and not cell.bias_hh_l0.any()


def test_dropout_leaves_out_entries_in_training_only():
    sequences = Sequences.of(of_tokens(tokens((400,)), 11))
    kept = sequences.without(0.25).events.value_n
    assert torch.equal(kept[kept > 0], torch.full_like(kept[kept > 0], 4 / 3)) and 0.6 < (kept > 0).float().mean() < 0.9
    model = small("elm", input_dropout=0.5)
    assert not torch.equal(model(sequences), model(sequences))
    assert torch.equal(model.eval()(sequences), model(sequences))


def test_dropout_of_channels_holds_for_a_sequence():
    random = np.random.default_rng(0)
    sequences = Sequences.of(of_vectors([random.uniform(1, 2, size=(30, 200)).astype("f4") for _ in range(2)]))
    dense = sequences.events.dense()
    kept_btc = sequences.without(0.25, "channels").events.dense()
    share_bc = kept_btc[:, 0] / dense[:, 0]
    assert torch.equal(share_bc > 0, share_bc > 1) and 0.65 < (share_bc > 0).float().mean() < 0.85
    torch.testing.assert_close(kept_btc, dense * share_bc[:, None])
    assert not torch.equal(share_bc[0], share_bc[1])


def test_regularisers_are_of_training_only():
    """The penalty of pieces is that of the whole sequence, as the network has it."""
    options = {"u_penalty": 0.3, "activity_penalty": 0.7}
    model, sequences = small("elm-network", **options), Sequences.of(of_tokens(tokens(), 11))
    model(sequences)
    cell = model.encoder.cell
    traced = cell.trace(sequences.events, cell.init_state(3))
    torch.testing.assert_close(model.penalty, cell.penalty(traced, 23, effort=0.3, activity=0.7))
    assert model.penalty > 0
    model.eval()(sequences)
    assert model.penalty == 0


def test_neurons_unheard_are_drawn_for_a_sequence_in_training_only():
    model, sequences = small("elm-network", recurrent_dropout=0.5), Sequences.of(of_tokens(tokens(), 11))
    assert not torch.equal(model(sequences), model(sequences))
    assert torch.equal(model.eval()(sequences), model(sequences))


def test_a_sequence_without_a_step_is_refused():
    with pytest.raises(InputError, match="a sequence of the task has no step") as error:
        Sequences.of(of_tokens(tokens((4, 0)), 11))
    assert "\n" not in str(error.value)


def test_a_neuron_spikes_at_its_threshold():
    """By hand: leak .5, two events of weight .7 in bins 0 and 1: membrane .7, 1.05 (a spike), then rest."""
    settings = configure("snn", 1, {"n_channels": 1, "n_classes": 2, "synapses": 1, "tau_readout": 1e6})
    encoder = SpikingEncoder(settings)
    leak = float(np.exp(-1 / 150))
    with torch.no_grad():
        encoder.w_y.fill_(0.7)
        encoder._proto_tau.fill_(50.0)  # the largest time constant
    row = np.array([0, 1], "i4")
    inputs = Inputs((1, 3, 1), np.array([3]), row, 0 * row, np.ones(2, "f4"))
    assert leak * 0.7 + 0.7 > 1
    trace_btn, (kept_bn, _) = encoder.prepared()(Sequences.of(inputs).events, encoder.rest(1))
    torch.testing.assert_close(trace_btn[0, :, 0], torch.tensor([0.0, 1.0, 1.0]), atol=1e-5, rtol=0)
    assert kept_bn.item() == 0


@pytest.mark.parametrize(
    "family, options, told",
    [
        ("lsmt", {}, "model for sequences 'lsmt' is not known: did you mean 'lstm'?"),
        ("elm-network", {"rho": 1.0}, "rho: Input should be less than 1"),
        ("elm", {"width": 3}, "elm for sequences: 'width' is not a setting"),
        ("lstm", {"size": 0}, "size: Input should be greater than 0"),
        ("transformer", {"attention": 63}, "attention 63 is shared out among 4 heads"),
    ],
)
def test_settings_that_are_none(family, options, told):
    with pytest.raises(InputError, match=re.escape(told)) as error:
        assemble(configure(family, None, {"n_channels": 3, "n_classes": 2} | options))
    assert "\n" not in str(error.value)


def test_families_are_told_alike():
    assert SMALL.keys() == FAMILIES.keys()
