"""The thirteen published cells of layer 5 against their own templates, in plain NEURON, from the installed wheel."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from apical.simulate.cell import biophysics, morphologies
from apical.simulate.cell.built import Cell
from apical.simulate.engine.interface import Epsp, Integration, Pulse
from apical.simulate.mechanisms import library
from apical.simulate.validation.protocols import EPSP_ONSET_MS, respond

pytestmark = pytest.mark.slow  # channels are compiled, and plain NEURON integrates 13 s in all

FOLDERS = {name: cell.folder for name, cell in morphologies.MEAREC.items()}
AGREE_MV = 1e-5  # over 3 s with 11 spikes they differ by 6e-9 mV
PLAYED_MV = 2e-3
EULER = Integration(engine="neuron", dt_ms=0.025, second_order=False, fused=False)  # as the published run has it
AT_REST = {"epsp_na": 0.0, "v_init_mv": -75.0, "dt_ms": 0.025}


def published(folder: str, build: Path, *runs: dict) -> tuple[list[dict], list[dict[str, np.ndarray]]]:
    """Segments of the published cell, and what `runs` record of it."""
    model = Path(find_spec("MEArec").submodule_search_locations[0]) / "cell_models" / "bbp" / folder
    request, answer = build / f"{folder}.json", build / f"{folder}.npz"
    request.write_text(json.dumps(runs), encoding="utf-8")
    program = Path(__file__).with_name("published_template.py")
    subprocess.run([sys.executable, program, model, build, request, answer], check=True, capture_output=True)
    with np.load(answer) as found:
        traces: list[dict[str, np.ndarray]] = [{} for _ in runs]
        for name in set(found) - {"segments"}:
            number, site = name.split(" ", 1)
            traces[int(number)][site] = found[name]
        return json.loads(str(found["segments"])), traces


def currents_na(folder: str) -> list[float]:
    """The holding current and the three steps that the model ships with."""
    model = Path(find_spec("MEArec").submodule_search_locations[0]) / "cell_models" / "bbp" / folder
    return [float(word) for word in (model / "current_amps.dat").read_text(encoding="utf-8").split()]


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("published")


@pytest.fixture
def cell(request):
    morphology = morphologies.resolve(request.param)
    parameters = biophysics.load(morphology.biophysics)
    library.load(biophysics.mechanism_groups())
    built = Cell(morphology, parameters)
    yield built
    built.close()


def ours(cell: Cell) -> list[dict]:
    """Segments in the words of the published cell."""
    trees = {"soma": [cell.soma], "dend": cell.basal, "apic": cell.apical, "axon": cell.axon}
    rows = []
    for tree, sections in trees.items():
        for number, section in enumerate(sections):
            for segment in section:
                row = {"section": f"{tree}[{number}]", "x": segment.x, "area": segment.area(), "Ra": section.Ra}
                rows.append(row | {"segment": segment})
    return rows


def value(segment, name: str) -> float | None:
    """A density under its own name, or as our mechanisms call it: gNaTs2_tbar_NaTs2_t is gbar_NaTs2_t."""
    mechanism = name.split("bar_")[-1]
    variable = f"gbar_{mechanism}" if "bar_" in name else name
    return getattr(segment, variable) if hasattr(segment, variable) else None


@pytest.mark.parametrize("cell", FOLDERS, indirect=True)
def test_same_sections_areas_densities_and_voltages(cell, build):
    """Voltages: 400 ms of the strongest step of the model's own after 100 ms of its holding current."""
    holding_na, *steps_na = currents_na(FOLDERS[cell.name])
    pulses = [[0, 500, holding_na], [100, 500, steps_na[-1]]]
    segments, (trace,) = published(FOLDERS[cell.name], build, AT_REST | {"pulses": pulses, "duration_ms": 500.0})
    here = ours(cell)
    assert {(row["section"], row["x"]) for row in here} == {(row["section"], row["x"]) for row in segments}
    of_here = {(row["section"], row["x"]): row for row in here}
    for theirs in segments:
        mine = of_here[theirs["section"], theirs["x"]]
        assert mine["area"] == pytest.approx(theirs["area"], rel=1e-12)
        if (high := theirs.pop("gCabar_Ca")) is not None:  # Ca of the interneurons has the equations of Ca_HVA
            theirs["gCa_HVAbar_Ca_HVA"] = high
        for name in theirs.keys() - {"section", "x", "area"}:
            found = mine["Ra"] if name == "Ra" else value(mine["segment"], name)
            assert found == (None if theirs[name] is None else pytest.approx(theirs[name], rel=1e-12)), (theirs, name)
    response = respond(cell, [Pulse(cell.soma(0.5), *pulse) for pulse in pulses], 500.0, EULER, -75.0)
    assert np.allclose(response.time_ms, trace["time_ms"])
    assert len(response.spike_times_ms()) > 1, "the comparison is to see spikes"
    for site in response.v_mv.keys() & trace.keys():
        assert np.abs(response.v_mv[site] - trace[site]).max() < AGREE_MV


@pytest.mark.parametrize("cell", ["ttpc1", "ttpc2"], indirect=True)
def test_published_steps_and_a_dendritic_current(cell, build):
    """The weakest step of the model's own under its holding current, for all of its 3 s, and an EPSP-like current."""
    holding_na, *steps_na = currents_na(FOLDERS[cell.name])
    step = {"pulses": [[0, 3000, holding_na], [700, 2700, steps_na[0]]], "epsp_na": 0.0, "duration_ms": 3000.0}
    epsp = {"pulses": [[295, 300, 1.9]], "epsp_na": 1.5, "duration_ms": 400.0}
    same = {"v_init_mv": -80.0, "dt_ms": 0.025}
    _, (of_step, of_epsp) = published(FOLDERS[cell.name], build, step | same, epsp | same)
    soma = cell.soma(0.5)
    response = respond(cell, [Pulse(soma, 0, 3000, holding_na), Pulse(soma, 700, 2700, steps_na[0])], 3000.0, EULER)
    assert len(response.spike_times_ms()) == 11
    assert np.abs(response.v_mv["soma"] - of_step["soma"]).max() < AGREE_MV
    currents = [Pulse(soma, 295, 300, 1.9), Epsp(cell.at_apical_distance(620), EPSP_ONSET_MS, 1.5)]
    response = respond(cell, currents, 400.0, EULER)
    for site in response.v_mv:
        # their current is played as a straight line
        assert np.abs(response.v_mv[site] - of_epsp[site]).max() < PLAYED_MV
