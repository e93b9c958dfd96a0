"""Cells that are taken over from models in hoc and Python: the same voltages as the model itself, on every engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from apical.simulate import presets, schema
from apical.simulate.cell import biophysics, morphologies
from apical.simulate.cell.models import model, taken, taking
from apical.simulate.cell.models.rebuilt import Rebuilt
from apical.simulate.engine.interface import Integration
from apical.simulate.run import dataset
from apical.simulate.schema import InputError

from .models_of_others import HOC, PYTHON, SLOW

STEP_MS, STEP_NA, END_MS = 20.0, 1.5, 120.0
# A current step into the soma of `cell`: the voltage there, and in `tip`, a section at the end of the apical dendrite
RUN = f"""
clamp = h.IClamp(cell.soma(0.5))
clamp.delay, clamp.dur, clamp.amp = {STEP_MS}, 1e9, {STEP_NA}
found = [h.Vector().record(site._ref_v) for site in (cell.soma(0.5), tip(0.93))]
h.dt = 0.025
h.finitialize(-70)
while h.t < {END_MS} - 0.0125:
    h.fadvance()
np.save(sys.argv[-1], np.array([np.array(v) for v in found]))
"""
# Plain NEURON, which knows nothing of apical
OF_THE_MODEL = """
import sys, numpy as np
from neuron import h, load_mechanisms
h.nrn_load_dll(sys.argv[1])
h.load_file("stdrun.hoc")
if sys.argv[2].endswith(".hoc"):
    h.load_file(sys.argv[2])
    cell = h.Pyramidal(1)
    tip = cell.apic[1]
else:
    sys.path.insert(0, ".")
    import model
    cell = model.pyramidal(1)
    tip = cell.tuft
"""
# The cell that was taken over, in a process of its own, since NEURON takes one library of mechanisms
OF_THE_CELL = """
import sys, numpy as np
from apical.simulate.cell import biophysics, compiling, morphologies
from apical.simulate.cell.models.rebuilt import Rebuilt
parameters = biophysics.load(sys.argv[1])
compiling.load(parameters, "neuron")
from neuron import h
cell = Rebuilt(morphologies.resolve(sys.argv[1]))
tip = cell.apical[1]
"""
REGIONS = {"apical": "trunk,tuft"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model in a folder: hoc, Python, and NMODL."""
    path = tmp_path_factory.mktemp("model")
    (path / "mod").mkdir()
    (path / "mod" / "slow.mod").write_text(SLOW)
    (path / "model.hoc").write_text(HOC)
    (path / "model.py").write_text(PYTHON)
    return path


@pytest.fixture(scope="module")
def cells(folder) -> dict[str, Path]:
    mod = str(folder / "mod")
    return {
        "model.hoc": taking.take_cell(f"{folder}/model.hoc:Pyramidal(1)", mod, out=folder / "hoc.json"),
        "model.py": taking.take_cell(f"{folder}/model.py:pyramidal(1)", mod, REGIONS, out=folder / "py.json"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("file", ["model.hoc", "model.py"])
def test_voltages_are_those_of_the_model(folder, cells, file):
    (folder / "lib").mkdir(exist_ok=True)
    if not (folder / "lib" / "mod").exists():
        beside = Path(sys.executable).with_name("nrnivmodl")
        subprocess.run([beside, folder / "mod"], cwd=folder / "lib", check=True, capture_output=True)
    library = next((folder / "lib").glob("*/libnrnmech.so"))
    theirs, ours = folder / "theirs.npy", folder / "ours.npy"
    subprocess.run([sys.executable, "-c", OF_THE_MODEL + RUN, library, file, theirs], cwd=folder, check=True)
    subprocess.run([sys.executable, "-c", OF_THE_CELL + RUN, cells[file], ours], check=True)
    expected_mv, found_mv = np.load(theirs), np.load(ours)
    assert expected_mv[0].max() > 0, "it fires"
    np.testing.assert_allclose(found_mv, expected_mv, rtol=0, atol=1e-9)


def test_what_is_taken_over(cells):
    for file, path in cells.items():
        cell = taken.read(path)
        assert [section.region for section in cell.sections].count("apical") == 2, file
        assert cell.celsius == 20
        assert cell.globals["vhalf_slow"] == -38
        assert cell.globals["tau_slow"] == 80
        assert list(cell.nmodl) == ["slow"]
        assert cell.mechanisms() == ["hh", "pas", "slow"]
        trunk = next(section for section in cell.sections if section.points)
        assert [round(um) for um in trunk.points[-1]] == [20, 250, 0, 2]
        gbar = trunk.mechanisms["slow"]["gbar"]
        assert gbar == pytest.approx([1e-4 * (1 + (k + 0.5) / 7) for k in range(7)])
        assert trunk.mechanisms["pas"] == {}, "what is as the NMODL has it is left out"


def test_the_same_model_is_the_same_file(folder, cells):
    again = taking.take_cell(f"{folder}/model.hoc:Pyramidal(1)", str(folder / "mod"), out=folder / "again.json")
    assert again.read_bytes() == cells["model.hoc"].read_bytes()


@pytest.mark.slow
def test_every_engine_integrates_it(cells, tmp_path):
    """A second of synaptic input, through the command's function, in workers of its own."""
    whole = {"morphology": str(cells["model.hoc"]), "biophysics": taken.OWN, "seconds": 1.0}
    found = {}
    for engine in ("neuron", "coreneuron", "batched"):
        exact = {"precision": "float64"} if engine == "batched" else {}
        integration = Integration(engine=engine, **exact)
        config = presets.preset("ball-and-stick").model_copy(update=whole | {"integration": integration})
        found[engine] = schema.open_dataset(dataset.simulate(config, tmp_path / f"{engine}.zarr", 2))
        assert found[engine].sizes["segment"] == 24
        assert schema.config_of(found[engine])["morphology"] == str(cells["model.hoc"])
    assert (found["neuron"]["soma_v_mv"].std("time_ms") > 1).all(), "it answers its input"
    for engine in ("coreneuron", "batched"):
        np.testing.assert_allclose(found[engine]["soma_v_mv"], found["neuron"]["soma_v_mv"], rtol=0, atol=1e-3)


NOTHING_RUN = "raise SystemExit('the code was run')\n"


def test_a_dataset_of_it_never_runs_the_model(folder, cells, tmp_path):
    """What a configuration names is the file of the cell; the model may be gone, or say anything."""
    copy = tmp_path / "copy.json"
    copy.write_bytes(cells["model.py"].read_bytes())
    (tmp_path / "model.py").write_text(NOTHING_RUN)
    found = morphologies.resolve(str(copy))
    assert biophysics.load(str(copy)).stand == ("hh", "pas", "slow")
    assert found.name == "pyramidal"
    assert "import" not in json.dumps(json.loads(copy.read_text())["sections"])


BAD = {
    "no such file": ("nope.hoc:X", "", "no such file"),
    "another kind": ("model.txt:X", "x", "expected MODEL.hoc:TEMPLATE or MODULE.py:FUNCTION"),
    "no template named": ("some.hoc", "begintemplate A\nendtemplate A\n", "say which template: some.hoc:A"),
    "template that is not there": (
        "some.hoc:Pyramidel",
        "begintemplate Pyramidal\nendtemplate Pyramidal\n",
        "template 'Pyramidel' is not known: did you mean 'Pyramidal'",
    ),
    "function that is not there": ("some.py:g", "def f(): pass\n", "function 'g' is not known"),
    "what is no call": ("some.py:f(", "def f(): pass\n", "is no name of a template or function"),
    "arguments that are code": ("some.py:f(open)", "def f(x): pass\n", "are no numbers or texts"),
    "hoc error": ("some.hoc", "create soma\nsoma { insert nosuch }\n", "NEURON: nosuch is not a MECHANISM"),
    "Python error": (
        "some.py:f",
        "def f():\n    raise ValueError('what a day')\n",
        r"ValueError: what a day \(line 2\)",
    ),
    "exit": ("some.py:f", "import sys\ndef f():\n    sys.exit(3)\n", "SystemExit: 3"),
    "no section": ("some.py:f", "def f(): pass\n", "makes no section"),
    "no soma": ("some.hoc", "create dend\n", "makes no soma; its sections are dend"),
    "no dendrite": ("some.hoc", "create soma\n", "has no dendrite"),
    "a section of no region": ("some.hoc", "create soma, thing\nconnect thing(0), soma(1)\n", "say what thing are"),
    "pieces": ("some.hoc", "create soma, dend\n", "2 pieces that hang on nothing"),
    "an electrode": (
        "some.hoc",
        "create soma, dend\nconnect dend(0), soma(1)\nobjref c\nsoma c = new IClamp(0.5)\n",
        r"has a IClamp\[0\] in soma; .* take it out",
    ),
    "changed later": (
        "some.py:f",
        "from neuron import h\ndef f():\n    global s, d, again\n    s, d = h.Section('soma'), h.Section('dend')\n"
        "    d.connect(s(1))\n    again = h.FInitializeHandler(lambda: setattr(d, 'L', 7))\n",
        "its code changes basal_1 when the cell is initialised",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_line(tmp_path, what):
    spec, text, told = BAD[what]
    if text:
        (tmp_path / re.split(":", spec)[0]).write_text(text)
    with pytest.raises(InputError, match=told) as error:
        taking.take_cell(f"{tmp_path}/{spec}", out=tmp_path / "out.json")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out.json").exists()


def test_a_pattern_that_fits_nothing_is_told(tmp_path):
    (tmp_path / "some.hoc").write_text("create soma, dend\nconnect dend(0), soma(1)\n")
    with pytest.raises(InputError, match=r"--region basal=dent fits no section; there are soma, dend$"):
        taking.take_cell(f"{tmp_path}/some.hoc", told={"basal": "dent"}, out=tmp_path / "out.json")
    with pytest.raises(InputError, match="--region bazal: expected one of soma, axon, basal, apical"):
        taking.take_cell(f"{tmp_path}/some.hoc", told={"bazal": "dend"}, out=tmp_path / "out.json")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": "apical cell 9"}, "format: Input should be 'apical cell 1'"),
        ({"celsius": "warm"}, "celsius: Input should be a valid number"),
        ({"sections": []}, "sections: List should have at least 1 item"),
        ({"code": "import os"}, "code: Extra inputs are not permitted"),
    ],
)
def test_a_file_that_is_no_cell_is_refused(cells, tmp_path, change, told):
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(json.loads(cells["model.hoc"].read_text()) | change))
    with pytest.raises(InputError, match=rf"^cell .*cell.json: is no cell that `apical take-cell` wrote \({told}"):
        taken.read(path)


@pytest.mark.parametrize("field", [{"biophysics": "bbp2015"}, {"sk_e2_factor": 2.0}, {"passive_dendrites": True}])
def test_fields_that_it_cannot_have_are_refused(cells, field):
    whole = {"morphology": str(cells["model.hoc"]), "biophysics": taken.OWN}
    with pytest.raises(ValueError, match=r"is a whole cell.*leave it out"):
        presets.preset("ball-and-stick").model_copy(update=whole | field)


def test_rebuilding_sees_another_geometry(tmp_path):
    """Points that no longer say what the areas were, as after a change of diameters."""
    (tmp_path / "some.hoc").write_text(
        "create soma, dend\nconnect dend(0), soma(1)\ndend { pt3dadd(0, 0, 0, 2) pt3dadd(0, 90, 0, 1) insert pas }\n"
    )
    path = taking.take_cell(f"{tmp_path}/some.hoc", out=tmp_path / "cell.json")
    Rebuilt(morphologies.resolve(str(path))).close()
    cell = json.loads(path.read_text())
    cell["sections"][1]["points"][1][3] = 9.0
    path.write_text(json.dumps(cell))
    with pytest.raises(InputError, match=r"NEURON makes .* um2 of basal_1\(0.5\), .*changed after it was drawn"):
        Rebuilt(morphologies.resolve(str(path)))


def test_which_words_name_mechanisms(folder):
    assert {"hh", "pas", "slow"} <= model.words(model.parse(f"{folder}/model.hoc:Pyramidal(1)"))
