"""Mechanisms that look their rates up in a table: every engine calculates them, so that all give one voltage."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate.cell import biophysics, morphologies
from apical.simulate.cell.built import Cell
from apical.simulate.engine.interface import Inputs, Integration, Pulse
from apical.simulate.engine.run import run
from apical.simulate.mechanisms import library

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
def test_engines_agree_on_a_cell_with_hh(tmp_path, second_order):
    from neuron import h

    library.load(biophysics.mechanism_groups())
    (tmp_path / "mine.swc").write_text(SWC)
    found = []
    for engine in ("coreneuron", "neuron", "batched"):
        h.usetable_hh = 1  # as it is in a new process
        cell = Cell(morphologies.resolve(str(tmp_path / "mine.swc")), biophysics.parse(SQUID, "squid"))
        inputs = Inputs(currents=[Pulse(cell.soma(0.5), 10, 150, 0.4)])
        integration = Integration(engine=engine, precision="float64", second_order=second_order)
        found.append(run(cell, inputs, [cell.soma(0.5), cell.basal[0](0.5)], 150.0, -65.0, integration).v_mv)
        cell.close()
    soma_mv = found[0][0]
    assert np.count_nonzero((soma_mv[:-1] < 0) & (soma_mv[1:] >= 0)) >= 5
    assert np.abs(found[0] - found[1]).max() < 1e-6
    assert np.abs(found[0] - found[2]).max() < 1e-6
