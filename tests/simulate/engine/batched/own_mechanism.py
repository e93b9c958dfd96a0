"""Run by test_exactness.py in a process of its own: mechanisms that only it knows, in plain NEURON and generated.

python own_mechanism.py FOLDER: FOLDER/mod is compiled; prints JSON, by order of accuracy the largest difference in mV,
the number of output spikes of either, and the largest voltage.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from against_neuron import compile_and_load

from apical.simulate.engine.batched import library, step, trials
from apical.simulate.engine.interface import Integration
from apical.simulate.engine.neuron import prepare

MECHANISMS = {
    # Calcium current by the Goldman-Hodgkin-Katz equation, in the style of many ModelDB files: current not linear in v,
    # a table, rates by a procedure, temperature, IF within a FUNCTION, a state of which the rate is given by ELSE IF
    "TestCa": """
        TITLE not a real channel: VERBATIM and POINTER stand in this comment only
        COMMENT
        WHILE (1) {}
        ENDCOMMENT
        UNITS { (mV) = (millivolt) (mA) = (milliamp) (molar) = (1/liter) (mM) = (millimolar)
            FARADAY = (faraday) (coulomb)
            R = (k-mole) (joule/degC)
        }
        NEURON { SUFFIX TestCa USEION ca READ cai, cao WRITE ica RANGE pbar, minf, mtau, hinf GLOBAL shift, tadj }
        PARAMETER { pbar = 2e-5 (cm/s) shift = 3 (mV) celsius (degC) q10 = 2.3 }
        ASSIGNED { v (mV) cai (mM) cao (mM) ica (mA/cm2) minf mtau (ms) hinf tadj }
        STATE { m h }
        BREAKPOINT {
            SOLVE states METHOD cnexp
            ica = pbar * m * m * h * ghk(v, cai, cao)
        }
        INITIAL { rates(v) m = minf h = hinf }
        DERIVATIVE states {
            rates(v)
            m' = (minf - m) / mtau
            h' = (hinf - h) / 30
        }
        PROCEDURE rates(v (mV)) {
            LOCAL a, b
            TABLE minf, mtau, hinf DEPEND shift, celsius FROM -150 TO 150 WITH 300
            tadj = q10 ^ ((celsius - 21) / 10)
            a = 0.05 * trap(v + 25 + shift, 5)
            b = 0.2 * exp(-(v + 50) / 20)
            minf = a / (a + b)
            mtau = (0.3 + 1 / (a + b)) / tadj
            if (v < -90) { hinf = 1 } else if (v < -30) { hinf = 1 / (1 + exp((v + 55) / 7)) } else { hinf = 0.02 }
        }
        FUNCTION trap(x, k) {
            if (fabs(x / k) < 1e-6) { trap = k * (1 + x / k / 2) } else { trap = x / (1 - exp(-x / k)) }
        }
        FUNCTION ghk(v (mV), ci (mM), co (mM)) (.001 coul/cm3) {
            LOCAL z, nu
            z = 1e-3 * 2 * FARADAY * v / (R * (celsius + 273.15))
            nu = exp(-z)
            if (fabs(z) < 1e-4) { ghk = 1e-3 * 2 * FARADAY * (ci - co * (1 - z / 2)) }
            else { ghk = 1e-3 * 2 * FARADAY * z * (ci - co * nu) / (1 - nu) }
        }
    """,
    "TestPool": """
        NEURON { SUFFIX TestPool USEION ca READ ica WRITE cai RANGE depth, tau, rest }
        UNITS { (mM) = (milli/liter) (mA) = (milliamp) F = (faraday) (coulomb) }
        PARAMETER { depth = 0.2 (um) tau = 40 (ms) rest = 1e-4 (mM) }
        ASSIGNED { ica (mA/cm2) drive }
        STATE { cai (mM) }
        INITIAL { cai = rest }
        BREAKPOINT { SOLVE pool METHOD cnexp }
        DERIVATIVE pool {
            drive = -1e4 * ica / (2 * F * depth)
            if (drive < 0) { drive = 0 }
            cai' = drive + (rest - cai) / tau
        }
    """,
    # Solved by a procedure, as old files do it; reads calcium and potassium
    "TestKCa": """
        NEURON { SUFFIX TestKCa USEION k READ ek WRITE ik USEION ca READ cai RANGE gbar }
        PARAMETER { gbar = 0.002 (S/cm2) dt (ms) power = 2 }
        ASSIGNED { v (mV) ek (mV) cai (mM) ik (mA/cm2) inf }
        STATE { n }
        INITIAL { n = open(cai) }
        BREAKPOINT { SOLVE advance ik = gbar * n * (v - ek) }
        PROCEDURE advance() { inf = open(cai) n = n + (1 - exp(-dt / 5)) * (inf - n) }
        FUNCTION open(c) { LOCAL x x = (c / 5e-4) ^ power open = x / (1 + x) }
    """,
    # A synapse of which the decay depends on the voltage, so its states have to wait for it
    "TestSyn": """
        NEURON { POINT_PROCESS TestSyn RANGE tau, e, i, g NONSPECIFIC_CURRENT i }
        UNITS { (nA) = (nanoamp) (mV) = (millivolt) (uS) = (microsiemens) }
        PARAMETER { tau = 4 (ms) e = 0 (mV) }
        ASSIGNED { v (mV) i (nA) }
        STATE { g (uS) }
        INITIAL { g = 0 }
        BREAKPOINT { SOLVE decay METHOD cnexp i = g * (v - e) / (1 + exp(-0.07 * v) / 3) }
        DERIVATIVE decay { g' = -g / (tau * (1 + 0.5 / (1 + exp(-(v + 40) / 10)))) }
        NET_RECEIVE(weight (uS)) { if (g < 0.02) { g = g + weight } else { g = g + weight / 2 } }
    """,
}
END_MS, DT_MS, V_INIT_MV = 1000.0, 0.025, -70.0


def cell():
    """Soma, an axon at its middle and a dendrite that branches: with built-in and the test's own mechanisms."""
    from neuron import h

    names = ("soma", "axon", "trunk", "left", "right")
    soma, axon, trunk, left, right = sections = [h.Section(name=name) for name in names]
    for section, length, diam, nseg in zip(
        sections, (20, 60, 200, 150, 90), (20, 1, 3, 1.5, 1), (1, 3, 5, 5, 3), strict=True
    ):
        section.L, section.diam, section.nseg = length, diam, nseg
        section.insert("pas")
        section.g_pas, section.e_pas, section.cm = 5e-5, -70, 1.0
    axon.connect(soma(0.5))
    trunk.connect(soma(1))
    left.connect(trunk(1))
    right.connect(trunk(1))
    soma.insert("hh")
    axon.insert("hh")
    for section in (trunk, left, right):
        for name in ("TestCa", "TestPool", "TestKCa"):
            section.insert(name)
        for segment in section:
            segment.TestCa.pbar = 1e-4 * (1 + segment.x)
    h.celsius = 20
    return SimpleNamespace(name="own", soma=soma, sections=lambda: sections)


def main(folder: Path) -> None:
    (folder / "mod").mkdir()
    for name, text in MECHANISMS.items():
        (folder / "mod" / f"{name}.mod").write_text(text)
    compile_and_load(folder / "mod", folder)
    from neuron import h

    built, rng = cell(), np.random.default_rng(1)
    sites = [built.sections()[i](x) for i, x in ((2, 0.3), (3, 0.5), (3, 0.5), (4, 0.9))]
    processes = [h.TestSyn(site) for site in sites] + [h.Exp2Syn(sites[1])]
    processes[-1].e, processes[-1].tau1, processes[-1].tau2 = -75, 0.5, 6
    connections = [h.NetCon(None, process) for process in processes]
    for connection, weight in zip(connections, (0.01, 0.006, 0.006, 0.004, 0.004), strict=True):
        connection.weight[0], connection.delay = weight, 1.0
    synapses = SimpleNamespace(processes=processes, connections=[[connection] for connection in connections])
    events_ms = [np.sort(rng.choice(1000, 60, replace=False)).astype(float) for _ in processes]
    clamps = [h.IClamp(built.soma(0.5)) for _ in range(4)]
    for clamp, start_ms in zip(clamps, (100, 300.3, 500, 701.2), strict=True):
        clamp.delay, clamp.dur, clamp.amp = start_ms, 5, 1.5
    known = {name: (f"{name}.mod", text) for name, text in MECHANISMS.items()}
    found = {}
    for second_order in (False, True):
        made = step.build(built, synapses, clamps, V_INIT_MV, DT_MS, second_order, single=False, nmodl_of=known)
        assert library.compiled(made.source.text).is_dir()
        probes = [built.soma(0.5), *sites]
        (ours,) = trials.run(made, [events_ms], probes, [], END_MS)
        prepare(Integration(engine="neuron", dt_ms=DT_MS, second_order=second_order))
        time_ms, v_mv = h.Vector().record(h._ref_t), [h.Vector().record(site._ref_v) for site in probes]
        h.finitialize(V_INIT_MV)
        for connection, times in zip(connections, events_ms, strict=True):
            for each in times:
                connection.event(each)
        h.ParallelContext().psolve(END_MS + DT_MS / 2)
        theirs_mv = np.array([np.array(v) for v in v_mv])
        assert np.array_equal(np.array(time_ms), ours.time_ms)
        spikes = [np.flatnonzero((v[0, 1:] > -10) & (v[0, :-1] <= -10)) for v in (ours.v_mv, theirs_mv)]
        found[f"order {1 + second_order}"] = {
            "difference_mv": float(np.abs(ours.v_mv - theirs_mv).max()),
            "spikes": [len(each) for each in spikes],
            "largest_shift_steps": int(np.abs(spikes[0] - spikes[1]).max(initial=0))
            if len(spikes[0]) == len(spikes[1])
            else -1,
            "largest_mv": float(theirs_mv.max()),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
