"""`apical validate`: what it prints, writes and returns."""

from __future__ import annotations

import json

import pytest

from apical.simulate.cell import biophysics


def test_an_own_cell_is_measured_and_drawn(done, swc, tmp_path):
    swc("mine.swc")
    told = done("validate --morphology mine.swc --only attenuation --only engines --out page.svg")
    assert "mine with bbp2015 (coreneuron, step 0.025 ms)" in told
    assert "  site / soma at 400 um" in told and "no reference" in told
    assert "3 of 3 judged checks passed" in told and "FAIL" not in told
    page = (tmp_path / "page.svg").read_text()
    assert "EPSP along the trunk" in page and "used of the tolerance" in page and "<!-- c " not in page


def test_a_cell_without_an_axon(done, tmp_path):
    told = done("validate --morphology ball-and-stick --biophysics ball-and-stick --only engines --only replay --json")
    checks = {(each["group"], each["name"]) for each in json.loads(told)["checks"]}
    assert ("replay", "spikes") in checks
    assert ("replay", "spikes of the axon") not in checks


def test_json_is_complete(done, swc, tmp_path):
    swc("mine.swc")
    found = json.loads(done("validate --morphology mine.swc --only convergence --dt 0.0125 --json"))
    assert found["passed"] is True and found["morphology"] == "mine" and found["biophysics"] == "bbp2015"
    assert found["licence"] == "unknown (user's file)" and "neuron" in found["made_with"]
    assert found["integration"]["dt_ms"] == 0.0125
    names = [each["name"] for each in found["checks"]]
    assert "Crank-Nicolson, EPSP" in names and "largest |V|" in names
    for each in found["checks"]:
        assert set(each) == {
            "group", "name", "unit", "measured", "expected", "tolerance", "passed", "basis", "source", "result",
        }  # fmt: skip
    assert len(found["curves"]["convergence"]["Euler"]["epsp_mv"]) == 4
    assert not (tmp_path / "validation.png").exists()


@pytest.mark.slow
def test_a_cell_with_one_wrong_density_fails(apical, shared, tmp_path, monkeypatch):
    """Without the dendrite's sodium channels the spike does not travel up."""
    cell1, right = shared("data/hay2011/cell1.asc"), biophysics.load("shai2015")
    apical_tree = right.apical | {"NaTs2_t": {"gbar": 0.0}}
    monkeypatch.setattr(biophysics, "load", lambda name, *changes: right.model_copy(update={"apical": apical_tree}))
    answer = apical(f"validate --morphology {cell1} --only dendrites")
    assert answer.status == 1
    lines = answer.err.splitlines()
    failed = [line for line in lines if "failed: " in line]
    assert any(line.startswith("apical validate: failed: bAP, peak 620 um: ") for line in failed)
    assert len(failed) == answer.out.count("FAIL")
    assert (tmp_path / "validation.png").exists()


@pytest.mark.parametrize(
    "options, said",
    [
        ("--only fI", ["section 'fI' is not known", "f-I"]),
        ("--only replai", ["did you mean 'replay'?"]),
        ("--out page.gif", ["page.gif: a figure is written as .png, .svg, .pdf"]),
        ("--replay gone.p", ["gone.p: no such file", "NeuronIO pickle"]),
        ("--engine neurons", ["engine", "neurons"]),
        ("--engine coreneuron --dt 0", ["a variable step (no dt_ms) needs engine 'neuron'"]),
        ("--biophysics shai", ["did you mean 'shai2015'?"]),
        ("--morphology gone.swc", ["gone.swc: no such file"]),
    ],
)
def test_bad_input(refused, options, said):
    line = refused(f"validate {options}")
    for each in said:
        assert each in line
