"""GLOBAL parameters and initial concentrations in a parameter file: on every engine, and gone with the next cell."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from apical.simulate.cell import biophysics, morphologies
from apical.simulate.cell.built import Cell
from apical.simulate.engine.interface import Inputs, Integration, Pulse
from apical.simulate.engine.run import run
from apical.simulate.mechanisms import library
from apical.simulate.schema import InputError

GIVEN = """
[globals]
Ih.e_h = "-30 mV"
ca_ion.cao0 = 4
"""
CELL = """\
name = "stick"
source = "made up"
reconstructed_axon = "remove"
[all]
Ra = 100
cm = 1
pas = { g = 1e-4, e = -70 }
[soma]
CaDynamics_E2 = { gamma = 5e-4, decay = 100 }
Ca_HVA.gbar = 1e-3
[apical]
Ih.gbar = 2e-4
"""


def test_every_engine_has_them_and_the_next_cell_has_not(tmp_path):
    from neuron import h

    library.load(biophysics.mechanism_groups())
    found = {}
    for engine, fused, text in (
        ("neuron", False, CELL),
        ("neuron", True, CELL + GIVEN),
        ("neuron", False, CELL + GIVEN),
        ("batched", False, CELL + GIVEN),
    ):
        cell = Cell(morphologies.resolve("ball-and-stick"), biophysics.parse(text, "x"), fused)
        inputs = Inputs(currents=[Pulse(cell.soma(0.5), 5, 35, 0.4)])
        integration = Integration(engine=engine, precision="float64", fused=fused)
        found[engine, fused, text] = run(cell, inputs, [cell.soma(0.5)], 40.0, -70.0, integration).v_mv[0]
        assert h.e_h_Ih == (-45 if text == CELL else -30)
        cell.close()
    default, *given = found.values()
    for each in given[1:]:
        assert np.abs(each - given[0]).max() < 1e-5
    assert np.abs(given[0] - default).max() > 0.5
    Cell(morphologies.resolve("ball-and-stick"), biophysics.parse(CELL, "x")).close()
    assert (h.e_h_Ih, h.cao0_ca_ion) == (-45, 2)


# In a process of its own, since CoreNEURON keeps what its first run finds
ON_CORENEURON = """
import json, sys
import numpy as np
from apical.simulate.cell import biophysics, morphologies
from apical.simulate.cell.built import Cell
from apical.simulate.engine.interface import Inputs, Integration, Pulse
from apical.simulate.engine.run import run
from apical.simulate.mechanisms import library
from apical.simulate.schema import InputError

library.load(biophysics.mechanism_groups())
with_globals, without = sys.argv[1:]
found = []
for engine, fused, text in (
    *((engine, fused, with_globals) for fused in (False, True) for engine in ("coreneuron", "neuron")),
    ("neuron", False, without),
    ("coreneuron", False, without),
):
    cell = Cell(morphologies.resolve("ball-and-stick"), biophysics.parse(text, "x"), fused)
    inputs = Inputs(currents=[Pulse(cell.soma(0.5), 5, 35, 0.4)])
    try:
        integration = Integration(engine=engine, fused=fused)
        found.append(run(cell, inputs, [cell.soma(0.5)], 40.0, -70.0, integration).v_mv[0])
    except InputError as error:
        refused = str(error)
    cell.close()
apart_mv = [float(np.abs(one - other).max()) for one, other in zip(found[::2], found[1::2])]
print(json.dumps([apart_mv, float(np.abs(found[0] - found[-1]).max()), refused]))
"""


def test_coreneuron_has_those_of_its_first_cell_and_refuses_others():
    done = subprocess.run(
        [sys.executable, "-c", ON_CORENEURON, CELL + GIVEN, CELL], capture_output=True, text=True, check=True
    )
    apart_mv, moved_mv, refused = json.loads(done.stdout)
    assert len(apart_mv) == 2 and max(apart_mv) < 1e-5
    assert moved_mv > 0.5
    assert refused.startswith("globals: CoreNEURON has begun with another cell's in this process and stays with them")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("Ih.e_q = 3", r"x, line \d+: globals\.Ih\.e_q: GLOBAL of Ih 'e_q' is not known.*'e_h'"),
        (
            "SK_E2.tau = 3",
            r"x, line \d+: globals\.SK_E2: mechanism with a GLOBAL on this cell, or ion 'SK_E2' is",
        ),
        ("ca_ion.cai0 = '3 mV'", r"x, line \d+: globals\.ca_ion\.cai0: '3 mV' is in 'mV', which does not fit.*mM"),
        ("Ih.e_h = { rule = 'linear' }", r"x, line \d+: globals\.Ih\.e_h: is one value for a whole section"),
    ],
)
def test_what_is_wrong_is_told_by_line(written, told):
    with pytest.raises(InputError, match=told):
        biophysics.parse(f"{CELL}[globals]\n{written}\n", "x")


def test_they_are_part_of_what_a_parameter_set_is():
    parameters = biophysics.parse(CELL + GIVEN, "x")
    assert parameters.globals == {"Ih": {"e_h": -30.0}, "ca_ion": {"cao0": 4.0}}
    assert "globals" not in biophysics.parse(CELL, "x").model_dump(mode="json")
