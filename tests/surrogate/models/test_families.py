"""The registry builds by name, from a seed, and refuses in one line."""

import pytest
import torch

from apical.simulate.schema import InputError
from apical.surrogate.device import choose_device
from apical.surrogate.fitting.recipe import FitConfig, paper, quick
from apical.surrogate.models.families import build

FAMILY_SIZES = [
    ("elm", 5), ("elm", "simplest"), ("tcn", "2x4"), ("lstm", 3), ("gru", 3), ("ln", 2), ("lif", 1), ("alif", 1),
]  # fmt: skip


@pytest.mark.parametrize("family, size", FAMILY_SIZES)
def test_initial_weights_follow_the_seed_and_nothing_else(family, size):
    before = torch.random.get_rng_state()
    one, same, other = (build(family, size, 16, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    "family, size, n_inputs, options, message",
    [
        ("elmm", 20, 16, {}, "model family 'elmm' is not known: did you mean 'elm'"),
        ("rnn9", 20, 16, {}, "choose one of elm, tcn, lstm, gru"),
        ("elm", "big", 16, {}, "elm of size 'big': d_m: Input should be a valid integer"),
        ("elm", 0, 16, {}, "elm of size '0': d_m: Input should be greater than 0, not 0"),
        ("lif", 5, 16, {}, "lif of size '5': it is one neuron, so its only size is 1"),
        ("alif", "many", 16, {}, "alif of size 'many': it is one neuron"),
        ("alif", 1, 16, {"tau_max": 3}, "'tau_max' is not a setting: did you mean 'tau_max_ms'"),
        ("lif", 1, 16, {"tau_max_ms": 5}, "lif: tau_max_ms: Input should be greater than 10"),
        ("ln", 0, 16, {}, "ln of size '0': n_exponentials: Input should be greater than 0, not 0"),
        ("elm", "simplest", 17, {}, "simplest elm: n_inputs is 17: neuronio routing pairs"),
        ("elm", "simple", 16, {}, "elm of size 'simple': d_m: Input should be a valid integer"),
        ("elm", 3, 16, {"mlp_layers": -1}, "mlp_layers: Input should be greater than or equal to 0"),
        ("elm", 20, 17, {}, "n_inputs is 17: neuronio routing pairs"),
        ("elm", 20, 16, {"n_branches": None, "share_weights": True}, "share_weights takes branches"),
        ("elm", 20, 16, {"n_branch": 3}, "'n_branch' is not a setting: did you mean 'n_branches'"),
        ("tcn", "2x4", 16, {"receptive_field_ms": -5}, "receptive_field_ms is -5, expected a whole number of ms"),
    ],
)
def test_bad_model_is_refused_in_one_line(family, size, n_inputs, options, message):
    with pytest.raises(InputError, match=message) as error:
        build(family, size, n_inputs, **options)
    assert "\n" not in str(error.value)


def test_options_reach_the_model():
    model = build("elm", "6", 16, n_branches=None, mlp_layers=2, learn_tau_m=True)
    assert model.n_branches == 16 and len(model.mlp.layers()) == 3 and model._proto_tau_m.requires_grad


def test_recipes_are_the_published_ones():
    elm, tcn = paper("elm"), paper("tcn")
    assert (elm.size, elm.steps, elm.learning_rate, elm.batch, elm.window_ms) == (20, 350_000, 5e-4, 8, 500)
    assert (tcn.size, tcn.steps, tcn.optimizer, tcn.window_ms) == ("7x128", 720_000, "nadam", 400)
    first_of_epoch_80 = tcn.rates(80 * 2880)
    assert first_of_epoch_80.learning_rate == 1e-5
    assert first_of_epoch_80.spike_weight / first_of_epoch_80.voltage_weight == pytest.approx(4 / (0.01 * 100))
    assert tcn.rates(80 * 2880 - 1).learning_rate == 3e-5


def test_recipes_of_the_floor_start_higher():
    assert paper("lif").learning_rate > paper("elm", 1).learning_rate and paper("lif").size == 1
    assert paper("elm", "simplest").spike_bias_from_rate and not paper("ln").spike_bias_from_rate
    assert paper("ln", learning_rate=0.3).learning_rate == 0.3


def test_learning_rate_falls_as_a_cosine():
    config = quick("elm", 3, steps=100, learning_rate=0.2)
    assert [config.rates(step).learning_rate for step in (0, 50, 100)] == pytest.approx([0.2, 0.1, 0.0])


def test_changes_of_a_recipe_are_checked():
    assert quick("tcn", "2x8", options={"receptive_field_ms": 30}).options["batch_norm_momentum"] == 0.1
    assert quick("elm", "12").size == 12
    with pytest.raises(InputError, match="steps: Input should be greater than 0, not -1"):
        quick("elm", 3, steps=-1)
    with pytest.raises(InputError, match="'stesp' is not a setting: did you mean 'steps'"):
        paper("elm", stesp=5)
    with pytest.raises(InputError, match="did you mean 'tcn'"):
        quick("tnc", "2x8")


def test_a_configuration_survives_json():
    config = paper("tcn", dendrite_components=20)
    assert FitConfig.model_validate_json(config.model_dump_json()) == config


def test_device():
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(InputError, match="choose auto, cpu or cuda"):
        choose_device("tpu")
    if not torch.cuda.is_available():
        assert choose_device("auto").type == "cpu"
        with pytest.raises(InputError, match="finds no CUDA device"):
            choose_device("cuda")
