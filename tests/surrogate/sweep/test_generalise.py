"""Every run on every dataset: scored where it can be, with the reason where not; what is there is not made again."""

from __future__ import annotations

import shutil

import pytest

from apical.simulate import schema
from apical.simulate.schema import InputError
from apical.surrogate.fitting.fit import FitConfig, fit
from apical.surrogate.sweep.generalise import generalise
from apical.surrogate.use.checkpoint import load_run


def trials_of(truth, prediction):
    """Stands for a score: the trials that were predicted."""
    return schema.open_dataset(prediction, "prediction").trial.values.tolist()


@pytest.fixture
def run(make_dataset, tmp_path):
    config = FitConfig(family="elm", size=2, steps=1, batch=2, window_ms=60, burn_in_ms=10, validate_every=1)
    return str(fit(config, make_dataset(n_trials=6), tmp_path / "run", device="cpu"))


@pytest.fixture
def go(run, tmp_path):
    """Predicts data of tmp_path by name and scores it; what each dataset came to."""

    def of(*names, runs=None, score=trials_of, folder="predictions", **options):
        data = [tmp_path / name for name in names]
        return generalise(runs or [run], data, tmp_path / folder, score, device="cpu", **options)

    return of


def told(found):
    return [each.reason or each.score for each in found]


def test_every_trial_of_other_data_and_none_that_the_run_was_trained_on(run, go, make_dataset, tmp_path):
    make_dataset("other.zarr", n_trials=2, seed=1)
    seen = []
    home, other = go("truth.zarr", "other.zarr", report=lambda *now: seen.append(now))
    split = load_run(run).split
    assert set(split.test) <= set(home.score) <= {*split.test, *split.validation}
    assert other.score == [0, 1]
    assert (home.surrogate.trained_on, home.data.name, other.data.name) == ("made-up-0-8", "truth.zarr", "other.zarr")
    assert seen == [(0, 2, "elm-2 on truth.zarr"), (1, 2, "elm-2 on other.zarr"), (2, 2, "")]
    assert len(list((tmp_path / "predictions").glob("*run-on-made-up-?-8.zarr"))) == 2


def test_what_cannot_be_scored_says_why_and_stops_no_other(go, make_dataset):
    make_dataset("wide.zarr", n_trials=1, n_segments=600, duration_ms=10, seed=1)
    make_dataset("silent.zarr", n_trials=1, silent=True, seed=2)
    make_dataset("odd.zarr", n_trials=1, seed=3)
    make_dataset("other.zarr", n_trials=1, seed=4)

    def score(truth, prediction):
        if truth.name == "odd.zarr":
            raise InputError("nothing here can be scored")
        return 0.9

    expected = ["1,200 inputs, the model reads 16", "no output spikes", "nothing here can be scored", 0.9]
    assert told(go("wide.zarr", "silent.zarr", "odd.zarr", "other.zarr", score=score)) == expected


def test_resuming_takes_what_is_finished(go, make_dataset, tmp_path):
    for seed in (1, 2):
        make_dataset(f"{seed}.zarr", n_trials=2, seed=seed)
    first = told(go("1.zarr", "2.zarr"))
    kept, cut = sorted((tmp_path / "predictions").glob("*.zarr"))
    (cut / "trial_status" / "c" / "1").unlink()
    before = (kept / "zarr.json").stat().st_mtime_ns, (cut / "zarr.json").stat().st_mtime_ns
    with pytest.raises(InputError, match=r"predictions: exists already; --resume takes the predictions"):
        go("1.zarr", "2.zarr")
    assert told(go("1.zarr", "2.zarr", resume=True)) == first
    after = (kept / "zarr.json").stat().st_mtime_ns, (cut / "zarr.json").stat().st_mtime_ns
    assert after[0] == before[0] and after[1] > before[1]
    go("1.zarr", overwrite=True)
    assert (kept / "zarr.json").stat().st_mtime_ns > after[0]


def test_a_folder_of_predictions_knows_what_they_are_of(run, go, make_dataset, tmp_path):
    """Also where a kill came before the first of them; what is given again counts."""
    for seed in (1, 2):
        make_dataset(f"{seed}.zarr", n_trials=2, seed=seed)
    own = lambda **options: told(generalise(None, None, tmp_path / "predictions", trials_of, device="cpu", **options))  # noqa: E731
    with pytest.raises(
        InputError, match=r"predictions: does not say what its predictions are of .* give runs and data"
    ):
        own(resume=True)
    first = told(go("1.zarr", "2.zarr"))
    assert own(resume=True) == first
    shutil.rmtree(next((tmp_path / "predictions").glob("*.zarr")))
    assert own(resume=True) == first
    assert told(go("2.zarr", resume=True)) == first[1:]
    assert own(resume=True) == first[1:]
    with pytest.raises(InputError, match="only predictions that are resumed know their own"):
        own(overwrite=True)
    for predicted in (tmp_path / "predictions").glob("*.zarr"):
        shutil.rmtree(predicted)
    assert told(go("1.zarr")) == first[:1]  # a card alone is nothing to be asked about
    for damaged in ("{", "[]", '{"runs": [], "data": ["1.zarr"]}', '{"runs": [1], "data": ["1.zarr"]}'):
        (tmp_path / "predictions" / "generalise.json").write_text(damaged)
        with pytest.raises(InputError, match=r"generalise\.json: is damaged; give runs and data"):
            own(resume=True)


def test_runs_of_one_name_are_called_by_their_folders(run, go, make_dataset, tmp_path):
    make_dataset("other.zarr", n_trials=1, seed=1)
    again = str(shutil.copytree(run, tmp_path / "elm-2-longer-seed0"))
    found = go("other.zarr", runs=[run, again])
    assert [each.surrogate.name for each in found] == ["run", "elm-2-longer"]
    names = {schema.config_of(schema.open_dataset(path))["name"] for path in (tmp_path / "predictions").glob("*.zarr")}
    assert names == {"run", "elm-2-longer"}
    with pytest.raises(InputError, match=r"elm-2-longer-seed0: the same model and seed as .*b/elm-2-longer-seed0"):
        elsewhere = str(shutil.copytree(run, tmp_path / "b" / "elm-2-longer-seed0"))
        go("other.zarr", runs=[elsewhere, again], folder="more")


def test_bad_wishes_leave_nothing_behind(run, go, tmp_path):
    with pytest.raises(InputError, match=r"run: the same run as .*run; give one of them"):
        go("truth.zarr", runs=[run, run])
    with pytest.raises(InputError, match=r"truth.zarr: the same dataset as .*truth.zarr"):
        go("truth.zarr", "truth.zarr")
    with pytest.raises(InputError, match=r"nothere.zarr: no such dataset"):
        go("truth.zarr", "nothere.zarr")
    with pytest.raises(InputError, match=r"truth.zarr: no run there"):
        go("truth.zarr", runs=[str(tmp_path / "truth.zarr")])
    with pytest.raises(InputError, match="only one of --resume and --overwrite"):
        go("truth.zarr", resume=True, overwrite=True)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file/p: cannot be made a folder"):
        go("truth.zarr", folder="file/p")
    assert {each.name for each in tmp_path.iterdir()} == {"truth.zarr", "run", "file"}
