"""A fit learns, can be stopped anywhere without trace, and refuses in one line."""

import csv
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from apical.simulate import schema
from apical.simulate.schema import InputError
from apical.surrogate.checkpoint import load_run
from apical.surrogate.fit import FitConfig, fit
from apical.surrogate.models import build
from apical.surrogate.recipe import Phase, Rates, quick
from apical.surrogate.scaling import VoltageScaling
from apical.surrogate.training import make_optimizer, train_step, window_loss
from apical.surrogate.validation import validate
from apical.surrogate.windows import load_trials

TCN = {"family": "tcn", "size": "2x4", "options": {"receptive_field_ms": 20}}
ELM = {"family": "elm", "size": 3, "options": {"n_branches": 4}}
LSTM, GRU = ({"family": family, "size": 3} for family in ("lstm", "gru"))


def settings(model=ELM, **changes):
    fields = {"steps": 6, "batch": 2, "window_ms": 60, "burn_in_ms": 10, "validate_every": 2, "learning_rate": 0.01}
    return FitConfig(**(model | fields | changes))


def folder_of(path):
    return {file.name: file.read_bytes() for file in path.iterdir() if file.name not in ("log.csv", "state.pt")}


class Stop(Exception):
    pass


def stop_at(step):
    def report(progress):
        if progress.step == step:
            raise Stop

    return report


@pytest.mark.parametrize("stop", [1, 3, 4])  # before the first validation, between two, right after one
@pytest.mark.parametrize("model", [ELM, TCN, LSTM, GRU], ids=["elm", "tcn", "lstm", "gru"])
def test_a_resumed_fit_is_bit_for_bit_the_undisturbed_one(make_dataset, tmp_path, model, stop):
    data, config = make_dataset(), settings(model)
    fit(config, data, tmp_path / "undisturbed", device="cpu")
    with pytest.raises(Stop):
        fit(config, data, tmp_path / "resumed", device="cpu", report=stop_at(stop))
    steps = []
    fit(config, data, tmp_path / "resumed", device="cpu", resume=True, report=lambda p: steps.append(p.step))
    assert steps[0] == stop // 2 * 2 + 1 and steps[-1] == 6  # from the last validation on
    assert folder_of(tmp_path / "resumed") == folder_of(tmp_path / "undisturbed")
    one, other = (torch.load(tmp_path / run / "state.pt", weights_only=True) for run in ("resumed", "undisturbed"))
    assert all(torch.equal(one["model"][name], other["model"][name]) for name in one["model"])
    assert [row[:4] for row in one["log"]] == [row[:4] for row in other["log"]]


def test_resuming_a_finished_run_changes_nothing(make_dataset, tmp_path):
    data, out = make_dataset(), tmp_path / "run"
    fit(settings(), data, out)
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    fit(settings(), data, out, resume=True, report=stop_at(1))
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


def test_a_fit_learns(make_dataset, tmp_path):
    """Two bounds that need no network: the spread of the voltage, and chance."""
    data = make_dataset(n_trials=8, duration_ms=2000, n_segments=4)
    model = ELM | {"size": 8}
    config = settings(model, steps=200, batch=8, window_ms=120, burn_in_ms=40, validate_every=50, learning_rate=0.02)
    out = fit(config, data, tmp_path / "run")
    with (out / "log.csv").open() as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    assert [row["step"] for row in rows] == [50, 100, 150, 200]
    validation = json.loads((out / "config.json").read_text())["split"]["validation"]
    v_mv = np.minimum(schema.open_dataset(data).soma_v_mv.values[validation, 500:], -55)
    assert rows[-1]["validation_rmse_mv"] < 0.85 * v_mv.std()
    assert rows[-1]["validation_roc_auc"] > 0.8


def test_the_run_keeps_the_weights_of_the_best_validation(make_dataset, tmp_path):
    data = make_dataset()
    weights = []

    def collect(progress):
        if progress.step % 2 == 0:
            weights.append((progress.validation_rmse_mv, load_file(tmp_path / "run" / "weights.safetensors")))

    out = fit(settings(steps=12, learning_rate=0.3), data, tmp_path / "run", report=collect)
    best = int(np.argmin([rmse_mv for rmse_mv, _ in weights]))
    kept = load_file(out / "weights.safetensors")
    assert all(torch.equal(kept[name], weights[best][1][name]) for name in kept)
    surrogate = load_run(out)
    trials = load_trials(schema.open_dataset(data), surrogate.split.validation, surrogate.scaling)
    assert validate(surrogate.model, trials, surrogate.scaling).rmse_mv == pytest.approx(weights[best][0], rel=1e-6)


def test_how_a_model_is_computed_is_said_once(make_dataset, tmp_path):
    data, said = make_dataset(), []
    for name, model in (("elm", ELM), ("tcn", TCN)):
        fit(settings(model), data, tmp_path / name, device="cpu", say=said.append)
    assert said == [f"recurrence: compiled, {torch.get_num_threads()} threads"]


def test_the_run_explains_itself(make_dataset, tmp_path):
    out = fit(settings(seed=5, split_seed=2), make_dataset(), tmp_path / "run")
    card = json.loads((out / "config.json").read_text())
    assert card["fit"]["seed"] == 5 and card["model"]["n_inputs"] == 16
    assert card["dataset_id"] == "made-up-0-8"
    assert card["scaling"] == {"clip_mv": -55.0, "offset_mv": -67.7, "scale_mv": 10.0}
    assert sorted(trial for part in card["split"].values() for trial in part) == list(range(6))
    assert {"apical", "torch", "numpy", "python", "git_commit", "device"} == set(card["provenance"])
    assert sorted(f.name for f in out.iterdir()) == ["config.json", "log.csv", "state.pt", "weights.safetensors"]


def test_models_of_one_split_seed_hold_out_the_same_trials(make_dataset, tmp_path):
    data = make_dataset()
    splits = [
        load_run(fit(settings(model, seed=seed, steps=2), data, tmp_path / f"run{seed}")).split
        for seed, model in enumerate([ELM, TCN])
    ]
    assert splits[0] == splits[1]


def test_dendritic_components_are_the_third_target(make_dendrites, tmp_path):
    data = make_dendrites(n_trials=4)
    config = settings(TCN, dendrite_components=3, steps=60, batch=4, dendrite_weight=1.0, validate_every=20)
    losses = []
    out = fit(config, data, tmp_path / "run", report=lambda p: losses.append(p.loss))
    assert (out / "dendrites.safetensors").exists()
    assert load_run(out).model.config.n_dendrite_components == 3
    assert losses[0] > 1  # white targets have a mean square of one, which only the third term sees
    assert np.mean(losses[-10:]) < losses[0]


def test_loss_by_hand():
    logit, voltage = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, -1.0]])
    y = torch.stack([logit, voltage, torch.zeros(1, 2)], dim=-1)
    loss = window_loss(
        y, torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 1.0]]), Rates(0, 2, 3, 4), torch.full((1, 2, 1), 0.5)
    )
    cross_entropy = (np.log(2) + np.log(1 + np.exp(-2))) / 2
    assert loss.item() == pytest.approx(2 * cross_entropy + 3 * (1 + 4) / 2 + 4 * 0.25)


def test_burn_in_carries_no_loss(make_dataset):
    """The configuration asks for 5 ms, the receptive field of 20 ms for 19: a poisoned bin 18 must not be seen."""
    trials = load_trials(schema.open_dataset(make_dataset()), [0], VoltageScaling())
    config = settings(TCN, burn_in_ms=5, window_ms=1000)  # the only such window of 1500 ms starts at 500

    def loss(first_good_bin):
        model = build("tcn", "2x4", 16, receptive_field_ms=20)
        poisoned = trials.voltage_bt.copy()
        poisoned[:, 500 : 500 + first_good_bin] = np.nan
        return train_step(model, make_optimizer(config, model), trials._replace(voltage_bt=poisoned), config, 0)

    assert np.isfinite(loss(19))
    assert np.isnan(loss(20))


def test_a_loss_that_is_no_number_names_the_step_and_keeps_the_best(make_dataset, tmp_path):
    data = make_dataset()
    with pytest.raises(InputError, match=r"is (nan|inf) at step [12]; no model was kept"):
        fit(settings(learning_rate=1e30), data, tmp_path / "run")
    calm = {"spike_weight": 0.5, "voltage_weight": 0.5, "dendrite_weight": 0.0}
    phases = (
        Phase(from_fraction=0, learning_rate=0.01, **calm),
        Phase(from_fraction=0.5, learning_rate=1e30, **calm),
    )
    with pytest.raises(InputError, match=r"at step [45]; the best model up to step 2 is kept") as error:
        fit(settings(phases=phases), data, tmp_path / "late")
    assert "\n" not in str(error.value)
    load_run(tmp_path / "late")


def test_what_is_there_is_not_overwritten_unasked(make_dataset, tmp_path):
    data, out = make_dataset(), tmp_path / "run"
    fit(settings(steps=2), data, out)
    with pytest.raises(InputError, match="run: exists already; --resume goes on with it, --overwrite replaces it"):
        fit(settings(), data, out)
    with pytest.raises(InputError, match="was started with steps = 2, now it is 6"):
        fit(settings(), data, out, resume=True)
    with pytest.raises(InputError, match="was started with dataset_id = 'made-up-0-8', now it is 'made-up-1-8'"):
        fit(settings(steps=2), make_dataset("other.zarr", seed=1), out, resume=True)
    fit(settings(), data, out, overwrite=True)
    assert load_run(out).seed == 0


def test_a_folder_that_is_no_run_is_left_alone(make_dataset, tmp_path):
    thesis = tmp_path / "folder" / "thesis.tex"
    thesis.parent.mkdir()
    thesis.write_text("years")
    for how in ({"overwrite": True}, {"resume": True}):
        with pytest.raises(InputError, match="is there but is not a run"):
            fit(settings(), make_dataset(f"{len(how)}{next(iter(how))}.zarr"), thesis.parent, **how)
    assert thesis.read_text() == "years"


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"window_ms": 1200}, "window_ms is 1200, but a trial of 1500 ms has 1000 ms"),
        ({"burn_in_ms": 60}, "burn_in_ms is 60, window_ms is 60"),
        ({"family": "emm"}, "did you mean 'elm'"),
        ({"dendrite_components": 3}, "only a tcn has a head"),
        ({"test_fraction": 0.9}, "6 finished trials cannot be split"),
    ],
)
def test_bad_settings_leave_nothing_behind(make_dataset, tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        fit(settings(**changes), make_dataset(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_receptive_field_longer_than_the_window(make_dataset, tmp_path):
    with pytest.raises(InputError, match="burn_in_ms is 99, window_ms is 60"):
        fit(settings(TCN, options={"receptive_field_ms": 100}), make_dataset(), tmp_path / "run")


def test_a_refused_fit_leaves_no_folder(make_dataset, tmp_path):
    """Else the next try, put right, would be told that the path exists."""
    config = quick("tcn", "1x4", steps=1, dendrite_components=2)
    with pytest.raises(InputError, match="dendrite_v_mv"):
        fit(config, make_dataset(), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()
