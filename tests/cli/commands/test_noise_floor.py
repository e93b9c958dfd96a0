"""`apical noise-floor`: a simulation in, a prediction of it out; one line for what has no noise floor."""

from __future__ import annotations

import pytest

from apical.simulate import schema


@pytest.mark.slow
def test_from_a_simulation_to_its_scores(done, swc, tmp_path):
    swc()
    done("simulate nmda --morphology mine.swc --seconds 0.8 --trials 2 --workers 1 --out data.zarr")
    told = done("noise-floor data.zarr --dt 0.0125 --trials 1,0 --workers 1 --out floor.zarr")
    assert told == "floor.zarr: written; `apical evaluate data.zarr floor.zarr` scores it\n"
    floor = schema.open_dataset(tmp_path / "floor.zarr", "prediction")
    assert floor.trial.values.tolist() == [1, 0]
    assert schema.config_of(floor)["integration"]["dt_ms"] == 0.0125
    assert "cell, dt 0.0125" in done("evaluate data.zarr floor.zarr")


@pytest.mark.parametrize(
    "arguments, said",
    [
        ("", ["apical noise-floor:", "Missing argument 'DATA'"]),
        ("truth.zarr --dt 0.0125", ["apical noise-floor:", "Missing option '--out'"]),
        ("truth.zarr --dt fine --out new.zarr", ["'--dt'", "number"]),
        ("truth.zarr --order 3 --out new.zarr", ["'--order'", "'1', '2'"]),
        ("truth.zarr --dt 0.0125 --out new.zarr", ["truth.zarr: was made by another program", "apical simulate"]),
        ("truth.zarr --trials 0-3 --out new.zarr", ["trials '0-3'", "trial numbers, such as 0,3,7"]),
        ("nothere.zarr --dt 0.0125 --out new.zarr", ["nothere.zarr: no such dataset"]),
    ],
)
def test_one_line_says_what_to_do(truth, refused, tmp_path, arguments, said):
    line = refused(f"noise-floor {arguments}")
    assert all(words in line for words in said), line
    assert [each.name for each in tmp_path.iterdir()] == ["truth.zarr"]


def test_options_that_ask_for_nothing_else(done, refused):
    done("simulate lif --seconds 0.1 --trials 1 --workers 1 --out lif.zarr")
    assert "solved exactly" in refused("noise-floor lif.zarr --dt 0.0125 --out new.zarr")
