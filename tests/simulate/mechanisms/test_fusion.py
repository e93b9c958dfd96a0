"""A fused mechanism is its parts: the same voltages with either engine, step and order, and of any region's group."""

from __future__ import annotations

import re

import numpy as np
import pytest

from apical.simulate.cell import biophysics, morphologies, synapses
from apical.simulate.cell.built import Cell
from apical.simulate.engine.interface import Inputs, Integration, Pulse
from apical.simulate.engine.run import run
from apical.simulate.mechanisms import fusion, library, nmodl, translators

CA = """NEURON {{ SUFFIX {name} USEION ca READ eca WRITE ica RANGE gbar }}
PARAMETER {{ gbar = 0 (S/cm2) }}
ASSIGNED {{ v (mV) eca (mV) ica (mA/cm2) }}
BREAKPOINT {{
    ica = gbar * (v - eca)
}}
"""
WAYS = [
    Integration(engine=engine, second_order=second_order)
    for engine in ("coreneuron", "neuron")
    for second_order in (True, False, True)  # back again: CoreNEURON must not keep what the run before had
]


def texts() -> dict[str, str]:
    return {file.stem: file.read_text() for file in nmodl.sources()}


def respond(cell: Cell, way: Integration, fused: bool) -> np.ndarray:
    """Soma and apical voltages, (2, n): a spike and synaptic input that opens NMDA and calcium channels."""
    placed = synapses.place(cell, "AMPA_NMDA", "GABA_A", fused)
    n = len(cell.segments)
    events = [np.arange(5.0, 60.0, 2.0)] * n + [np.arange(12.0, 60.0, 9.0)] * n
    inputs = Inputs(placed, events, [Pulse(cell.soma(0.5), 20, 25, 1.0)])
    probes = [cell.soma(0.5), cell.apical[0](0.9)]
    return run(cell, inputs, probes, 60.0, -76.0, way).v_mv


@pytest.mark.parametrize("parameters", ["shai2015", "hay2011"])
def test_fused_or_not_the_voltages_are_the_same(swc, parameters):
    library.load(biophysics.mechanism_groups())
    traces = {}
    for fused in (False, True):
        cell = Cell(morphologies.resolve(str(swc())), biophysics.load(parameters), fused)
        assert hasattr(cell.soma(0.5), "Ca_HVA") != fused
        traces[fused] = [respond(cell, way, fused) for way in WAYS]
        cell.close()
    for single, together in zip(traces[False], traces[True], strict=True):
        assert single[0].max() > 0, "no spike, so nothing was tested"
        assert np.abs(single - together).max() < 1e-6
    first, second = traces[True][1], traces[True][0]
    assert np.abs(first - second).max() > 0.1, "first and second order in time differ"


def test_fused_mechanisms_hold_for_the_variable_step(swc):
    library.load(biophysics.mechanism_groups())
    peaks = []
    for fused in (False, True):
        cell = Cell(morphologies.resolve(str(swc())), biophysics.load("shai2015"), fused)
        inputs = Inputs(currents=[Pulse(cell.soma(0.5), 5, 10, 1.0)])
        way = Integration(engine="neuron", dt_ms=None, tolerance=1e-8)
        recording = run(cell, inputs, [cell.soma(0.5)], 20.0, -76.0, way)
        peaks.append((recording.v_mv[0].max(), recording.time_ms[recording.v_mv[0].argmax()]))
        cell.close()
    assert peaks[0][0] > 0
    assert peaks[1] == pytest.approx(peaks[0], abs=0.01)


@pytest.mark.parametrize("parameters", ["shai2015", "hay2011", "ball-and-stick"])
def test_every_region_of_the_shipped_sets_is_fused(parameters):
    for group in biophysics.load(parameters).groups().values():
        text = fusion.fuse(group, texts())
        assert f"SUFFIX {fusion.name_of(group)}" in text
        assert all(f"{name}_" in text for name in group)


def test_currents_are_summed_by_hand():
    """Two leaks of 1 and 3 uS/cm2 towards -70 and -50 mV: 4 uS/cm2 towards -55 mV."""
    leak = "NEURON {{ SUFFIX {0} NONSPECIFIC_CURRENT i RANGE g }}\nPARAMETER {{ g = {1} e = {2} }}\n"
    leak += "ASSIGNED {{ v (mV) i (mA/cm2) }}\nBREAKPOINT {{\n    i = g * (v - e)\n}}\n"
    text = fusion.fuse(["a", "b"], {"a": leak.format("a", 1, -70), "b": leak.format("b", 3, -50)})
    assert "conductance = a_conductance + b_conductance" in text
    assert "i = a_conductance * (v - a_e) + b_conductance * (v - b_e)" in text
    assert "a_g = 1" in text and "b_e = -50" in text
    assert "SOLVE" not in text and "STATE" not in text, "there is nothing to integrate"


@pytest.mark.parametrize("name", ["NaTs2_t", "CaDynamics_E2", "K_Pst", "SK_E2"])
def test_however_the_file_is_written_the_fused_one_is_the_same(name):
    """On few lines, with comments of each kind anywhere, and with its blocks in another order."""
    text, group = texts()[name], sorted({name, "CaDynamics_E2", "pas"})
    statements = re.sub(r":.*", "", text.split("\n", 1)[1])
    few_lines = re.sub(r"\n(?!\w)", " ", statements)
    commented = re.sub(r"^(\w+)", r"COMMENT\nA { or a : in it.\nENDCOMMENT\n\1", text, flags=re.M)
    commented = commented.replace("COMMENT\nA { or a : in it.\nENDCOMMENT\nTITLE", "TITLE")
    blocks = re.findall(r"^\w[^{}]*\{.*?^\}", statements, re.M | re.S)
    for written in (few_lines, commented, "\n".join([*blocks[:4], *blocks[:3:-1]])):
        assert written != text
        found, expected = (fusion.fuse(group, texts() | {name: each}) for each in (written, text))
        assert sorted(found.splitlines()) == sorted(expected.splitlines())


def test_a_conductance_calculated_before_its_current_is_fused():
    text = """NEURON {{ SUFFIX Two USEION k READ ek WRITE ik RANGE gbar, g }}
    PARAMETER {{ gbar = 0.1 (S/cm2) <0, 1e9> ek = -80 (mV) v (mV) celsius (degC) }}
    ASSIGNED {{ ik (mA/cm2) g (S/cm2) inf }}
    STATE {{ n }}
    INITIAL {{ rates(v) n = inf }}
    BREAKPOINT {{ SOLVE kinetics METHOD cnexp {} ik = g * (v - ek) }}
    DERIVATIVE kinetics {{ rates(v) n' = (inf - n) / 5 }}
    PROCEDURE rates(v (mV)) {{ inf = 1 / (1 + exp(-(v + 30) / celsius)) }}"""
    fused = fusion.fuse(["Two", "pas"], {"Two": text.format("g = gbar * n")})
    lines = [line.strip() for line in fused.splitlines()]
    for line in ("Two_g = Two_gbar*Two_n", "Two_conductance = Two_g", "Two_inf = 1/(1+exp(-(v+30)/celsius))"):
        assert line in lines
    assert "RANGE ek, Two_gbar, Two_g, pas_g, pas_e" in lines
    assert lines.count("celsius (degC)") == 1 and "v (mV)" in lines and "Two_v" not in fused
    for of_voltage in ("g = gbar * n * v", "rates(v) g = gbar * n", "IF (v > 0) { g = gbar } ELSE { g = 0 }"):
        with pytest.raises(fusion.CannotFuse, match="not one current"):
            fusion.fuse(["Two", "pas"], {"Two": text.format(of_voltage)})


def test_a_number_in_units_is_its_own_mechanisms():
    """Two mechanisms may have a q each; what a constant of nature is called is theirs together."""
    units = "UNITS {{ q = {q} (1)\n F = (faraday) (coulomb) }}\n"
    leak = "NEURON {{ SUFFIX {0} NONSPECIFIC_CURRENT i RANGE g }}\nPARAMETER {{ g = 1 e = 0 }}\n"
    leak += "ASSIGNED {{ v (mV) i (mA/cm2) }}\nBREAKPOINT {{\n    i = g * q * F * (v - e)\n}}\n"
    a, b = ((units.format(q=q) + leak.format(name)) for name, q in (("a", 2), ("b", 3)))
    text = fusion.fuse(["a", "b"], {"a": a, "b": b})
    assert "a_q = 2 (1)" in text and "b_q = 3 (1)" in text and text.count("F = (faraday) (coulomb)") == 1
    assert "a_conductance = a_g*a_q*F" in text
    with pytest.raises(fusion.CannotFuse, match="F in UNITS"):
        fusion.fuse(["a", "b"], {"a": a, "b": b.replace("(coulomb)", "(kilocoulomb)")})


@pytest.mark.parametrize(
    "group, said",
    [
        (["pas", "hh"], "no NMODL of hh"),
        (["pas", "Ca_HVA"], "calcium needs one mechanism that keeps its concentration"),
        (["pas", "Two"], "Two: BREAKPOINT is not one current"),
        (["pas", "Bent"], "Bent: BREAKPOINT is not one current"),
        (["pas", "Timed"], "Timed: uses NEURON's dt"),
        (["pas", "Summed"], "Summed: BREAKPOINT is not one current"),
        (["pas", "Own"], "Own: has VERBATIM"),
        (["pas", "Broken"], "Broken: the NMODL parser cannot read it"),
    ],
)
def test_what_cannot_be_fused_says_why(group, said):
    two = CA.format(name="Two").replace("ica = gbar * (v - eca)", "ica = gbar * (v - eca)\n    gbar = 2 * gbar")
    bent = CA.format(name="Bent").replace("gbar * (v", "gbar * exp(v / 10) * (v")
    timed = CA.format(name="Timed").replace("ASSIGNED { v", "ASSIGNED { dt (ms) v")
    summed = CA.format(name="Summed").replace("gbar * (v", "gbar + gbar * (v")
    own = CA.format(name="Own").replace("ica = ", "VERBATIM\n/* */\nENDVERBATIM\n    ica = ")
    made = {"Two": two, "Bent": bent, "Timed": timed, "Summed": summed, "Own": own, "Broken": "NEURON { SUFFIX"}
    with pytest.raises(fusion.CannotFuse, match=said):
        fusion.fuse(group, texts() | made)


def test_a_receptor_with_a_voltage_dependent_decay_is_not_stepped():
    text = texts()["Receptor"].replace("A' = -A / tau_r", "A' = -A * v")
    with pytest.raises(fusion.CannotFuse, match="more than decay"):
        fusion.step("Receptor", text)


POOL = """NEURON { SUFFIX Pool USEION ca READ ica WRITE cai RANGE depth, tau }
UNITS {
    (molar) = (1/liter)
    (mM) = (millimolar)
    (mA) = (milliamp)
    FARADAY = (faraday) (coulombs)
}
PARAMETER { depth = 0.1 tau = 80 (ms) }
ASSIGNED { ica (mA/cm2) }
STATE { cai (mM) }
BREAKPOINT { SOLVE states METHOD cnexp }
DERIVATIVE states { cai' = -500 * ica / (2 * FARADAY * depth) - (cai - 1e-4) / tau }
"""


@pytest.mark.parametrize("others", [("Ca_HVA",), ("Ca_HVA", "SK_E2", "pas")])
def test_units_that_need_others_are_translated(others):
    """(mM) out of (molar), which stands before it, beside another file's (mM)."""
    fused = fusion.fuse(("Pool", *others), texts() | {"Pool": POOL})
    assert translators._translated("nocmodl", fused)[0]
