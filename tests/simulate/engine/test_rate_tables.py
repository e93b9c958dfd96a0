"""Mechanisms with a TABLE: every engine interpolates as plain NEURON does by itself, or calculates."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate import preset
from apical.simulate.cell import biophysics, morphologies
from apical.simulate.cell.built import Cell
from apical.simulate.changes import changed
from apical.simulate.engine import coreneuron
from apical.simulate.engine.interface import Inputs, Integration, Pulse
from apical.simulate.engine.run import run
from apical.simulate.mechanisms import library, nmodl
from apical.simulate.schema import InputError

SWC = "1 1 0 0 0 10 -1\n2 1 10 0 0 10 1\n3 1 -10 0 0 10 1\n4 3 10 0 0 1 1\n5 3 210 0 0 1 4\n"
SQUID = """\
name = "squid on a stick"
source = "made up; hh as in Hodgkin & Huxley 1952"
reconstructed_axon = "remove"
[all]
Ra = 100
cm = 1
ek = -77
ena = 50
[soma]
hh = { gnabar = 0.12, gkbar = 0.036, gl = 0.0003, el = -54.3 }
[basal]
pas = { g = 1e-4, e = -65 }
"""


@pytest.mark.parametrize("second_order", [False, True])
def test_engines_agree_on_a_cell_with_hh(tmp_path, monkeypatch, second_order):
    library.load(biophysics.mechanism_groups())
    monkeypatch.setattr(coreneuron, "_exact_rates", False)  # as all runs of this process have it
    (tmp_path / "mine.swc").write_text(SWC)
    soma_mv = {}
    for exact in (False, True):
        found = {}
        for engine in ("coreneuron", "neuron", "batched"):
            cell = Cell(morphologies.resolve(str(tmp_path / "mine.swc")), biophysics.parse(SQUID, "squid"))
            inputs = Inputs(currents=[Pulse(cell.soma(0.5), 10, 150, 0.4)])
            how = {"engine": engine, "second_order": second_order, "exact_rates": exact}
            integration = Integration(**how, precision="float64")
            if exact and engine == "coreneuron":
                with pytest.raises(InputError, match="exact_rates True: CoreNEURON has begun with False in this proc"):
                    run(cell, inputs, [cell.soma(0.5)], 150.0, -65.0, integration)
            else:
                found[engine] = run(cell, inputs, [cell.soma(0.5)], 150.0, -65.0, integration).v_mv[0]
            cell.close()
        for v_mv in found.values():
            assert np.abs(v_mv - found["neuron"]).max() < 1e-6
        soma_mv[exact] = found["neuron"]
        assert np.count_nonzero((soma_mv[exact][:-1] < 0) & (soma_mv[exact][1:] >= 0)) >= 5
    assert np.abs(soma_mv[False] - soma_mv[True]).max() > 0.5


def test_data_of_a_cell_with_a_table_are_others_with_exact_rates(tmp_path):
    """Those without one are the same; exact ones are what they were when there was nothing else."""
    (tmp_path / "mine.swc").write_text(SWC)
    (tmp_path / "squid.toml").write_text(SQUID)
    morphology = morphologies.resolve(str(tmp_path / "mine.swc"))
    ids = {}
    for parameters in ("squid.toml", "ball-and-stick"):
        given = parameters if parameters == "ball-and-stick" else str(tmp_path / parameters)
        config = changed(preset("nmda"), {"morphology": str(tmp_path / "mine.swc"), "biophysics": given})
        ids[parameters] = [
            changed(config, {"integration": {"exact_rates": exact}}).dataset_id(morphology) for exact in (False, True)
        ]
    assert ids["squid.toml"][0] != ids["squid.toml"][1]
    assert ids["ball-and-stick"][0] == ids["ball-and-stick"][1]


def test_what_only_the_making_of_a_table_sets():
    text = "PROCEDURE a(v) { TABLE x FROM 0 TO 1 WITH 2\n IF (v) { y = 1 }\n x = y }\nFUNCTION b(v) { z = v }\n"
    calling = text.replace("x = y", "x = b(y)")
    assert nmodl.sets(nmodl.tabulated(calling), "z"), "which a routine sets that it calls"
    assert nmodl.has_table(text) and not nmodl.has_table(": TABLE\n" + text.replace("TABLE", "")[5:])
    assert [nmodl.sets(nmodl.tabulated(text), name) for name in "xyz"] == [True, True, False]
