"""A prediction obeys the truth's schema, on the trials that it should, window by window as published."""

import json

import numpy as np
import pytest
import torch
import zarr

from apical.simulate import schema
from apical.simulate.schema import InputError
from apical.surrogate.fitting.fit import FitConfig, fit
from apical.surrogate.fitting.rollout import rollout
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.fitting.spike_inputs import SpikeInputs, cut
from apical.surrogate.models.families import build
from apical.surrogate.use.checkpoint import Surrogate, load_run
from apical.surrogate.use.predict import predict


def surrogate(family="elm", size=3, n_inputs=16, **options):
    model = build(family, size, n_inputs, **options).eval()
    for parameter in model.parameters():  # away from the small initial weights, so that differences show
        parameter.data *= 3
    return Surrogate(model, VoltageScaling(), f"{family}-{size}", family, size, 0, "nowhere", "elsewhere")


def inputs(duration_ms, n_inputs=16, seed=0):
    rng = np.random.default_rng(seed)
    return SpikeInputs.from_dense(rng.random((n_inputs, duration_ms)) < 0.05, np.repeat([1, -1], n_inputs // 2))


@pytest.mark.parametrize("duration_ms", [1, 150, 499, 500, 501, 850, 851, 1500])
def test_windows_are_the_published_ones(duration_ms):
    """Starts 0, 350, 700 …; the first whole, later ones without their first 150 ms, silence after the end."""
    model, spikes = surrogate().model, inputs(duration_ms)
    silent_after = cut([spikes], [0], duration_ms + 500).dense()[0]
    expected = np.full((duration_ms, 2), np.nan, np.float32)
    for start in range(0, duration_ms, 350):
        drop = 150 if start else 0
        with torch.no_grad():
            y = model(silent_after[None, start : start + 500])[0].numpy()
        stop = min(start + 500, duration_ms)
        expected[start + drop : stop] = y[drop : stop - start]
    np.testing.assert_allclose(rollout(model, spikes), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("receptive_field_ms", [20, 153, 420])
def test_windows_of_a_tcn_equal_one_pass_exactly(receptive_field_ms):
    model = surrogate("tcn", "3x4", receptive_field_ms=receptive_field_ms).model
    spikes = inputs(1403)
    windowed, one_pass = rollout(model, spikes), rollout(model, spikes, in_one_pass=True)
    np.testing.assert_allclose(windowed, one_pass, rtol=1e-5, atol=1e-6)


def test_one_pass_of_an_elm_starts_from_rest_once():
    model, spikes = surrogate().model, inputs(900)
    with torch.no_grad():
        whole = model(cut([spikes], [0], 900).dense())[0].numpy()
    np.testing.assert_allclose(rollout(model, spikes, in_one_pass=True), whole, rtol=1e-6)
    np.testing.assert_allclose(rollout(model, spikes)[:500], whole[:500], rtol=1e-5, atol=1e-6)


def test_a_prediction_has_the_truth_s_trials_times_and_units(make_dataset, tmp_path):
    data, seen = make_dataset(n_trials=3), []
    made = surrogate()
    out = predict(made, data, tmp_path / "p.zarr", report=lambda done, n: seen.append((done, n)))
    truth, prediction = schema.open_dataset(data), schema.open_dataset(out, "prediction")
    assert (prediction.trial.values == [0, 1, 2]).all() and (prediction.time_ms.values == truth.time_ms.values).all()
    assert (prediction.source_file.values == truth.source_file.values).all()
    assert prediction.attrs["truth_id"] == truth.attrs["dataset_id"]
    config = schema.config_of(prediction)
    assert {"family", "size", "name", "n_parameters", "seed", "run", "trained_on"} <= set(config)
    assert json.loads(prediction.attrs["provenance"])["torch"] == torch.__version__
    assert seen == [(1, 3), (2, 3), (3, 3)]

    spikes = SpikeInputs.from_dense(truth.input_spikes.values[1], truth.synapse_sign.values)
    y_to = rollout(made.model, spikes)
    assert prediction.spike_probability.dtype == prediction.soma_v_mv.dtype == np.float32
    np.testing.assert_allclose(prediction.spike_probability[1], 1 / (1 + np.exp(-y_to[:, 0])), rtol=1e-5)
    np.testing.assert_allclose(prediction.soma_v_mv[1], 10 * y_to[:, 1] - 67.7, rtol=1e-5)


@pytest.fixture
def run(make_dataset, tmp_path):
    config = FitConfig(family="elm", size=2, steps=1, batch=2, window_ms=60, burn_in_ms=10, validate_every=1)
    return load_run(fit(config, make_dataset(n_trials=6), tmp_path / "run", device="cpu"))


def predicted_trials(surrogate, data, out, trials):
    return schema.open_dataset(predict(surrogate, data, out, trials=trials)).trial.values.tolist()


def test_held_out_trials_are_the_default_on_the_data_of_the_fit(run, make_dataset, tmp_path):
    data, out = tmp_path / "truth.zarr", tmp_path / "p{}.zarr"
    held_out = sorted(run.split.validation + run.split.test)
    expected = {"auto": held_out, "test": run.split.test, "train": run.split.train, "all": [*range(6)], (4, 1): [4, 1]}
    for i, (trials, numbers) in enumerate(expected.items()):
        asked = trials if isinstance(trials, str) else list(trials)
        assert predicted_trials(run, data, str(out).format(i), asked) == numbers
    ds = schema.open_dataset(str(out).format(0))
    part = {int(trial): str(part) for trial, part in zip(ds["trial"].values, ds["part"].values, strict=True)}
    assert part == dict.fromkeys(run.split.validation, "validation") | dict.fromkeys(run.split.test, "test")
    other = make_dataset("other.zarr", n_trials=2, seed=1)
    assert predicted_trials(run, other, str(out).format("other"), "auto") == [0, 1]
    assert not any(schema.open_dataset(str(out).format("other"))["part"].values)


def test_failed_trials_are_not_predicted(make_dataset, tmp_path):
    data = make_dataset(n_trials=3)
    zarr.open_group(data, mode="r+")["trial_status"].with_config({"write_empty_chunks": True})[1] = schema.FAILED
    assert predicted_trials(surrogate(), data, tmp_path / "p.zarr", "all") == [0, 2]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"trials": "tests"}, "choose auto, all, train, validation, test, or trial numbers"),
        ({"trials": "train"}, "was not fitted on this dataset"),
        ({"trials": [77]}, "has no finished trial 77"),
        ({"trials": []}, "no finished trial"),
        ({"mode": "fast"}, "choose windows or stream"),
        ({"device": "tpu"}, "choose auto, cpu or cuda"),
    ],
)
def test_bad_wishes_leave_nothing_behind(make_dataset, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        predict(surrogate(), make_dataset(), tmp_path / "p.zarr", **options)
    assert not (tmp_path / "p.zarr").exists()


def test_a_dataset_with_other_inputs(make_dataset, tmp_path):
    with pytest.raises(InputError, match="checkpoint expects 12 inputs, dataset has 16"):
        predict(surrogate(n_inputs=12), make_dataset(), tmp_path / "p.zarr")


def test_only_a_prediction_is_ever_overwritten(make_dataset, tmp_path):
    data, out = make_dataset(n_trials=2), tmp_path / "p.zarr"
    predict(surrogate(), data, out)
    with pytest.raises(InputError, match="exists already; --overwrite replaces it"):
        predict(surrogate(), data, out)
    predict(surrogate(), data, out, overwrite=True, trials=[1])
    assert schema.open_dataset(out).sizes["trial"] == 1
    with pytest.raises(InputError, match="is not a prediction"):
        predict(surrogate(), data, data, overwrite=True)
    schema.open_dataset(data)
