"""`apical simulate` on a cell of seven points, and what it refuses."""

from __future__ import annotations

import os

import numpy as np
import pytest

from apical.simulate import schema

RUN = "--morphology small.swc --seconds 0.02 --trials 2 --workers 1"


@pytest.fixture
def here(tmp_path, swc):
    swc("small.swc")
    swc("no_apical.swc", apical=3)
    (tmp_path / "text.swc").write_text("hello\n")
    (tmp_path / "empty.asc").touch()
    (tmp_path / "cell.txt").write_text("hello\n")
    return tmp_path


def test_simulate_then_resume(here, apical, refused):
    first = apical(f"simulate ampa {RUN} --seed 3 --fine --out data.zarr")
    assert first.status == 0, first.err
    assert first.out.startswith("data.zarr: 2 trials of 0.02 s in ")
    assert "2/2" in first.err
    ds = schema.open_dataset(here / "data.zarr", "simulation")
    assert dict(ds.sizes) | {"trial": 2, "time_ms": 20, "time_fine_ms": 160} == dict(ds.sizes)
    assert np.isfinite(schema.read(ds, "soma_v_mv")).all()
    config = schema.config_of(ds)
    assert (config["preset"], config["seed"], config["seconds"]) == ("ampa", 3, 0.02)

    assert "data.zarr: exists already; give --resume" in refused(f"simulate ampa {RUN} --out data.zarr")
    again = apical(f"simulate ampa {RUN} --seed 3 --fine --out data.zarr --resume")
    assert (again.status, again.out) == (0, "data.zarr: all its trials are there already\n")
    assert "was made with other settings" in refused(f"simulate nmda {RUN} --seed 3 --out data.zarr --resume")
    more = RUN.replace("--trials 2", "--trials 3")
    assert "made for 2 trials, not 3" in refused(f"simulate ampa {more} --seed 3 --fine --out data.zarr --resume")


@pytest.mark.parametrize(
    "arguments, said",
    [
        ("nmda-ttpc", ["preset 'nmda-ttpc' is not known", "did you mean 'nmda-ttpc1'?"]),
        ("unheard", ["preset 'unheard' is not known", "nmda-ttpc1, nmda, ampa, ampa-sk"]),
        ("--seconds -1", ["'--seconds'", "greater than or equal to 0.001"]),
        ("--seconds 0", ["'--seconds'", "greater than or equal to 0.001"]),
        ("--seconds nan", ["'--seconds'", "greater than or equal to 0.001"]),
        ("--seconds inf", ["seconds: ", "less than or equal to 3600, got inf"]),
        ("--seconds long", ["'--seconds'", "valid number"]),
        ("--trials 0", ["'--trials'", "greater than or equal to 1"]),
        ("--trials -3", ["'--trials'", "greater than or equal to 1"]),
        ("--trials 1.5", ["'--trials'", "integer"]),
        ("--workers 0", ["'--workers'", "greater than or equal to 1"]),
        ("--seed -1", ["'--seed'", "greater than or equal to 0"]),
        ("--dt -0.1", ["dt_ms: ", "greater than 0, got -0.1"]),
        ("--dt 1", ["dt_ms: ", "less than or equal to 0.1, got 1.0"]),
        ("--dt nan", ["dt_ms: ", "got nan"]),
        ("--dt 0", ["a variable step", "needs engine 'neuron'"]),
        ("--engine neurn", ["engine: ", "'coreneuron' or 'neuron'", "got 'neurn'"]),
        ("--biophysics shai", ["biophysics 'shai' is not known", "did you mean 'shai2015'?"]),
        ("--morphology ttpc3", ["morphology 'ttpc3' is not known", "did you mean 'ttpc", "a path to an .asc or .swc"]),
        ("--morphology nothere.swc", ["morphology nothere.swc: no such file"]),
        ("--morphology cell.txt", ["morphology cell.txt: expected an .asc (Neurolucida) or .swc file"]),
        ("--resume --fine now", ["preset 'now'"]),
        ("--colour", ["apical simulate:", "--colour"]),
    ],
)
def test_bad_options(here, refused, arguments, said):
    line = refused(f"simulate {arguments} --out data.zarr")
    assert all(words in line for words in said), line
    assert not (here / "data.zarr").exists()


@pytest.mark.parametrize(
    "file, said",
    [
        ("no_apical.swc", ["no_apical.swc: has no apical dendrite", "SWC: type 4"]),
        ("text.swc", ["text.swc: NEURON cannot read it"]),
        ("empty.asc", ["empty.asc: has no soma"]),
    ],
)
def test_a_morphology_that_is_not_one(here, refused, file, said):
    line = refused(f"simulate --morphology {file} --out data.zarr --trials 1 --workers 1")
    assert all(words in line for words in said), line
    assert not (here / "data.zarr").exists()


@pytest.mark.parametrize("flag", ["", "--overwrite", "--resume"])
def test_nothing_but_a_store_is_ever_replaced(here, refused, flag):
    before = (here / "cell.txt").stat()
    (here / "folder").mkdir()
    (here / "folder" / "letter").write_text("hello\n")
    for out in ("cell.txt", "folder"):
        assert out in refused(f"simulate {RUN} --out {out} {flag}")
    assert (here / "folder" / "letter").read_text() == "hello\n"
    assert (here / "cell.txt").stat() == before


def test_without_a_compiler(here, apical, monkeypatch):
    monkeypatch.setenv("PATH", str(here))
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    monkeypatch.delenv("CXX", raising=False)
    answer = apical(f"simulate {RUN} --out data.zarr")
    assert answer.status == 2
    (said,) = answer.err.splitlines()
    for words in ("no C++ compiler: 'g++' is not on PATH", "apt-get install g++", "CXX"):
        assert words in said
    assert not (here / "data.zarr").exists()


def test_a_cache_folder_that_cannot_be_used(here, refused, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cell.txt"))
    line = refused(f"simulate {RUN} --out data.zarr")
    assert "cache folder" in line and "set XDG_CACHE_HOME" in line


def test_hay2011_without_a_network(here, refused, monkeypatch):
    """Nothing listens at port 9 of this machine: as good as no network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    monkeypatch.setattr("apical.simulate.cells.HAY_URL", "http://127.0.0.1:9/cell1.asc")
    line = refused("simulate nmda --morphology hay2011 --out data.zarr --trials 1")
    assert "morphology 'hay2011' could not be fetched" in line
    assert os.fspath(here / "cache" / "apical" / "morphologies" / "cell1.asc") in line
    assert "--morphology" in line
