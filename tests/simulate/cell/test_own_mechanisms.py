"""A cell with NMODL of its own is, on every engine, the cell that is put together by hand in plain NEURON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from apical.simulate.cell import biophysics, compiling
from apical.simulate.schema import InputError

BROKEN = """NEURON { SUFFIX Leak NONSPECIFIC_CURRENT i RANGE g }
PARAMETER { g = 1e-4 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) }
BREAKPOINT {
    i = g * (v - unheard_of)
}
"""
CELL = """name = "own channel"
source = "made up"
reconstructed_axon = "remove"
mechanisms = "mod"
[all]
Ra = 100
cm = 1
[soma]
Leak.g = 1e-4
[apical]
"""


@pytest.mark.slow
def test_engines_are_the_cell_that_is_built_by_hand(tmp_path):
    """Own Ih in place of the shipped one, shipped channels beside it, own and changed receptors by distance."""
    script = Path(__file__).with_name("own_cell_by_hand.py")
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["spikes"] >= 20
    assert {(engine, order) for engine, each in found["differences_mv"].items() for order in each} == {
        (engine, order) for engine in ("neuron", "coreneuron", "batched") for order in "12"
    }
    assert max(mv for each in found["differences_mv"].values() for mv in each.values()) < 1e-6


@pytest.mark.slow
def test_a_file_that_does_not_compile_is_told_by_its_line(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "mod").mkdir()
    (tmp_path / "mod" / "leak.mod").write_text(BROKEN)
    (tmp_path / "cell.toml").write_text(CELL)
    with pytest.raises(
        InputError, match=r"^leak\.mod, line 5: .*unheard_of.* \(all that the compiler said: .*\.log\)$"
    ):
        compiling.compiled(biophysics.load(str(tmp_path / "cell.toml")), "neuron")


ANOTHER_IS_LOADED = """
from pathlib import Path
from apical.simulate.mechanisms import library
from apical.simulate.schema import InputError

library._loaded = Path("one"), True
library.compiled = lambda *_: Path("another")
try:
    library.load(frozenset())
except InputError as error:
    print(error)
"""


def test_a_process_has_the_mechanisms_of_one_such_cell():
    said = subprocess.run([sys.executable, "-c", ANOTHER_IS_LOADED], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("this process has the mechanisms of another cell, and NEURON takes them once")
