"""Run by test_function_tables.py in a process of its own: a channel whose rates are numbers of the parameter file, on
engines neuron and batched, against the same cell put together by hand in plain NEURON.

python tables_by_hand.py FOLDER: of the parameter file and the NMODL; prints JSON, by engine and order of accuracy the
largest difference in mV, how far other numbers move the voltage, and spikes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from apical.simulate.cell import biophysics, compiling, morphologies
from apical.simulate.cell.built import Cell
from apical.simulate.engine.interface import Inputs, Integration, Pulse
from apical.simulate.engine.run import run

CHANNEL = """NEURON { SUFFIX Kt USEION k READ ek WRITE ik RANGE gbar }
UNITS { (mV) = (millivolt) (S) = (siemens) (mA) = (milliamp) }
PARAMETER { gbar = 0.003 (S/cm2) }
ASSIGNED { v (mV) ek (mV) ik (mA/cm2) }
STATE { n }
INITIAL { n = open(v) }
BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar * n * (v - ek)
}
DERIVATIVE states { n' = (open(v) - n) / tau(v) }

FUNCTION_TABLE open(v (mV))
FUNCTION_TABLE tau(v (mV)) (ms)
"""
CELL = """name = "tables"
source = "made up"
reconstructed_axon = "remove"
mechanisms = "mod"
[all]
Ra = 100
cm = 1
ek = -85
ena = 50
pas = { g = 1e-4, e = -70 }
[soma]
NaTa_t.gbar = 0.5
SKv3_1.gbar = 0.3
Kt.gbar = 0.002
[apical]
[tables.Kt]
open = { x = [-60, -45, -30, -15], y = [0, 0.1, 0.7, 1] }
tau = { x = [-90, -60, -41, 10], y = [9, 6, 2, 1] }
"""
POINTS = {"open": ([-60, -45, -30, -15], [0, 0.1, 0.7, 1]), "tau": ([-90, -60, -41, 10], [9, 6, 2, 1])}
MS, V_INIT_MV, PULSE = 200.0, -75.0, (20.0, 180.0, 0.5)


def by_hand(second_order: bool, times: float) -> np.ndarray:
    """times: on tau."""
    from ball_by_hand import ball_and_stick, recorded
    from neuron import h

    soma, dendrite = ball_and_stick()
    soma.insert("Kt")
    soma.gbar_Kt = 0.002
    kept = [dendrite]
    for name, (known, values) in POINTS.items():
        scaled = np.array(values) * (times if name == "tau" else 1)
        kept += [h.Vector(scaled), h.Vector(known)]
        getattr(h, f"table_{name}_Kt")(*kept[-2:])
    clamp = h.IClamp(soma(0.5))
    clamp.delay, clamp.dur, clamp.amp = PULSE[0], PULSE[1] - PULSE[0], PULSE[2]
    return recorded(soma, V_INIT_MV, MS, second_order)


def main(folder: Path) -> None:
    (folder / "mod").mkdir()
    (folder / "mod" / "kt.mod").write_text(CHANNEL)
    (folder / "cell.toml").write_text(CELL)
    parameters = biophysics.load(str(folder / "cell.toml"))
    compiling.load(parameters, "neuron")  # the one library of this process
    expected = {order: by_hand(order == 2, 1.0) for order in (1, 2)}
    moved_mv = float(np.abs(by_hand(False, 1.5) - expected[1]).max())
    found: dict[str, dict[int, float]] = {}
    for engine in ("neuron", "batched"):
        cell = Cell(morphologies.resolve("ball-and-stick"), parameters, fused=True)
        inputs = Inputs(currents=[Pulse(cell.soma(0.5), *PULSE)])
        for order, expected_mv in expected.items():
            way = Integration(engine=engine, precision="float64", second_order=order == 2)
            v_mv = run(cell, inputs, [cell.soma(0.5)], MS, V_INIT_MV, way).v_mv[0]
            found.setdefault(engine, {})[order] = float(np.abs(v_mv - expected_mv).max())
        cell.close()
    spikes = int(((expected[2][1:] > -10) & (expected[2][:-1] <= -10)).sum())
    print(json.dumps({"differences_mv": found, "spikes": spikes, "moved_mv": moved_mv}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
