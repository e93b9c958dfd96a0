"""Datasets, runs, score files and a sweep that apical wrote at commit 5a9eb87 are read, and gone on with.

tests/written_at_5a9eb87/README.md has the commands that made them. The numbers below are what the same commit printed
of them, by the second command there; everything else is compared with the artefacts themselves.
"""

from __future__ import annotations

import csv
import json
import shlex
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from apical.analysis import read_scores, summary
from apical.cli.__main__ import main
from apical.simulate import open_dataset
from apical.surrogate import Surrogate, predict

WRITTEN = Path(__file__).with_name("written_at_5a9eb87") / "artefacts.zip"
SIMULATE = "simulate ball-and-stick --seconds 0.8 --workers 1 --set statistics.excitatory_apical=[300,500]"
SETTINGS = (
    "--batch 4 --set window_ms=300 --set burn_in_ms=100 --set validation_fraction=0.25 --set test_fraction=0.25 "
    "--device cpu"
)
FITS = {
    "elm-2": "--model elm --size 2 --set options.n_branches=5 --set options.synapses_per_branch=20 --steps 12 "
    f"--set validate_every=4 {SETTINGS}",
    "tcn-1x2": f"--model tcn --size 1x2 --set options.receptive_field_ms=8 --steps 4 --set validate_every=2 {SETTINGS}",
}
LOGGED = ("step", "loss", "validation_rmse_mv", "validation_roc_auc")
TRUTH = "4a47ce694c0f8949"
AGAIN = {  # the file that is lost, and the command
    "truth": ("soma_v_mv/c/6/0", f"{SIMULATE} --seed 8 --trials 3"),
    "recorded": (
        "dendrite_v_mv/c/0/0/0",
        "simulate ball-and-stick --seconds 0.05 --seed 2 --workers 1 --set statistics.excitatory_apical=[300,500] "
        "--engine neuron --fine --set record_nexus=true --set nexus_um=300 --set record_dendrites=all "
        "--set inhibitory=GABA_AB --set 'without_nmda={from_um = 200.0}' "
        "--set 'out_of_distribution={clusters = 8, most_stimulated = 1.0}'",
    ),
    "floor": ("soma_v_mv/c/1/0", "noise-floor truth.zarr --dt 0.0125 --trials-of elm-2.zarr --workers 1"),
}
TRUTH_SPIKES_MS = {1: [568.2, 588.7, 602.0, 661.375], 5: [547.15, 702.1], 6: [246.375, 265.95, 298.65], 7: []}
LIF_SPIKES_MS = [203.70625861195234, 395.39399090884666, 661.269157962117]
# Simulated again, with what another compiler or processor does in the last digit: well below a step and its effect
SAME_MV, SAME_MS = 1e-3, 1e-3
# Since then temperature factors and Faraday's constant have all their digits, which moves a spike by some 1e-5 ms: in
# its flank the voltage differs by as much as it changes in that time
MOVED_MS = 1e-4
# A network in 32 bits, as kernels or plain PyTorch compute it: 1e-5 of the 10 mV that are its unit
SAME_PREDICTION_MV, SAME_PROBABILITY = 1e-4, 1e-5


@pytest.fixture(autouse=True)
def there(tmp_path, monkeypatch):
    """What was written then, in a folder of the test's own that is the working directory."""
    with zipfile.ZipFile(WRITTEN) as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["apical"])


@pytest.fixture
def done(capsys):
    """Runs a command that must succeed; returns what it printed."""

    def run(command: str) -> str:
        capsys.readouterr()
        status, told = main(shlex.split(command)), capsys.readouterr()
        assert status == 0, told.err
        return told.out

    return run


def spikes_ms(ds, trial: int) -> np.ndarray:
    row = ds.output_spike_time_ms.values[trial]
    return row[np.isfinite(row)]


def files(*folders: str) -> dict[Path, tuple[bytes, int]]:
    """Content and time of change of every file in these folders."""
    found = [path for folder in folders for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def assert_same_scores(now: str, then: str) -> None:
    """Every column, and the resamples beside the file, which are found by the text of their row."""
    after, before = read_scores([now]), read_scores([then])
    assert len(after) == len(before) > 0
    for a, b in zip(after, before, strict=True):
        for name, value in b.model_dump().items():
            same = getattr(a, name)
            assert same == (pytest.approx(value, rel=1e-4) if isinstance(value, float) else value), name
        assert a.resamples.trials_id == b.resamples.trials_id
        assert a.resamples.values.keys() == b.resamples.values.keys()
        for name, values in b.resamples.values.items():
            assert np.allclose(a.resamples.values[name], values, rtol=1e-4, equal_nan=True), name


def test_a_simulation():
    ds = open_dataset("truth.zarr", "simulation")
    assert (ds.attrs["dataset_id"], ds.attrs["apical_schema"]) == (TRUTH, 2)
    assert ds.trial_seed.values.tolist() == [4] * 5 + [8] * 3
    assert ds.source_file.values.tolist() == ["ball-and-stick, seed 4"] * 5 + ["ball-and-stick, seed 8"] * 3
    assert ds.input_spikes.values.sum(axis=(1, 2)).tolist() == [3308, 5151, 3456, 5655, 4484, 3930, 4794, 4485]
    for trial, times_ms in TRUTH_SPIKES_MS.items():
        assert spikes_ms(ds, trial).tolist() == times_ms
    v_mv = [-76.0, -68.26634216308594, -67.16319274902344, -69.44305419921875, -70.37162017822266, -63.29438781738281]
    assert np.allclose(ds.soma_v_mv.values[7, :501:100], v_mv, rtol=0, atol=1e-6)
    made = json.loads(ds.attrs["provenance"])
    assert made["git_commit"] == made["appended"][0]["git_commit"] == "5a9eb879d5513b20e109754069087074ff5bd8fa"
    assert summary("truth.zarr")["output_rate_hz"]["mean"] == pytest.approx(15 / 8 / 0.8)  # of the 15 spikes


def test_what_else_is_recorded():
    ds = open_dataset("recorded.zarr", "simulation")
    assert (ds.attrs["dataset_id"], int(ds.input_spikes.sum())) == ("89f196c9f19c82b9", 267)
    recorded = {
        "soma_v_fine_mv": (ds.soma_v_fine_mv[0, -3:], [-87.80284881591797, -87.83015441894531, -87.85987091064453]),
        "nexus_v_mv": (ds.nexus_v_mv[0, -3:], [-88.55147552490234, -88.04200744628906, -88.52233123779297]),
        "dendrite_v_mv": (ds.dendrite_v_mv[0, ::25, -1], [-87.71910858154297, -88.51883697509766, -92.2168197631836]),
    }
    for name, (now, then) in recorded.items():
        assert np.allclose(now, then, rtol=0, atol=1e-6), name
    assert np.allclose(ds.segment_distance_um[::25], [19.80392156862745, 510.0, 1000.1960784313726])


def test_a_leaky_integrate_and_fire_neuron_simulated_again(done):
    """A file of a trial is lost, and made again."""
    before = open_dataset("lif.zarr", "simulation").load()
    assert before.attrs["dataset_id"] == "3027f2ed8f8b763e"
    assert spikes_ms(before, 1).tolist() == LIF_SPIKES_MS
    Path("lif.zarr/soma_v_mv/c/1/0").unlink()
    done("simulate lif --seconds 0.8 --seed 4 --workers 1 --out lif.zarr --resume")
    after = open_dataset("lif.zarr", "simulation")
    assert np.allclose(after.soma_v_mv, before.soma_v_mv, rtol=0, atol=SAME_MV)
    assert np.allclose(spikes_ms(after, 1), LIF_SPIKES_MS, rtol=0, atol=SAME_MS)


@pytest.mark.slow
@pytest.mark.parametrize("store", AGAIN)
def test_a_cell_simulated_again(done, store):
    """A file of a trial is lost; the same input spikes give the same voltages and output spikes again."""
    lost, again = AGAIN[store]
    before = open_dataset(f"{store}.zarr").load()
    Path(f"{store}.zarr", lost).unlink()
    done(f"{again} --out {store}.zarr --resume")
    after = open_dataset(f"{store}.zarr")
    for name in {"soma_v_mv", "soma_v_fine_mv", "nexus_v_mv", "dendrite_v_mv"} & before.keys():
        then_mv = before[name].values.astype(float)
        slope_mv_per_ms = np.abs(np.gradient(then_mv, axis=-1)) * (8 if "fine" in name else 1)
        allowed_mv = SAME_MV + MOVED_MS * slope_mv_per_ms
        assert (np.abs(after[name].values - then_mv) <= allowed_mv).all(), name
    if "input_spikes" in before:
        assert (after.input_spikes == before.input_spikes).all()
        times_ms = before.output_spike_time_ms
        assert np.allclose(after.output_spike_time_ms, times_ms, rtol=0, atol=SAME_MS, equal_nan=True)


@pytest.mark.slow
def test_a_cell_goes_on(done):
    before = open_dataset("truth.zarr").load()
    done(f"{SIMULATE} --seed 8 --trials 1 --out truth.zarr --append")
    after = open_dataset("truth.zarr", "simulation")
    assert after.trial_seed.values.tolist() == [4] * 5 + [8] * 4
    assert (after.soma_v_mv[:8] == before.soma_v_mv).all()
    assert np.isfinite(after.soma_v_mv[8]).all() and after.input_spikes[8].any()


@pytest.mark.parametrize(
    "name, n_parameters, v_mv, probability",
    [
        ("elm-2", 148, [-64.0801773071289, -65.86087036132812, -60.783817291259766, -57.283714294433594], 0.0022391830),
        ("tcn-1x2", 1644, [-67.8860855102539, -67.92073822021484, -67.89188385009766, -67.9169921875], 0.0027640224),
    ],
)
def test_a_run_predicts_what_it_did(name, n_parameters, v_mv, probability):
    then = open_dataset(f"{name}.zarr", "prediction")
    config = json.loads(then.attrs["config"])
    assert (then.attrs["truth_id"], config["n_parameters"]) == (TRUTH, n_parameters)
    assert then.trial.values.tolist() == [0, 1, 5, 7]
    assert then.part.values.tolist() == ["validation", "test", "validation", "test"]
    assert np.allclose(then.soma_v_mv[1, ::200], v_mv, rtol=0, atol=1e-6)
    assert float(then.spike_probability[1, 400]) == pytest.approx(probability, abs=1e-9)
    predict(Surrogate.load(f"runs/{name}"), "truth.zarr", "again.zarr", mode=config["mode"], device="cpu")
    now = open_dataset("again.zarr", "prediction")
    assert json.loads(now.attrs["config"]) == config
    assert now.attrs["dataset_id"] == then.attrs["dataset_id"]
    assert np.allclose(now.soma_v_mv, then.soma_v_mv, rtol=0, atol=SAME_PREDICTION_MV)
    assert np.allclose(now.spike_probability, then.spike_probability, rtol=0, atol=SAME_PROBABILITY)


def test_a_fit_that_was_stopped_goes_on(done):
    """From state.pt, to the model of the fit that was not stopped."""

    def log(run: str) -> list[list[float]]:
        rows = csv.DictReader(Path(run, "log.csv").read_text().splitlines())
        return [[float(row[name]) for name in LOGGED] for row in rows]

    before = Path("runs/stopped/log.csv").read_text()
    assert [row[0] for row in log("runs/stopped")] == [4] and not Path("runs/stopped/README.md").exists()
    done(f"fit truth.zarr {FITS['elm-2']} --out runs/stopped --resume")
    assert Path("runs/stopped/log.csv").read_text().startswith(before)  # with the seconds that it took then
    assert np.allclose(log("runs/stopped"), log("runs/elm-2"), rtol=1e-4)
    assert "# elm-2: a surrogate" in Path("runs/stopped/README.md").read_text()


@pytest.mark.parametrize("name", FITS)
def test_a_fit_that_is_done_is_not_done_again(done, name):
    before = files(f"runs/{name}")
    done(f"fit truth.zarr {FITS[name]} --out runs/{name} --resume")
    card = Path(f"runs/{name}/README.md")  # written anew: how a run is used is of the apical that wrote it
    assert {**files(f"runs/{name}"), card: None} == {**before, card: None}


def test_scores(done):
    rows = read_scores(["scores.csv", "swept/scores.csv"])
    assert [(row.name, row.n_trials, row.n_output_spikes) for row in rows] == [
        (name, 2, 4) for name in ("elm-2", "tcn-1x2", "cell, dt 0.0125", "elm-1", "gru-1")
    ]
    roc_auc = [0.20889261744966442, 0.41778523489932884, 1.0, 0.5348154362416108, 0.5016778523489933]
    rmse_mv = [6.94935347270031, 3.99774445057976, 0.031654365033837104, 19.783840912238137, 5.891284579671463]
    assert ([row.roc_auc for row in rows], [row.rmse_mv for row in rows]) == (roc_auc, rmse_mv)
    assert {row.resamples.trials_id for row in rows} == {"2523eff5dedaf00a"}
    done("evaluate truth.zarr elm-2.zarr tcn-1x2.zarr floor.zarr --out again.csv")
    assert_same_scores("again.csv", "scores.csv")


def test_a_figure_of_scores(done, monkeypatch):
    told = done("compare scores.csv swept/scores.csv --out figure.svg")
    assert "figure: figure.svg" in told and "were scored, 2 of 2: from fewer than 20" in told
    assert Path("figure.svg").stat().st_size > 10_000
    monkeypatch.setattr("apical.analysis.scores.uncertainty.LEAST_TRIALS", 2)
    assert "of 1,644" in done("compare scores.csv swept/scores.csv --out figure.svg")


def test_a_report(done):
    """Its commands are those that made what it shows, so every configuration that was stored has been understood."""
    done("report scores.csv --data truth.zarr --prediction elm-2.zarr --prediction tcn-1x2.zarr --out report.html")
    page = Path("report.html").read_text()
    for command in (
        "--seconds 0.8 --seed 4 --engine coreneuron --trials 5 --out truth.zarr",
        "--seconds 0.8 --seed 8 --engine coreneuron --trials 3 --out truth.zarr --append",
        "apical fit truth.zarr --model elm --size 2 ",
        "apical predict runs/elm-2 truth.zarr --out elm-2.zarr",
        "apical fit truth.zarr --model tcn --size 1x2 ",
        "apical predict runs/tcn-1x2 truth.zarr --mode stream --out tcn-1x2.zarr",
    ):
        assert command in page


@pytest.mark.parametrize("name", ["truth", "recorded", "lif", "floor"])
def test_inspect(done, name):
    found = json.loads(done(f"inspect {name}.zarr --json" + " --out recorded.png" * (name == "recorded")))
    then = open_dataset(f"{name}.zarr")
    for told in ("kind", "dataset_id"):
        assert found[told] == then.attrs[told]
    assert found["n_trials"] == then.trial.size
    assert Path("recorded.png").exists() == (name == "recorded")


def test_other_data(done):
    """Predictions that are there are taken as they are."""
    before = files("everywhere-predictions")
    shutil.copy("everywhere.csv", "then.csv")
    shutil.copy("everywhere.resamples.npz", "then.resamples.npz")
    told = done("generalise runs/elm-2 --on truth.zarr --on lif.zarr --out everywhere.csv --device cpu --resume")
    assert "200 inputs, the model reads 102" in told
    now = files("everywhere-predictions")
    now.pop(Path("everywhere-predictions/generalise.json"))  # is new: for --resume without arguments
    assert now == before
    assert_same_scores("everywhere.csv", "then.csv")


def test_a_sweep_goes_on(done):
    """What is done stays as it is; what has no score yet is predicted and scored, from the weights that are there."""
    shutil.copytree("swept", "then")
    before = files("swept/runs", "swept/predictions")
    done("sweep sweep.toml truth.zarr --out swept --device cpu --resume")
    assert files("swept/runs", "swept/predictions") == before
    Path("swept/runs/elm-1-seed0/score.csv").unlink()
    shutil.rmtree("swept/predictions/elm-1-seed0.zarr")
    done("sweep sweep.toml truth.zarr --out swept --device cpu --resume")
    assert_same_scores("swept/scores.csv", "then/scores.csv")
    weights = Path("swept/runs/elm-1-seed0/weights.safetensors")
    assert (weights.read_bytes(), weights.stat().st_mtime_ns) == before[weights]
    now, then = (open_dataset(f"{folder}/predictions/elm-1-seed0.zarr") for folder in ("swept", "then"))
    assert np.allclose(now.soma_v_mv, then.soma_v_mv, rtol=0, atol=SAME_PREDICTION_MV)
