"""A fit learns, can be stopped anywhere without trace, and refuses in one line."""

import csv
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from apical.simulate import schema
from apical.simulate.schema import InputError
from apical.surrogate.fitting import laid_out, prepare
from apical.surrogate.fitting.fit import FitConfig, fit, fit_together
from apical.surrogate.fitting.one_writer import alone_with
from apical.surrogate.fitting.recipe import Phase, Rates, quick
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.fitting.stack import Stack
from apical.surrogate.fitting.step import make_optimizer, train_step, window_loss
from apical.surrogate.fitting.validation import validate
from apical.surrogate.fitting.windows import draw_windows, load_trials
from apical.surrogate.models.families import build
from apical.surrogate.use.checkpoint import load_run

TCN = {"family": "tcn", "size": "2x4", "options": {"receptive_field_ms": 20}}
ELM = {"family": "elm", "size": 3, "options": {"n_branches": 4}}
DEEP = {"family": "elm", "size": 3, "options": {"n_branches": 4, "mlp_layers": 2}}
SHARED = {"family": "elm", "size": 3, "options": {"n_branches": 4, "share_weights": True}}
SMOOTH = {"family": "elm", "size": 3, "options": {"n_branches": 4, "weight_knots": 3}}
PRODUCT = {"family": "elm", "size": 3, "options": {"n_branches": 4, "weight_rank": 2}}
DENDRITES = {"family": "elm", "size": 3, "options": {"n_branches": 4, "routing": "dendrites"}}
SIMPLEST = {"family": "elm", "size": "simplest"}
LSTM, GRU, LN = ({"family": family, "size": 3} for family in ("lstm", "gru", "ln"))
LIF, ALIF = ({"family": family, "size": 1} for family in ("lif", "alif"))
MODELS = {
    "elm": ELM, "dendrites' elm": DENDRITES, "deep elm": DEEP, "simplest elm": SIMPLEST, "tcn": TCN, "lstm": LSTM,
    "gru": GRU, "ln": LN, "lif": LIF, "alif": ALIF,
}  # fmt: skip


def settings(model=ELM, **changes):
    fields = {"steps": 6, "batch": 2, "window_ms": 60, "burn_in_ms": 10, "validate_every": 2, "learning_rate": 0.01}
    return FitConfig(**(model | fields | changes))


def folder_of(path):
    """Every file to the byte; of the log all but the seconds."""
    files = {file.name: file.read_bytes() for file in path.iterdir()}
    with (path / "log.csv").open() as log:
        return files | {"log.csv": [row[:-1] for row in csv.reader(log)]}


class Stop(Exception):
    pass


def stop_at(step):
    def report(progress):
        if progress.step == step:
            raise Stop

    return report


@pytest.mark.parametrize("stop", [1, 3, 4])  # before the first validation, between two, right after one
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_resumed_fit_is_bit_for_bit_the_undisturbed_one(make_dataset, tmp_path, model, stop):
    data, config = make_dataset(), settings(model)
    fit(config, data, tmp_path / "undisturbed", device="cpu")
    with pytest.raises(Stop):
        fit(config, data, tmp_path / "resumed", device="cpu", report=stop_at(stop))
    steps = []
    fit(config, data, tmp_path / "resumed", device="cpu", resume=True, report=lambda p: steps.append(p.step))
    assert steps[0] == stop // 2 * 2 + 1 and steps[-1] == 6  # from the last validation on
    assert folder_of(tmp_path / "resumed") == folder_of(tmp_path / "undisturbed")


@pytest.mark.parametrize("model", [ELM, TCN], ids=["elm", "tcn"])
def test_so_is_one_with_every_option(make_dataset, tmp_path, model):
    options = {"spike_windows": 0.5, "input_dropout": 0.2, "weight_average": 0.7, "weight_decay": 0.1}
    options |= {"warm_up_steps": 2, "spike_jitter_ms": 0.05, "spike_bias": -5, "batch_scaling": "sqrt"}
    data, config = make_dataset(), settings(model, **options)
    plain = fit(settings(model), data, tmp_path / "plain", device="cpu")
    fit(config, data, tmp_path / "undisturbed", device="cpu")
    with pytest.raises(Stop):
        fit(config, data, tmp_path / "resumed", device="cpu", report=stop_at(3))
    fit(config, data, tmp_path / "resumed", device="cpu", resume=True)
    assert folder_of(tmp_path / "resumed") == folder_of(tmp_path / "undisturbed")
    assert (plain / "weights.safetensors").read_bytes() != (tmp_path / "resumed/weights.safetensors").read_bytes()


def test_resuming_a_finished_run_changes_nothing(make_dataset, tmp_path):
    data, out = make_dataset(), tmp_path / "run"
    fit(settings(), data, out)
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    fit(settings(), data, out, resume=True, report=stop_at(1))
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


# Share of the voltage's spread that may be left, and what a model needs beside 200 steps: the simplest ELM's memory
# unit starts latched with some seeds
LEARNERS = {
    "elm": (ELM | {"size": 8}, 0.85, {}),
    "deep elm": (DEEP | {"size": 8}, 0.85, {}),
    "simplest elm": (SIMPLEST, 0.9, {"steps": 400, "learning_rate": 0.05, "spike_bias_from_rate": True, "seed": 2}),
    "ln": (LN, 0.9, {}),
    "lif": (LIF, 0.92, {}),
    "alif": (ALIF, 0.92, {}),
}


@pytest.mark.parametrize("model, share, changes", LEARNERS.values(), ids=LEARNERS)
def test_a_fit_learns(make_dataset, tmp_path, model, share, changes):
    """Two bounds that need no network: the spread of the voltage, and chance."""
    data = make_dataset(n_trials=8, duration_ms=2000, n_segments=4)
    base = {"steps": 200, "batch": 8, "window_ms": 120, "burn_in_ms": 40, "validate_every": 50, "learning_rate": 0.02}
    base |= {"test_fraction": 0.1}  # one trial of eight
    config = settings(model, **(base | changes))
    out = fit(config, data, tmp_path / "run")
    rows = read_log(out)
    assert [row["step"] for row in rows] == list(range(50, config.steps + 1, 50))
    validation = json.loads((out / "config.json").read_text())["split"]["validation"]
    v_mv = np.minimum(schema.open_dataset(data).soma_v_mv.values[validation, 500:], -55)
    assert rows[-1]["validation_rmse_mv"] < share * v_mv.std()
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


def test_fitting_stops_when_validation_no_longer_gains(make_dataset, tmp_path):
    """Three validations without a better RMSE, from a fit that gains at first and then has no learning rate left."""
    calm = {"spike_weight": 0.5, "voltage_weight": 0.5, "dendrite_weight": 0.0}
    phases = (
        Phase(from_fraction=0, learning_rate=0.02, **calm),
        Phase(from_fraction=0.2, learning_rate=1e-30, **calm),
    )
    data, config = make_dataset(), settings(steps=100, phases=phases, patience=3)
    rows = read_log(fit(config, data, tmp_path / "run"))
    rmse = [row["validation_rmse_mv"] for row in rows]
    best = rmse.index(min(rmse))
    assert len(rows) == best + 1 + 3 and rows[-1]["step"] < 100
    seen = []
    fit(config, data, tmp_path / "run", resume=True, report=seen.append)
    assert seen == [], "a fit that has stopped stays stopped"


@pytest.mark.parametrize(
    "model", [ELM, SHARED, SMOOTH, PRODUCT, TCN], ids=["stacked", "weights shared", "smooth", "product", "in turn"]
)
def test_models_fitted_together_are_those_fitted_alone(make_dataset, tmp_path, model):
    data, configs = make_dataset(), [settings(model, seed=seed, gradient_clip=0.5) for seed in range(3)]
    for config in configs:
        fit(config, data, tmp_path / f"alone{config.seed}", device="cpu")
    together = [tmp_path / f"together{config.seed}" for config in configs]
    assert fit_together(configs, data, together, device="cpu") == together
    for config, run in zip(configs, together, strict=True):
        weights, expected = (load_run(each).model.state_dict() for each in (run, tmp_path / f"alone{config.seed}"))
        for name in expected:
            torch.testing.assert_close(weights[name], expected[name], rtol=1e-4, atol=1e-5)
        assert (run / "config.json").read_bytes() == (tmp_path / f"alone{config.seed}" / "config.json").read_bytes()


def test_a_run_of_another_default_split_goes_on_with_its_own(make_dataset, tmp_path):
    """Once a tenth of the trials was for testing, now a fifth is; a fit that does not say goes on as it began."""
    data = make_dataset(n_trials=12, duration_ms=600)
    with pytest.raises(Stop):
        fit(settings(LIF, test_fraction=0.1), data, tmp_path / "run", report=stop_at(4))
    split = load_run(fit(settings(LIF), data, tmp_path / "run", resume=True)).split
    assert len(split.test) == 1
    with pytest.raises(InputError, match=r"was started with test_fraction = 0\.1, now it is 0\.3"):
        fit(settings(LIF, test_fraction=0.3), data, tmp_path / "run", resume=True)
    parts = load_run(fit(settings(LIF), data, tmp_path / "new")).split
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [9, 1, 2]


def test_models_fitted_together_resume_from_wherever_each_is(make_dataset, tmp_path):
    """A process that is killed between two folders leaves one of them a validation behind: to the byte all the same."""
    data, configs = make_dataset(), [settings(seed=seed) for seed in range(3)]
    names = ("whole", "early", "late")
    whole, early, late = ([tmp_path / f"{name}{config.seed}" for config in configs] for name in names)
    fit_together(configs, data, whole, device="cpu")
    for outs, stop in ((early, 3), (late, 5)):
        with pytest.raises(Stop):
            fit_together(configs, data, outs, device="cpu", report=stop_at(stop))
    outs = [late[0], early[1], late[2]]
    assert fit_together(configs, data, outs, device="cpu", resume=True) == outs
    assert [folder_of(out) for out in outs] == [folder_of(out) for out in whole]


def test_one_model_s_failure_stops_no_other(make_dataset, tmp_path, monkeypatch):
    from apical.surrogate.fitting import run

    original = run.Run.stepped
    bad = lambda self, loss: original(self, float("nan") if (self.config.seed, self.step) == (1, 3) else loss)  # noqa: E731
    monkeypatch.setattr(run.Run, "stepped", bad)
    data, configs = make_dataset(), [settings(seed=seed) for seed in range(3)]
    outs = [tmp_path / f"run{config.seed}" for config in configs]
    first, failed, last = fit_together(configs, data, outs)
    assert (first, last) == (outs[0], outs[2])
    assert "run1: loss is nan at step 4; the best model up to step 2 is kept" in str(failed)
    assert [row["step"] for row in read_log(outs[0])] == [2, 4, 6]


def test_only_the_seed_may_differ(make_dataset, tmp_path):
    with pytest.raises(InputError, match="may differ in their seed only"):
        fit_together([settings(), settings(steps=8)], make_dataset(), [tmp_path / "a", tmp_path / "b"])


def test_less_data_is_part_of_more_and_what_is_held_out_stays(make_dataset, tmp_path):
    data = make_dataset(n_trials=12)
    splits = [
        load_run(fit(settings(steps=2, train_fraction=share), data, tmp_path / f"{share}")).split
        for share in (0.2, 0.5, 1.0)
    ]
    assert [len(split.train) for split in splits] == [2, 4, 9]
    assert set(splits[0].train) < set(splits[1].train) < set(splits[2].train)
    assert len({(*split.validation, -1, *split.test) for split in splits}) == 1


@pytest.mark.parametrize("room", [True, False], ids=["laid out", "from the store"])
@pytest.mark.parametrize("options", [{}, {"spike_windows": 0.5, "spike_bias_from_rate": True}], ids=["plain", "chosen"])
def test_trials_left_on_disk_make_the_same_fit(make_dataset, tmp_path, monkeypatch, room, options):
    data, told = make_dataset(), []
    fit(settings(**options), data, tmp_path / "memory", device="cpu")
    monkeypatch.setitem(prepare.IN_MEMORY_TRIALS_MS, "cpu", 0)
    monkeypatch.setattr(laid_out, "SHARE_OF_DISK", 0.5 * room)
    fit(settings(**options), data, tmp_path / "disk", device="cpu", say=told.append)
    assert folder_of(tmp_path / "memory") == folder_of(tmp_path / "disk")
    told_of_it = "laid out on disk until the fit ends" if room else "unpacked again for each window"
    assert told_of_it in told[0]


def test_tensorboard_reads_the_log(make_dataset, tmp_path):
    """A resumed run's too, whose validations after the last state are taken back."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    data, out = make_dataset(), tmp_path / "run"
    with pytest.raises(Stop):
        fit(settings(), data, out, report=stop_at(3), tensorboard=True)
    fit(settings(), data, out, resume=True, tensorboard=True)
    events = EventAccumulator(str(out / "tensorboard"))
    events.Reload()
    rows = read_log(out)
    for tag, column in [("validation/rmse_mv", "validation_rmse_mv"), ("loss/train", "loss")]:
        told = events.Scalars(tag)
        assert [event.step for event in told] == [2, 4, 6]
        assert [event.value for event in told] == pytest.approx([row[column] for row in rows])


def read_log(run):
    with (run / "log.csv").open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def test_a_validation_set_without_spikes_is_said_and_does_no_harm(make_dataset, tmp_path):
    said = []
    out = fit(settings(), make_dataset(silent=True), tmp_path / "run", say=said.append)
    assert said[-1].endswith("no output spike in its validation trials (1): their ROC-AUC is nan")
    assert [np.isnan(row["validation_roc_auc"]) for row in read_log(out)] == [True] * 3
    assert load_run(out).seed == 0


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
    assert card["input_signs"] == [[1, 8], [-1, 8]]
    files = ["README.md", "config.json", "log.csv", "state.pt", "weights.safetensors"]
    assert sorted(f.name for f in out.iterdir()) == files


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
        batch = draw_windows(trials._replace(voltage_bt=poisoned), window_ms=1000, batch=2, seed=0, step=0)
        return train_step(Stack([model]), [make_optimizer(config, model)], [batch], config, 0).item()

    assert np.isfinite(loss(19))
    assert np.isnan(loss(20))


def test_a_loss_that_is_no_number_names_the_step_and_keeps_the_best(make_dataset, tmp_path):
    data = make_dataset()
    with pytest.raises(InputError, match=r"is (nan|inf) at step [12]; no model was kept"):
        fit(settings(learning_rate=1e30), data, tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["truth.zarr"]
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


def test_two_processes_do_not_write_one_run(make_dataset, tmp_path):
    data, out = make_dataset(), tmp_path / "run"
    fit(settings(steps=2), data, out)
    before = folder_of(out)
    with alone_with(out):
        for how in ({"resume": True}, {"overwrite": True}):
            with pytest.raises(InputError, match="run: another process is writing it"):
                fit(settings(steps=2), data, out, **how)
    assert folder_of(out) == before
    fit(settings(steps=2), data, out, overwrite=True)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


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


def test_without_tensorboard_nothing_is_left(make_dataset, tmp_path, monkeypatch):
    data = make_dataset()
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match="--tensorboard: TensorBoard is not installed; pip install tensorboard"):
        fit(settings(steps=2), data, tmp_path / "run", device="cpu", tensorboard=True)
    assert [path.name for path in tmp_path.iterdir()] == ["truth.zarr"]
    fit(settings(steps=2), data, tmp_path / "run", device="cpu")


def test_one_of_several_that_is_refused_leaves_none(make_dataset, tmp_path):
    configs, outs = [settings(steps=2, seed=seed) for seed in (0, 1)], [tmp_path / "new", tmp_path / "there"]
    outs[1].mkdir()
    with pytest.raises(InputError, match="there: exists already"):
        fit_together(configs, make_dataset(), outs, device="cpu")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there", "truth.zarr"]


@pytest.mark.slow
def test_a_fit_killed_outright_resumes_bit_for_bit(make_dataset, tmp_path):
    """SIGKILL, at some moment after its first validation."""
    data = make_dataset()
    words = [f"--set={name}={value}" for name, value in settings(steps=400).model_dump(exclude_unset=True).items()]
    words = [word for word in words if not word.startswith(("--set=family", "--set=size", "--set=options"))]
    words += ['--set=options={"n_branches": 4}', "--recipe=paper", "--model=elm", "--size=3", "--device=cpu"]
    command = [sys.executable, "-m", "apical.cli", "fit", str(data), *words]
    with subprocess.Popen([*command, "--out", str(tmp_path / "killed")], stderr=subprocess.DEVNULL) as process:
        while not (tmp_path / "killed" / "state.pt").exists():
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(0.3)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert len(read_log(tmp_path / "killed")) < 200
    for out, more in (("killed", ["--resume"]), ("whole", [])):
        subprocess.run([*command, "--out", str(tmp_path / out), *more], check=True, capture_output=True)
    assert folder_of(tmp_path / "killed") == folder_of(tmp_path / "whole")
    assert [row["loss"] for row in read_log(tmp_path / "killed")] == [r["loss"] for r in read_log(tmp_path / "whole")]
