"""A student learns from what another model predicts, and not from what that one learned of the trials held out."""

import json

import numpy as np
import pytest
import torch

from apical.simulate import schema
from apical.simulate.schema import InputError
from apical.surrogate.fitting.fit import fit
from apical.surrogate.fitting.recipe import FitConfig, Rates
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.fitting.step import window_loss
from apical.surrogate.fitting.teacher import open_teacher, taught
from apical.surrogate.fitting.windows import load_trials
from apical.surrogate.use.checkpoint import load_run
from apical.surrogate.use.predict import predict

FIELDS = {"family": "elm", "size": 3, "options": {"n_branches": 4}, "steps": 6, "batch": 2}
FIELDS |= {"window_ms": 60, "burn_in_ms": 10, "validate_every": 2, "learning_rate": 0.01}


@pytest.fixture
def data(make_dataset):
    return make_dataset()


@pytest.fixture
def teacher(data, tmp_path):
    run = fit(FitConfig(**FIELDS), data, tmp_path / "teacher", device="cpu")
    return predict(load_run(run), data, tmp_path / "teacher.zarr", trials="all")


def test_the_loss_on_mixed_targets_is_the_mix_of_the_losses():
    random = torch.Generator().manual_seed(0)
    y_bwo = torch.randn(2, 30, 2, generator=random, requires_grad=True)
    truth, said = ([torch.rand(2, 30, generator=random) for _ in range(2)] for _ in range(2))
    mixed = [0.3 * one + 0.7 * other for one, other in zip(truth, said, strict=True)]
    gradients = []
    for *targets, share in [(*truth, 0.3), (*said, 0.7), (*mixed, 1.0)]:
        (gradient,) = torch.autograd.grad(share * window_loss(y_bwo, *targets, Rates(0, 0.5, 0.4, 0)), y_bwo)
        gradients.append(gradient)
    torch.testing.assert_close(gradients[0] + gradients[1], gradients[2])


@pytest.mark.parametrize("from_disk", [False, True])
def test_targets_by_hand(data, teacher, from_disk):
    ds, said, scaling = schema.open_dataset(data), schema.open_dataset(teacher), VoltageScaling()
    numbers = [3, 0]
    plain = load_trials(ds, numbers, scaling)
    mixed = taught(load_trials(ds, numbers, scaling, from_disk=from_disk), said, numbers, 0.25, scaling)
    assert mixed.duration_ms == plain.duration_ms
    for at, number in enumerate(numbers):
        of = said.sel(trial=number)
        spikes = 0.75 * plain.spike_bt[at] + 0.25 * of.spike_probability.values
        voltage = 0.75 * plain.voltage_bt[at] + 0.25 * (of.soma_v_mv.values + 67.7) / 10
        np.testing.assert_allclose(mixed.spike_bt[at], spikes, rtol=1e-6)
        np.testing.assert_allclose(mixed.voltage_bt[at], voltage, rtol=1e-5, atol=1e-6)
        assert mixed.spike_bt[at].dtype == mixed.voltage_bt[at].dtype == np.float32


def test_a_student_says_who_taught_it(data, teacher, tmp_path):
    plain, taught_ = (
        fit(FitConfig(**FIELDS | {"seed": 1} | more), data, tmp_path / name, device="cpu")
        for name, more in {"plain": {}, "taught": {"teacher": str(teacher), "teacher_share": 0.5}}.items()
    )
    assert (plain / "weights.safetensors").read_bytes() != (taught_ / "weights.safetensors").read_bytes()
    said = schema.open_dataset(teacher).attrs["dataset_id"]
    assert json.loads((taught_ / "config.json").read_text())["teacher_id"] == said
    assert f"| taught by | prediction {said}, a share of 0.5 of the targets |" in (taught_ / "README.md").read_text()


def test_a_teacher_that_cannot_be_is_refused(data, teacher, make_dataset, tmp_path):
    def refused(message, to=data, **changes):
        with pytest.raises(InputError, match=message):
            fit(FitConfig(**FIELDS | {"teacher": str(teacher)} | changes), to, tmp_path / "run", device="cpu")
        assert not (tmp_path / "run").exists()

    refused(r"teacher: .*teacher\.zarr is by a model that learned from trial \d, which is held out", split_seed=3)
    refused(r"teacher: .*teacher\.zarr is of dataset made-up", make_dataset("other.zarr", seed=5))
    refused(r"teacher: is a prediction of one dataset", [data, data.parent / "other.zarr"])
    refused(r"is a simulation, expected a prediction", teacher=str(data))
    refused(r"missing\.zarr", teacher=str(tmp_path / "missing.zarr"))
    run = load_run(tmp_path / "teacher")
    some = predict(run, data, tmp_path / "some.zarr", trials="validation")
    refused(r"some\.zarr: has no finished trial", teacher=str(some))
    with pytest.raises(InputError, match="teacher: mixes every label, so spike_windows has no spikes to look for"):
        FitConfig.checked("fit settings", FIELDS | {"teacher": str(teacher), "spike_windows": 0.5})


def test_one_that_learned_from_no_trial_held_out_may_teach(data, teacher):
    run = load_run(teacher.parent / "teacher")
    assert open_teacher(str(teacher), schema.open_dataset(data), run.split).attrs["kind"] == "prediction"
