"""What people bring of their own and is not right: mechanisms, models, recordings. One line each, nothing written."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

LEAK = """NEURON { SUFFIX Leak NONSPECIFIC_CURRENT i RANGE g }
PARAMETER { g = 1e-4 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) }
BREAKPOINT {
    i = g * (v + 70)
}
"""
CELL = """name = "mine"
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
HOC = "begintemplate Pyramidal\ncreate dend\npublic dend\nproc init() { create dend }\nendtemplate Pyramidal\n"
CHANGES = """from neuron import h
def build():
    global soma, dend, again
    soma, dend = h.Section('soma'), h.Section('dend')
    dend.connect(soma(1))
    again = h.FInitializeHandler(lambda: setattr(dend, 'L', 7))
"""


@pytest.fixture
def here(tmp_path):
    """A folder with one of each."""
    for folder in ("mod", "empty"):
        (tmp_path / folder).mkdir()
    (tmp_path / "mod" / "leak.mod").write_text(LEAK)
    (tmp_path / "cell.toml").write_text(CELL)
    (tmp_path / "unheard.toml").write_text(CELL.replace("Leak", "Laek"))
    (tmp_path / "no_soma.hoc").write_text(HOC)
    (tmp_path / "wrong.hoc").write_text("create soma, dend\nsoma { insert nosuch }\n")
    (tmp_path / "changes.py").write_text(CHANGES)
    (tmp_path / "glif.json").write_text(json.dumps({"type": "GLIF", "El": 0.0}))
    time_ms = np.arange(400) / 8
    arrays = {"input_spikes": np.zeros((1, 1, 50), bool), "soma_v_mv": np.zeros((1, 400)), "sign": [1]}
    np.savez(tmp_path / "uneven.npz", time_ms=np.where(time_ms == 20, 20.1, time_ms), **arrays)
    return tmp_path


SIMULATE = "simulate ball-and-stick --out new.zarr --trials 1 --seconds 0.05"
SAYS = {
    "mechanisms empty": ["mechanisms empty: has no .mod file"],
    f"{SIMULATE} --mechanisms empty": ["mechanisms empty: has no .mod file"],
    f"{SIMULATE} --biophysics unheard.toml": [
        "unheard.toml, line 9: soma.Laek: mechanism 'Laek' is not known: did you mean 'Leak'?"
    ],
    "take-cell no_soma.hoc:Pyramidel --out new.json": [
        "template 'Pyramidel' is not known: did you mean 'Pyramidal'",
    ],
    "take-cell no_soma.hoc:Pyramidal --out new.json": ["makes no soma; its sections are dend"],
    f"{SIMULATE} --cell no_soma.hoc:Pyramidal": ["makes no soma; its sections are dend"],
    "take-cell wrong.hoc --out new.json": ["NEURON: nosuch is not a MECHANISM"],
    "take-cell changes.py:build --out new.json": ["its code changes basal_1 when the cell is initialised"],
    f"{SIMULATE} --biophysics glif.json": ["glif.json: is a GLIF model, a point neuron without a morphology"],
    "import-arrays uneven.npz --out new.zarr": ["sampling is not uniform: sample 160 is at 20.1 ms"],
}


@pytest.mark.parametrize("command", SAYS)
def test_one_line_and_nothing_is_made(here, refused, command):
    before = sorted(here.iterdir())
    line = refused(command)
    assert all(words in line for words in SAYS[command]), line
    assert [path for path in sorted(here.iterdir()) if path.name != "__pycache__"] == before


def test_a_recording_in_voltage_clamp(here, refused):
    pynwb = pytest.importorskip("pynwb")
    content = pynwb.NWBFile("made up", "a", datetime(2026, 1, 1, tzinfo=UTC))
    electrode = content.create_icephys_electrode(name="e", description="e", device=content.create_device(name="d"))
    clamped = pynwb.icephys.VoltageClampSeries(
        name="sweep", electrode=electrode, gain=1.0, data=np.zeros(400), rate=8e3
    )
    content.add_acquisition(clamped)
    with pynwb.NWBHDF5IO(here / "clamped.nwb", "w") as io:
        io.write(content)
    line = refused("import-nwb clamped.nwb --out new.zarr")
    assert "clamped.nwb: holds VoltageClampSeries in acquisition; a soma voltage takes a" in line
    assert not (here / "new.zarr").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("v + 70", "v + unheard_of"), "leak.mod, line 5: "),
        (("    i = g", "    i = = g"), "leak.mod, line 5: "),
    ],
)
def test_a_file_that_does_not_compile(here, apical, monkeypatch, change, expected):
    """Where the compiler finds it, and where NEURON's translator does."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    (here / "mod" / "leak.mod").write_text(LEAK.replace(*change))
    answer = apical(f"{SIMULATE} --biophysics cell.toml --engine neuron --workers 1")
    assert answer.status == 2 and "Traceback" not in answer.err
    said = answer.err.splitlines()[-1]
    assert expected in said and "all that the compiler said: " in said
    assert not (here / "new.zarr").exists()
