"""What a recipe can ask for beside the published: each by hand or by theory; off, a fit is as it was."""

import csv
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from apical.simulate.schema import InputError
from apical.surrogate.fitting import advance
from apical.surrogate.fitting.fit import fit
from apical.surrogate.fitting.recipe import FitConfig, Phase, paper, quick
from apical.surrogate.fitting.validation import Scores
from apical.surrogate.fitting.weight_average import WeightAverage
from apical.surrogate.models.families import build
from apical.surrogate.tensors import read_tensors
from apical.surrogate.use.checkpoint import load_run

ELM = {"family": "elm", "size": 2, "options": {"n_branches": 4}}
TCN = {"family": "tcn", "size": "2x4", "options": {"receptive_field_ms": 20}}
LN = {"family": "ln", "size": 2}


def settings(model=ELM, **changes):
    fields = {"steps": 6, "batch": 2, "window_ms": 60, "burn_in_ms": 10, "validate_every": 2, "learning_rate": 0.01}
    return FitConfig(**(model | fields | changes))


def test_a_mean_by_hand():
    """Of four steps and more back, at a decay of 0.75: plain until then, exponential from then on."""
    model, mean = (build("ln", 2, 4) for _ in range(2))
    average, config = WeightAverage(mean, model), settings(weight_average=0.75, steps=12)
    random = np.random.default_rng(0)
    steps = random.normal(size=(12, 4))
    expected = np.zeros(4)
    for number, w_s in enumerate(steps):
        with torch.no_grad():
            model.w_s.copy_(torch.from_numpy(w_s))
        average.update(config.rates(number).newest)
        expected = steps[: number + 1].mean(axis=0) if number < 4 else 0.75 * expected + 0.25 * w_s
        np.testing.assert_allclose(mean.w_s.detach(), expected, rtol=1e-5)


@pytest.mark.parametrize("model", [ELM, TCN], ids=["elm", "tcn"])
def test_the_mean_is_kept_and_scored_and_the_way_stays_the_same(make_dataset, tmp_path, model):
    """The weights after each step of a fit without a mean, averaged here; of a TCN its normalisation's too."""
    data, seen = make_dataset(), []

    def look(progress):
        seen.append(read_tensors(tmp_path / "plain" / "state.pt")["model"])

    fit(settings(model, validate_every=1), data, tmp_path / "plain", device="cpu", report=look)
    out = fit(settings(model, weight_average=0.6, validate_every=6), data, tmp_path / "mean", device="cpu")
    state, kept = read_tensors(out / "state.pt"), load_file(out / "weights.safetensors")
    for name, last in state["model"].items():
        assert torch.equal(last, seen[-1][name])
        values = torch.stack([each[name].double() for each in seen])
        expected = values[0]
        for number, newest in enumerate(values[1:], 1):
            share = max(1 - 0.6, 1 / (number + 1))
            expected = (1 - share) * expected + share * newest
        if last.is_floating_point():
            torch.testing.assert_close(kept[name].double(), expected, rtol=1e-5, atol=1e-6)
            assert torch.equal(kept[name], state["average"][name])
    assert "weights averaged, decay 0.6 a step" in (out / "README.md").read_text()
    with pytest.raises(InputError, match=r"weight_average = 0\.6, now it is None"):
        fit(settings(model, validate_every=6), data, out, resume=True)


@pytest.mark.parametrize("optimizer", ["adam", "nadam"])
@pytest.mark.parametrize("model, of", [(ELM, "_proto_w_s"), (TCN, "layers.1.conv.weight"), (LN, "w_s")])
def test_weights_without_a_gradient_shrink_by_the_rates(make_dataset, tmp_path, model, of, optimizer):
    """With a loss of 0, a weight falls by the product of 1 - rate · decay; a bias and a time constant stay."""
    none = {"spike_weight": 0, "voltage_weight": 0, "learning_rate": 0.1, "optimizer": optimizer}
    config = settings(model, weight_decay=0.5, **none)
    kept = read_tensors(fit(config, make_dataset(), tmp_path / "run", device="cpu") / "state.pt")["model"]
    start = build(model["family"], model["size"], 16, seed=0, **model.get("options", {})).state_dict()
    factor = np.prod([1 - 0.5 * 0.1 * 0.5 * (1 + np.cos(np.pi * step / 6)) for step in range(6)])
    torch.testing.assert_close(kept[of], factor * start[of], rtol=1e-5, atol=1e-7)
    for name in start:
        if name.endswith("bias") or "tau" in name or "norm.weight" in name:
            assert torch.equal(kept[name], start[name]), name


def test_rates_by_hand():
    config = settings(steps=10, learning_rate=0.4, warm_up_steps=3, batch=32)
    cosine = [0.5 * (1 + np.cos(np.pi * step / 10)) for step in range(10)]
    rise = [1 / 4, 2 / 4, 3 / 4, 1, 1, 1, 1, 1, 1, 1]
    for scaling, factor in (("none", 1), ("sqrt", 2), ("linear", 4)):
        scaled = config.model_copy(update={"batch_scaling": scaling})
        rates = [scaled.rates(step).learning_rate for step in range(10)]
        assert rates == pytest.approx([0.4 * factor * c * r for c, r in zip(cosine, rise, strict=True)])
    phase = Phase(from_fraction=0, learning_rate=0.1, spike_weight=1, voltage_weight=2, dendrite_weight=3)
    in_phases = settings(phases=(phase,), warm_up_steps=1, batch=2, batch_scaling="linear")
    assert in_phases.rates(0) == pytest.approx((0.1 / 2 / 4, 1, 2, 3, 1))
    assert in_phases.rates(1) == pytest.approx((0.1 / 4, 1, 2, 3, 1))


@pytest.mark.parametrize("make", [quick, paper])
def test_where_the_spike_logit_starts(make_dataset, tmp_path, make):
    config = make("elm", 2, spike_bias=-5, steps=1, batch=2, window_ms=60, burn_in_ms=10, learning_rate=1e-30)
    run = load_run(fit(config, make_dataset(), tmp_path / "run", device="cpu"))
    assert run.model.w_y.bias[0].item() == -5
    with pytest.raises(InputError, match="spike_bias: is given, and so is spike_bias_from_rate; give one of them"):
        settings(spike_bias=-5).changed({"spike_bias_from_rate": True})


def test_the_best_auc_chooses_and_waits(make_dataset, tmp_path, monkeypatch):
    """RMSE is best at first and AUC at the third of validations; two without a better one end the fit."""
    told = iter([(1.0, 0.7), (2.0, 0.8), (3.0, 0.9), (2.5, 0.85), (0.5, float("nan")), (0.1, 0.99)])
    monkeypatch.setattr(advance, "validate", lambda *given: Scores(*next(told)))
    kept = []

    def look(progress):
        if progress.step % 2 == 0:
            kept.append((tmp_path / "run" / "weights.safetensors").read_bytes())

    config = settings(steps=12, chosen_by="auc", patience=2)
    out = fit(config, make_dataset(), tmp_path / "run", device="cpu", report=look)
    with (out / "log.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["2", "4", "6", "8", "10"]
    assert kept[2] != kept[1] and kept[2] == kept[3] == kept[4] == (out / "weights.safetensors").read_bytes()
    assert "kept: step 6, the best validation by ROC-AUC |" in (out / "README.md").read_text()


def test_without_a_spike_no_auc_can_choose(make_dataset, tmp_path):
    data = make_dataset(silent=True)
    with pytest.raises(InputError, match=r"no output spike in its validation trials \(1\): .* nan; choose by rmse, or"):
        fit(settings(chosen_by="auc"), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_off_a_recipe_is_the_published_one():
    for config in (paper("elm"), paper("tcn"), quick("elm", 2)):
        assert (config.weight_average, config.spike_jitter_ms, config.spike_bias) == (None, None, None)
        assert config.spike_windows == config.input_dropout == config.weight_decay == config.warm_up_steps == 0
        assert (config.chosen_by, config.batch_scaling, config.rates(0).newest) == ("rmse", "none", 1)


@pytest.mark.parametrize(
    "field, value",
    [
        ("weight_average", 1.0),
        ("spike_windows", 1.0),
        ("input_dropout", 1.0),
        ("spike_jitter_ms", 0.0),
        ("batch_scaling", "cubic"),
        ("chosen_by", "f1"),
        ("weight_decay", -1),
        ("warm_up_steps", -1),
    ],
)
def test_what_an_option_cannot_be_is_one_line(field, value):
    with pytest.raises(InputError, match=f"fit settings: {field}: ") as error:
        settings().changed({field: value})
    assert "\n" not in str(error.value)


def test_options_are_told_again(make_dataset):
    """The command that makes a run again has them."""
    from apical.cli.again.prediction import fit_words

    config = quick("elm", 3, weight_average=0.99, spike_windows=0.5, spike_bias=-5, chosen_by="auc")
    words = fit_words(config)
    given = [word.partition("=") for word in words if "=" in word]
    again = quick("elm", 3, **{name: json.loads(value) for name, _, value in given})
    assert again == config
