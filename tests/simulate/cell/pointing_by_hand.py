"""Run by test_pointers.py in a process of its own: a cell whose POINTERs follow variables of other mechanisms, on
engines neuron and batched, against the same cell put together by hand in plain NEURON.

python pointing_by_hand.py FOLDER: of the parameter file and the NMODL; prints JSON, by engine and order of accuracy the
largest difference in mV, how far the voltage by hand is from the same cell whose POINTERs do not move, and its spikes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from apical.simulate import preset
from apical.simulate.cell import compiling
from apical.simulate.engine.interface import Integration
from apical.simulate.trial.detailed import V_INIT_MV, DetailedNeuron

HEAD = "UNITS { (mV) = (millivolt) (S) = (siemens) (mA) = (milliamp) (nA) = (nanoamp) (uS) = (microsiemens) }\n"
# A state that rises with the voltage, and what BREAKPOINT and INITIAL make of it. NEURON's order is that of the names
# of files, so that POINTERs of Early see what Middle has not yet done, those of Zlate what it has.
MIDDLE = """NEURON { SUFFIX Middle NONSPECIFIC_CURRENT i RANGE g, c, open, once }
PARAMETER { g = 1e-6 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) open once }
STATE { c }
INITIAL { c = 0.1 once = 0.99 + g * 1e4 }
BREAKPOINT { SOLVE rise METHOD cnexp open = c / (1 + exp(-(v + 55) / 6)) i = g * v }
DERIVATIVE rise { c' = (1 / (1 + exp(-(v + 60) / 5)) - c) / 20 }
"""
FOLLOWER = """NEURON { SUFFIX NAME NONSPECIFIC_CURRENT i RANGE g POINTER drive, gate }
PARAMETER { g (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) drive gate }
STATE { m }
INITIAL { m = START }
BREAKPOINT { SOLVE states METHOD cnexp i = g * m * (1 + gate) * (v + 85) }
DERIVATIVE states { m' = (drive - m) / 3 }
"""
SYNAPSE = """NEURON { POINT_PROCESS Syn NONSPECIFIC_CURRENT i RANGE tau, i POINTER block, share }
PARAMETER { tau = 4 (ms) }
ASSIGNED { v (mV) i (nA) block share }
STATE { s (uS) }
INITIAL { s = 0 }
BREAKPOINT { SOLVE decay METHOD cnexp i = s * (share - block) * v }
DERIVATIVE decay { s' = -s / tau }
NET_RECEIVE(weight (uS)) { s = s + weight }
"""
FILES = {
    "early": HEAD + FOLLOWER.replace("NAME", "Early").replace("START", "0.2"),
    "middle": HEAD + MIDDLE,
    "zlate": HEAD + FOLLOWER.replace("NAME", "Zlate").replace("START", "drive"),
    "syn": HEAD + SYNAPSE,
}
CELL = """name = "pointing"
source = "made up"
reconstructed_axon = "remove"
mechanisms = "mod"
[all]
Ra = 100
cm = 1
ek = -85
ena = 50
pas = { g = 1e-4, e = -70 }
Middle = {}
[soma]
NaTa_t.gbar = 0.5
SKv3_1.gbar = 0.3
Early = { g = 2e-4, drive = "NaTa_t.m", gate = 0.5 }
[apical]
Early = { g = 2e-4, drive = "Middle.c", gate = "Middle.open" }
Zlate = { g = 1e-4, drive = "Middle.c", gate = "Middle.open" }
[receptors.mine]
process = "Syn"
block = "Middle.c"
share = "Middle.once"
weight = "2 nS"
"""
MS, N = 300, 51  # N segments of the dendrite


def by_hand(events_ms: list, second_order: bool, moving: bool) -> np.ndarray:
    """moving: whether POINTERs point to variables, or to numbers that those are near."""
    from ball_by_hand import ball_and_stick, deliver_to, recorded, synapses
    from neuron import h

    soma, dendrite = ball_and_stick()
    for section in (soma, dendrite):
        section.insert("Middle")
        section.insert("Early")
        section.g_Early = 2e-4
    dendrite.insert("Zlate")
    dendrite.g_Zlate = 1e-4
    half, connections, kept = h.Vector([0.5]), [], []
    h.setpointer(soma(0.5).NaTa_t._ref_m if moving else half._ref_x[0], "drive", soma(0.5).Early)
    h.setpointer(half._ref_x[0], "gate", soma(0.5).Early)
    for segment in dendrite:
        c, gate = (segment.Middle._ref_c, segment.Middle._ref_open) if moving else (half._ref_x[0],) * 2
        for mechanism in (segment.Early, segment.Zlate):
            h.setpointer(c, "drive", mechanism)
            h.setpointer(gate, "gate", mechanism)
        *both, excites, inhibits = synapses(segment, 1e-3)
        h.setpointer(c, "block", excites)
        h.setpointer(segment.Middle._ref_once, "share", excites)
        both[0].weight[0] = 2e-3
        connections += both
        kept += [excites, inhibits]
    return recorded(soma, V_INIT_MV, MS, second_order, lambda: deliver_to(connections, events_ms))


def main(folder: Path) -> None:
    (folder / "mod").mkdir()
    for name, text in FILES.items():
        (folder / "mod" / f"{name}.mod").write_text(text)
    (folder / "cell.toml").write_text(CELL)
    own = {"biophysics": str(folder / "cell.toml"), "excitatory": "mine", "seconds": MS / 1000}
    config = preset("ball-and-stick").model_copy(update=own)
    compiling.load(config.parameter_set(), "neuron")  # the one library of this process
    rng = np.random.default_rng(3)
    events_ms = [np.sort(rng.choice(MS - 1, count, replace=False)) for count in (*[20] * N, *[4] * N)]
    expected = {order: by_hand(events_ms, order == 2, True) for order in (1, 2)}
    still_mv = by_hand(events_ms, False, False)
    found: dict[str, dict[int, float]] = {}
    for engine in ("neuron", "batched"):
        way = Integration(engine=engine, precision="float64")
        neuron = DetailedNeuron(config.model_copy(update={"integration": way}))
        for order, expected_mv in expected.items():
            chosen = way.model_copy(update={"second_order": order == 2})
            for _ in range(2):  # the second trial starts as the first one
                (recording,) = neuron.respond_to_events([events_ms], MS, chosen)
            found.setdefault(engine, {})[order] = float(np.abs(recording.v_mv[0] - expected_mv).max())
        neuron.close()
    spikes = int(((expected[2][1:] > -10) & (expected[2][:-1] <= -10)).sum())
    moved_mv = float(np.abs(expected[1] - still_mv).max())
    print(json.dumps({"differences_mv": found, "spikes": spikes, "moved_mv": moved_mv}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
