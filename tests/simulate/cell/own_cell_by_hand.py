"""Run by test_own_mechanisms.py in a process of its own: a cell with NMODL of its own on every engine, against the same
cell and synapses put together by hand in plain NEURON.

python own_cell_by_hand.py FOLDER: of the parameter file and the NMODL; prints JSON, by engine and order of accuracy the
largest difference in mV, and the number of output spikes by hand.
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

OWN_IH = """NEURON { SUFFIX Ih NONSPECIFIC_CURRENT ihcn RANGE gIhbar }
UNITS { (mV) = (millivolt) (S) = (siemens) (mA) = (milliamp) }
PARAMETER { gIhbar = 1e-4 (S/cm2) }
ASSIGNED { v (mV) ihcn (mA/cm2) }
STATE { m }
INITIAL { m = inf(v) }
BREAKPOINT {
    SOLVE states METHOD cnexp
    ihcn = gIhbar * m * (v + 45)
}
DERIVATIVE states { m' = (inf(v) - m) / 60 }
FUNCTION inf(v (mV)) { inf = 1 / (1 + exp((v + 85) / 8)) }
"""
OWN_SYNAPSE = """NEURON { POINT_PROCESS Syn NONSPECIFIC_CURRENT i RANGE tau, e, i }
UNITS { (nA) = (nanoamp) (mV) = (millivolt) (uS) = (microsiemens) }
PARAMETER { tau (ms) e = 0 (mV) }
ASSIGNED { v (mV) i (nA) }
STATE { g (uS) }
INITIAL { g = 0 }
BREAKPOINT {
    SOLVE decay METHOD cnexp
    i = g * (v - e)
}
DERIVATIVE decay { g' = -g / tau }
NET_RECEIVE(weight (uS)) { g = g + weight }
"""
CELL = """name = "own"
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
[apical]
Ih.gIhbar = { rule = "sigmoid", near = 1e-4, far = "10 pS/um2", half_um = 300, slope_um = 80 }
[receptors.mine]
process = "Syn"
tau = "0.003 s"
weight = { rule = "linear", near = "2 nS", far = "0.4 nS", to_um = 800 }
[receptors.GABA_A]
gmax = "0.6 nS"
"""
MS, N, GMAX_US, NEAR_US, FAR_US, TO_UM = 400, 51, 6e-4, 2e-3, 4e-4, 800.0  # N segments of the dendrite


def by_hand(events_ms: list, second_order: bool) -> np.ndarray:
    from ball_by_hand import ball_and_stick, deliver_to, recorded, synapses

    soma, dendrite = ball_and_stick()
    dendrite.insert("Ih")
    connections, kept = [], []
    for number, segment in enumerate(dendrite):
        end_um = 1000 if number == N - 1 else segment.x * 1000  # the last segment takes the section's end
        segment.gIhbar_Ih = 1e-4 + (1e-3 - 1e-4) / (1 + np.exp(-(end_um - 300) / 80))
        *both, excites, inhibits = synapses(segment, GMAX_US)
        excites.tau = 3
        both[0].weight[0] = NEAR_US + (FAR_US - NEAR_US) * min(segment.x * 1000 / TO_UM, 1)
        connections += both
        kept += [excites, inhibits]
    return recorded(soma, V_INIT_MV, MS, second_order, lambda: deliver_to(connections, events_ms))


def main(folder: Path) -> None:
    (folder / "mod").mkdir()
    (folder / "mod" / "ih.mod").write_text(OWN_IH)
    (folder / "mod" / "syn.mod").write_text(OWN_SYNAPSE)
    (folder / "cell.toml").write_text(CELL)
    own = {"biophysics": str(folder / "cell.toml"), "excitatory": "mine", "seconds": MS / 1000}
    config = preset("ball-and-stick").model_copy(update=own)
    compiling.load(config.parameter_set(), "coreneuron")  # the one library of this process
    rng = np.random.default_rng(3)
    events_ms = [np.sort(rng.choice(MS - 1, count, replace=False)) for count in (*[25] * N, *[8] * N)]
    expected = {order: by_hand(events_ms, order == 2) for order in (1, 2)}
    found: dict[str, dict[int, float]] = {}
    for engine in ("coreneuron", "neuron", "batched"):
        way = Integration(engine=engine, precision="float64")
        neuron = DetailedNeuron(config.model_copy(update={"integration": way}))
        for order, expected_mv in expected.items():
            chosen = way.model_copy(update={"second_order": order == 2})
            (recording,) = neuron.respond_to_events([events_ms], MS, chosen)
            found.setdefault(engine, {})[order] = float(np.abs(recording.v_mv[0] - expected_mv).max())
        neuron.close()
    spikes = int(((expected[2][1:] > -10) & (expected[2][:-1] <= -10)).sum())
    print(json.dumps({"differences_mv": found, "spikes": spikes}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
