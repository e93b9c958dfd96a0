"""`apical engine show`, and engine batched on the command line."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from apical.simulate import schema


def test_the_generated_code_is_printed_and_kept(done):
    options = "engine show ball-and-stick --dt 0.05 --order 1 --precision float64"
    told = done(options)
    assert "One time step of ball-and-stick: dt 0.05 ms, first order (implicit Euler), in double." in told
    for part in ("new_Ih_m", "case 2: {  // AMPA_NMDA", "RHS(node) += spread(-AMPA_NMDA_i);"):
        assert part in told
    folder = Path(done(f"{options} --where").strip())
    assert (folder / "step.h").read_text() == told.removesuffix("\n")
    assert (folder / "step.so").is_file() and (folder / "tile.h").is_file()


@pytest.mark.parametrize(
    "options, said",
    [
        ("lif", "engine 'batched': a leaky integrate-and-fire neuron is solved exactly, nothing is generated"),
        ("--dt 0", "integration.dt_ms: Input should be greater than or equal to 0.0001, got 0.0"),
        ("--morphology nothere.swc", "morphology nothere.swc: no such file"),
    ],
)
def test_what_cannot_be_shown(apical, options, said):
    answer = apical(f"engine show {options}")
    assert answer.status == 2 and said in answer.err and "Traceback" not in answer.err


def test_auto_says_which_engine_ran(done, apical, swc, tmp_path):
    swc("mine.swc")
    answer = apical(
        "simulate nmda --morphology mine.swc --seconds 0.05 --trials 3 --workers 1 --engine auto --out a.zarr"
    )
    assert answer.status == 0
    assert "engine batched on cpu: 3 trials side by side" in answer.err
    assert "Generating and compiling a time step of this cell" in answer.err
    config = schema.config_of(schema.open_dataset(tmp_path / "a.zarr"))
    assert config["integration"]["engine"] == "batched" and config["integration"]["precision"] == "float32"
    assert "all its trials are there already" in done(
        "simulate nmda --morphology mine.swc --seconds 0.05 --trials 3 --engine auto --out a.zarr --resume"
    )


@pytest.mark.skipif(importlib.util.find_spec("cupy") is not None, reason="CuPy is here")
def test_a_gpu_that_is_not_there(apical, tmp_path):
    answer = apical("simulate --engine batched --device cuda --out a.zarr")
    assert answer.status == 2 and len(answer.err.strip().splitlines()) == 1
    assert "engine 'batched', device cuda: needs CuPy" in answer.err and "or give --device cpu" in answer.err
    assert not (tmp_path / "a.zarr").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "biophysics, sections",
    [("shai2015", "--only dendrites --only steps --only engines"), ("hay2011", "--only dendrites --only engines")],
)
def test_golden_physiology(done, shared, biophysics, sections):
    """The published physiology, and engine against engine, of the published cell by generated code."""
    cell = shared("data/hay2011/cell1.asc")
    told = done(f"validate --morphology {cell} --biophysics {biophysics} --engine batched {sections} --json")
    found = json.loads(told)
    assert found["passed"] is True and found["integration"]["engine"] == "batched"
    names = [each["name"] for each in found["checks"] if each["passed"] is not None]
    assert "batched - neuron" in names and "peak 620 um" in names
