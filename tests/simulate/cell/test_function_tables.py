"""FUNCTION_TABLE: the numbers of a parameter file, looked up as plain NEURON looks them up, and what cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from apical.simulate.cell import biophysics, compiling
from apical.simulate.engine.batched import between, support
from apical.simulate.engine.batched import expression as x
from apical.simulate.mechanisms.nmodl import Source
from apical.simulate.schema import InputError

from .tables_by_hand import CELL, CHANNEL


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mod").mkdir()
    (tmp_path / "mod" / "kt.mod").write_text(CHANNEL)
    (tmp_path / "cell.toml").write_text(CELL)
    return tmp_path


@pytest.mark.slow
def test_engines_are_the_cell_that_is_built_by_hand(tmp_path):
    """Even points, uneven ones, and voltages beyond both."""
    script = Path(__file__).with_name("tables_by_hand.py")
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["spikes"] >= 5 and found["moved_mv"] > 1
    assert set(found["differences_mv"]) == {"neuron", "batched"}
    assert max(mv for each in found["differences_mv"].values() for mv in each.values()) < 1e-6


def test_a_parameter_file_brings_the_numbers(folder):
    found = biophysics.load(str(folder / "cell.toml"))
    assert found.tables["Kt"]["tau"].x == (-90, -60, -41, 10) and found.tables["Kt"]["tau"].y == (9, 6, 2, 1)
    assert biophysics.Biophysics.model_validate_json(found.model_dump_json()) == found


LINE = "tau = { x = [-90, -60, -41, 10], y = [9, 6, 2, 1] }"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            (LINE, ""),
            "kt.mod, line 14: FUNCTION_TABLE tau has its numbers from a parameter file: give tables.Kt.tau = {",
        ),
        (("-41, 10]", "-41]"), "line 18: tables.Kt.tau: expected as many y as x, and two at least, got 3 x and 4 y"),
        (("-60, -41", "-41, -60"), "line 18: tables.Kt.tau: expected x to ascend, got -60 after one that is as large"),
        (("9, 6, 2", "9, nan, 2"), "line 18: tables.Kt.tau: expected finite numbers"),
        (("[9, 6, 2, 1]", "3"), "line 18: tables.Kt.tau.y: Input should be a valid tuple, got 3"),
        (("tau = {", "taw = {"), "line 18: tables.Kt.taw: FUNCTION_TABLE of Kt 'taw' is not known: did you mean 'tau'"),
        (("[tables.Kt]", "[tables.SKv3_1]"), "line 16: tables.SKv3_1: mechanism with a FUNCTION_TABLE 'SKv3_1' is not"),
    ],
)
def test_numbers_that_cannot_be(folder, change, expected):
    (folder / "cell.toml").write_text(CELL.replace(*change))
    with pytest.raises(InputError) as error:
        biophysics.load(str(folder / "cell.toml"))
    assert expected in str(error.value) and "\n" not in str(error.value)


def test_who_cannot_have_one(folder):
    (folder / "mod" / "kt.mod").write_text(CHANNEL.replace("tau(v (mV)) (ms)", "tau(v (mV), c (mM)) (ms)"))
    with pytest.raises(InputError, match=r"^kt\.mod, line 14: FUNCTION_TABLE tau has 2 arguments, and apical knows"):
        biophysics.load(str(folder / "cell.toml"))
    (folder / "mod" / "kt.mod").write_text(CHANNEL)
    with pytest.raises(InputError, match=r"^kt\.mod, line 13: FUNCTION_TABLE has no numbers in engine 'coreneuron'"):
        compiling.compiled(biophysics.load(str(folder / "cell.toml")), "coreneuron")
    assert support.refusal(["Kt"], {"Kt": Source(file="kt.mod", text=CHANNEL)}) is None, "whatever the numbers are"


def test_between_points_and_beyond():
    """As NumPy has it, and none where there are more uneven points than the code should ask one after another."""
    rng = np.random.default_rng(1)
    at = np.concatenate([rng.uniform(-3, 13, 200), np.arange(11)])
    for known in (np.linspace(0, 10, 11), np.sort(rng.uniform(0, 10, 40)), np.array([0.0, 1, 10])):
        values = rng.normal(size=len(known))
        (found,) = x.evaluate([between.points(x.symbol("at"), known.tolist(), values.tolist())], {"at": at})
        np.testing.assert_allclose(found, np.interp(at, known, values), rtol=0, atol=1e-12)
    many = np.sort(rng.uniform(0, 10, between.MOST_UNEVEN + 1)).tolist()
    assert between.points(x.symbol("at"), many, many) is None
    assert between.points(x.symbol("at"), np.linspace(0, 1, 2000).tolist(), [0.5] * 2000) is not None
