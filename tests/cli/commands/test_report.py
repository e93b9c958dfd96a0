"""`apical report`, and that the commands on its page make again what it shows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from apical.simulate import schema


def commands_on(page: Path) -> list[str]:
    """The commands of a report, as its reader copies them."""
    from html import unescape

    found = re.search(r'aria-label="commands"><code>(.*?)</code>', page.read_text(), re.DOTALL)
    return unescape(found[1]).splitlines()


def run(command: str) -> None:
    from apical.cli.__main__ import main

    assert main(shlex.split(command.removeprefix("apical "))) == 0


def test_a_report_of_all_there_is(fitted, done, tmp_path):
    told = done("report scores.csv --data truth.zarr --prediction prediction.zarr --out report.html")
    assert re.fullmatch(r"report: report\.html \(\d\.\d MB\)\n", told)
    simulated, fit, predict, evaluate, compare, report = commands_on(tmp_path / "report.html")
    assert simulated == "# truth.zarr: this apical does not know the configuration that it was simulated with"
    assert fit == "apical fit truth.zarr --model elm --size 3 --steps 4 --batch 2 --out run"
    assert predict == "apical predict run truth.zarr --trials all --out prediction.zarr"
    assert evaluate == "apical evaluate truth.zarr prediction.zarr --out scores.csv"
    assert compare == "apical compare scores.csv --out parameter_efficiency.svg"
    assert report == "apical report scores.csv --data truth.zarr --prediction prediction.zarr --out report.html"
    before = (tmp_path / "scores.csv").read_text()
    for command in (fit, predict, evaluate):
        run(f"{command} --overwrite")
    assert (tmp_path / "scores.csv").read_text() == before


def test_what_was_scored_is_scored_again(fitted, done):
    from apical.cli.again.report import report_again

    for options in ("--every-trial", "--published-only", "--every-trial --published-only"):
        done(f"evaluate truth.zarr prediction.zarr {options} --out other.csv --overwrite")
        found = report_again([Path("other.csv")], Path("truth.zarr"), [Path("prediction.zarr")], None, Path("a.html"))
        assert found[-3] == f"apical evaluate truth.zarr prediction.zarr {options} --out other.csv"


def test_what_no_command_is_known_for_is_a_comment(fitted, done, tmp_path):
    done("report scores.csv --out alone.html")
    assert commands_on(tmp_path / "alone.html")[0].startswith(
        "# scores.csv: `apical evaluate` wrote it, of predictions"
    )
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    done("report scores.csv --data truth.zarr --prediction prediction.zarr --out report.html")
    assert "# prediction.zarr: was predicted by elm-3, whose run run is not there" in commands_on(
        tmp_path / "report.html"
    )


def simulation(config, n_trials, **provenance):
    """What `simulation_again` reads of a simulation."""
    import xarray as xr

    attrs = {"config": json.dumps(config.model_dump(mode="json")), "provenance": json.dumps(provenance)}
    return xr.Dataset(coords={"trial": np.arange(n_trials)}, attrs=attrs)


@pytest.mark.parametrize(
    "preset, changes",
    [
        ("nmda-ttpc1", {}),
        ("nmda", {"morphology": "my cells/a'b.asc", "seed": 3, "seconds": 0.25}),
        ("ampa-sk", {"integration": {"engine": "neuron", "dt_ms": None, "tolerance": 1e-4}, "record_fine": True}),
        ("lif", {"statistics": {"excitatory_basal": [0, 90.5]}}),
        (
            "ball-and-stick",
            {"mechanisms": "my mod", "excitatory": "a+AMPA", "receptors": {"a": {"process": "ExpSyn", "weight": 1e-3}}},
        ),
        ("nmda-basal", {"record_dendrites": [1, 4], "record_nexus": True, "nexus_um": 600.0}),
    ],
)
def test_a_simulation_is_made_again_by_its_command(monkeypatch, preset, changes):
    from apical.cli.again.simulation import simulation_again
    from apical.simulate.changes import configured

    config, seen = configured(preset, fields=changes), []
    monkeypatch.setattr("apical.simulate.run.dataset.simulate", lambda *given, **options: seen.append((given, options)))
    appended = [{"position": 5, "seed": config.seed}, {"position": 7, "seed": 9}]
    for command in simulation_again(simulation(config, 10, appended=appended), "data.zarr"):
        run(command)
    assert [given[2] for given, _ in seen] == [5, 2, 3]
    assert [options["append"] for _, options in seen] == [False, True, True]
    assert [given[0] for given, _ in seen] == [config, config, config.model_copy(update={"seed": 9})]


def test_published_files_are_imported_again():
    from apical.cli.again.simulation import simulation_again
    from apical.simulate.presets import preset

    ds = simulation(preset("nmda"), 4, files=[{"name": "a.p"}, {"name": "b c.p"}])
    ds.attrs["config"] = json.dumps({"made_by": "NeuronIO"})
    assert simulation_again(ds, "all.zarr") == ["apical import-neuronio a.p 'b c.p' --out all.zarr"]


@pytest.mark.parametrize(
    "recipe, family, size, changes",
    [
        ("quick", "elm", 20, {}),
        ("paper", "elm", 20, {"seed": 2, "options": {"share_weights": True}, "train_fraction": 0.1}),
        ("paper", "tcn", "3x8", {"phases": (), "l2": 0.0, "options": {"batch_norm_momentum": 0.1}, "steps": 8000}),
        ("quick", "tcn", "1x4", {"patience": 3, "gradient_clip": None}),
        ("paper", "elm", "simplest", {}),
    ],
)
def test_a_fit_is_made_again_by_its_words(recipe, family, size, changes, monkeypatch):
    from apical.cli.again.prediction import fit_words
    from apical.surrogate.fitting import recipe as recipes

    config, seen = getattr(recipes, recipe)(family, size, **changes), []
    monkeypatch.setattr("apical.surrogate.fitting.fit.fit", lambda given, *_, **__: seen.append(given))
    words = fit_words(config)
    run(shlex.join(["fit", "data.zarr", *words, "--out", "run"]))
    assert seen == [config]
    assert len(words) <= 4 + 2 * (len(changes) + 1)  # no more than the recipe and what differs from it


def test_a_noise_floor_is_made_again_on_its_trials():
    from apical.cli.again.prediction import prediction_again
    from apical.simulate.presets import preset

    truth = simulation(preset("nmda"), 4)
    config = {"name": "cell", "integration": json.loads(truth.attrs["config"])["integration"] | {"dt_ms": 0.0125}}
    floor = truth.isel(trial=[1, 3]).assign_attrs(config=json.dumps(config))
    expected = ["apical noise-floor data.zarr --dt 0.0125 --trials 1,3 --out floor.zarr"]
    assert prediction_again(floor, "floor.zarr", truth, "data.zarr") == expected


@pytest.mark.parametrize("dtype", [np.dtypes.StringDType(), object, "U10"])  # as Zarr gives it, and other writers' ways
def test_a_noise_floor_on_the_trials_of_a_prediction_is_a_comment(dtype):
    from apical.cli.again.prediction import prediction_again
    from apical.simulate.presets import preset

    truth = simulation(preset("nmda"), 2)
    config = {"name": "cell", "integration": json.loads(truth.attrs["config"])["integration"] | {"dt_ms": 0.0125}}
    floor = truth.assign_attrs(config=json.dumps(config))
    for part, told in ((["", "test"], "# floor.zarr: apical noise-floor data.zarr"), (["", ""], "apical noise-floor")):
        given = floor.assign_coords(part=("trial", np.array(part, dtype=dtype)))
        (line,) = prediction_again(given, "floor.zarr", truth, "data.zarr")
        assert line.startswith(told)


def test_scores_of_a_sweep_are_made_again_by_it(tmp_path):
    from apical.analysis.scores.files import write_scores
    from apical.analysis.scores.rows import COLUMNS, Score
    from apical.cli.again.report import report_again

    (tmp_path / "mine.toml").write_text('seeds = [0, 1]\n[[models]]\nfamily = "elm"\nsizes = [5]\nlabel = "shared"\n')
    base = dict.fromkeys(COLUMNS, 0.5) | dict.fromkeys(("n_parameters", "macs_per_ms", "train_trials"), 3)
    base |= {"n_trials": 3, "n_output_spikes": 3, "scores_schema": 3, "family": "elm", "size": "5", "mode": "windows"}
    base |= {"dataset_id": "a", "dataset": "a", "trained_on": "a", "spike_times": "exact", "name": "elm-5-shared"}
    write_scores(tmp_path / "mine.csv", [Score(**base | {"seed": seed}) for seed in (0, 1)])
    (command, *_) = report_again([tmp_path / "mine.csv"], None, [], None, tmp_path / "report.html")
    assert command == f"# {tmp_path}/mine.csv: of the sweep {tmp_path}/mine.toml, on dataset a"
    write_scores(tmp_path / "mine.csv", [Score(**base | {"seed": 7})])  # no run of that sweep
    (command, *_) = report_again([tmp_path / "mine.csv"], None, [], None, tmp_path / "report.html")
    assert "mine.toml" not in command


def test_bad_input_gets_one_line(fitted, refused, make_dataset, tmp_path):
    make_dataset("other.zarr", seed=5)
    (tmp_path / "there.html").write_text("")
    for arguments, expected in (
        ("scores.csv --out report.pdf", "report.pdf: a report is written as .html"),
        ("scores.csv --out there.html", "there.html: exists already"),
        ("absent.csv --out report.html", "absent.csv: scores cannot be read"),
        ("scores.csv scores.csv --out report.html", "is there twice"),
        ("scores.csv --prediction prediction.zarr --out report.html", "give that as --data"),
        ("scores.csv --data other.zarr --out report.html", "other.zarr: is dataset"),
        ("scores.csv --data truth.zarr --prediction other.zarr --out report.html", "other.zarr: is a simulation"),
        ("scores.csv --data truth.zarr --prediction prediction.zarr --trials 0 --out report.html", "trials"),
    ):
        assert expected in refused(f"report {arguments}"), arguments
    assert schema.open_dataset("truth.zarr").attrs["kind"] == "simulation"  # nothing was touched
