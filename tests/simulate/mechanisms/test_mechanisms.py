"""The shipped NMODL against the published equations, evaluated here from the tables of rates in plain NumPy."""

from __future__ import annotations

import re

import numpy as np
import pytest

from apical.simulate.cell import biophysics
from apical.simulate.mechanisms import library
from apical.simulate.mechanisms.nmodl import sources

QT = 2.3 ** ((34 - 21) / 10)
V_MV = np.array(
    [-120.0, -90.0, -66.0, -60.0, -47.3, -38.0, -32.0, -27.0, -17.0, 0.0, 25.0, 60.0]
)  # singular points too


def linoid(x, k):
    """x / (1 - exp(-x / k)), with its limit k at 0."""
    with np.errstate(invalid="ignore"):
        return np.where(x == 0, k, x / -np.expm1(-x / k))


def ab(alpha, beta, q=1.0):
    return alpha / (alpha + beta), 1 / ((alpha + beta) * q)


def na(v, half_m, half_h):
    m = ab(0.182 * linoid(v - half_m, 6), 0.124 * linoid(half_m - v, 6), QT)
    h = ab(0.015 * linoid(half_h - v, 6), 0.015 * linoid(v - half_h, 6), QT)
    return {"m": m, "h": h}


def nap(v):
    a, b = 0.182 * linoid(v + 38, 6), 0.124 * linoid(-(v + 38), 6)
    ah, bh = 2.88e-6 * linoid(-(v + 17), 4.63), 6.94e-6 * linoid(v + 64.4, 2.63)
    return {
        "m": (1 / (1 + np.exp(-(v + 52.6) / 4.6)), 6 / ((a + b) * QT)),
        "h": (1 / (1 + np.exp((v + 48.8) / 10)), 1 / ((ah + bh) * QT)),
    }


def k_tst(v):
    u = v + 10
    return {
        "m": (1 / (1 + np.exp(-u / 19)), (0.34 + 0.92 * np.exp(-(((u + 71) / 59) ** 2))) / QT),
        "h": (1 / (1 + np.exp((u + 66) / 10)), (8 + 49 * np.exp(-(((u + 73) / 23) ** 2))) / QT),
    }


def k_pst(v):
    u = v + 10
    m_tau = np.where(u < -50, 1.25 + 175.03 * np.exp(0.026 * u), 1.25 + 13 * np.exp(-0.026 * u)) / QT
    h_tau = (360 + (1010 + 24 * (u + 55)) * np.exp(-(((u + 75) / 48) ** 2))) / QT
    return {"m": (1 / (1 + np.exp(-(u + 1) / 12)), m_tau), "h": (1 / (1 + np.exp((u + 54) / 11)), h_tau)}


def ca_hva(v):
    m = ab(0.055 * linoid(v + 27, 3.8), 0.94 * np.exp((-75 - v) / 17))
    return {"m": m, "h": ab(0.000457 * np.exp((-13 - v) / 50), 0.0065 / (np.exp((-v - 15) / 28) + 1))}


def ca_lva(v):
    u = v + 10
    return {
        "m": (1 / (1 + np.exp(-(u + 30) / 6)), (5 + 20 / (1 + np.exp((u + 25) / 5))) / QT),
        "h": (1 / (1 + np.exp((u + 80) / 6.4)), (20 + 50 / (1 + np.exp((u + 40) / 7))) / QT),
    }


GATES = {
    "NaTa_t": lambda v: na(v, -38, -66),
    "NaTs2_t": lambda v: na(v, -32, -60),
    "Nap_Et2": nap,
    "K_Tst": k_tst,
    "K_Pst": k_pst,
    "SKv3_1": lambda v: {"m": (1 / (1 + np.exp(-(v - 18.7) / 9.7)), 4 / (1 + np.exp(-(v + 46.56) / 44.14)))},
    "Im": lambda v: {"m": ab(0.0033 * np.exp(0.1 * (v + 35)), 0.0033 * np.exp(-0.1 * (v + 35)), QT)},
    "Ih": lambda v: {"m": ab(0.00643 * linoid(-(v + 154.9), 11.9), 0.193 * np.exp(v / 33.1))},
    "Ca_HVA": ca_hva,
    "Ca_LVAst": ca_lva,
}
POWERS = {"NaTa_t": (3, 1), "NaTs2_t": (3, 1), "Nap_Et2": (3, 1), "K_Tst": (4, 1), "K_Pst": (2, 1), "Ca_HVA": (2, 1)}
POWERS |= {"Ca_LVAst": (2, 1), "SKv3_1": (1, 0), "Im": (1, 0), "Ih": (1, 0)}
REVERSAL_MV = {"na": 50.0, "k": -85.0, "": -45.0}
ION = {"NaTa_t": "na", "NaTs2_t": "na", "Nap_Et2": "na", "Ca_HVA": "ca", "Ca_LVAst": "ca", "Ih": ""}


@pytest.fixture(scope="module")
def h():
    library.load(biophysics.mechanism_groups())
    from neuron import h

    return h


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("v_mv", V_MV)
def test_gates_start_at_and_relax_to_their_published_values(h, name, v_mv):
    """The initial state is the steady state; after a jump of the voltage each gate decays to the new one with tau."""
    section = h.Section(name="patch")
    section.L = section.diam = 10
    section.insert(name)
    mechanism = getattr(section(0.5), name)
    h.celsius, h.dt, h.secondorder = 6.3, 0.025, 0
    h.CVode().active(False)
    v_start = -70.3
    h.finitialize(v_start)
    for gate, (steady, _) in GATES[name](np.array([v_start])).items():
        assert getattr(mechanism, gate) == pytest.approx(float(steady[0]), rel=1e-9)
    clamp = h.SEClamp(section(0.5))
    clamp.dur1, clamp.amp1, clamp.rs = 1e9, v_mv, 1e-6
    h.finitialize(v_mv)
    for gate, (steady, _) in GATES[name](np.array([v_mv])).items():
        assert getattr(mechanism, gate) == pytest.approx(float(steady[0]), rel=1e-9)
        setattr(mechanism, gate, 0.4)
    for _ in range(40):
        h.fadvance()
    for gate, (steady, tau) in GATES[name](np.array([section(0.5).v])).items():
        expected = steady[0] + (0.4 - steady[0]) * np.exp(-1.0 / tau[0])
        assert getattr(mechanism, gate) == pytest.approx(float(expected), rel=1e-8), gate


@pytest.mark.parametrize("name", POWERS)
def test_current_is_conductance_times_driving_force(h, name):
    ion, v_mv = ION.get(name, "k"), -30.0
    section = h.Section(name="patch")
    section.insert(name)
    mechanism = getattr(section(0.5), name)
    mechanism.gbar = 2e-3
    if ion in ("na", "k"):
        setattr(section, f"e{ion}", REVERSAL_MV[ion])
    h.finitialize(v_mv)
    reversal_mv = section(0.5).eca if ion == "ca" else REVERSAL_MV[ion]
    m_power, h_power = POWERS[name]
    open_fraction = mechanism.m**m_power * (mechanism.h if h_power else 1)
    assert getattr(mechanism, f"i{ion}") == pytest.approx(2e-3 * open_fraction * (v_mv - reversal_mv), rel=1e-9)


def test_sk_follows_calcium(h):
    section = h.Section(name="patch")
    section.insert("SK_E2")
    section.insert("CaDynamics_E2")
    for cai_mm in (5e-5, 4.3e-4, 2e-3):
        h.finitialize(-70.0)
        section(0.5).cai = cai_mm
        assert section(0.5).SK_E2.z == pytest.approx(1 / (1 + (0.00043 / 5e-5) ** 4.8), rel=1e-6)
        h.dt = 0.025
        for _ in range(1200):
            section(0.5).cai = cai_mm
            h.fadvance()
        assert section(0.5).SK_E2.z == pytest.approx(1 / (1 + (0.00043 / cai_mm) ** 4.8), rel=2e-2)


def test_calcium_decays_to_its_rest(h):
    """Without a calcium current, cai' = -(cai - minCai) / decay."""
    section = h.Section(name="patch")
    section.insert("CaDynamics_E2")
    section(0.5).CaDynamics_E2.decay = 20.0
    h.dt = 0.025
    h.finitialize(-70.0)
    section(0.5).cai = 1e-3
    for _ in range(400):
        h.fadvance()
    assert section(0.5).cai == pytest.approx(1e-4 + 9e-4 * np.exp(-10 / 20), rel=1e-6)


@pytest.mark.parametrize("receptor", ["AMPA", "AMPA_NMDA", "GABA_A", "GABA_B", "GABA_AB"])
def test_one_event_gives_the_published_conductance(h, receptor):
    """Two exponentials that peak at gmax, and for NMDA the magnesium block, at a clamped voltage."""
    from apical.simulate.cell.receptors import SHIPPED, names

    v_mv, t_ms = -40.0, 12.0
    section = h.Section(name="patch")
    section.L = section.diam = 10
    clamp = h.SEClamp(section(0.5))
    clamp.dur1, clamp.amp1, clamp.rs = 1e9, v_mv, 1e-9

    def conductance(rise, decay, gmax):
        tp = rise * decay / (decay - rise) * np.log(decay / rise)
        peak = np.exp(-tp / decay) - np.exp(-tp / rise)
        return gmax * (np.exp(-t_ms / decay) - np.exp(-t_ms / rise)) / peak

    ampa = conductance(0.3, 3, 4e-4) * v_mv
    nmda = conductance(2, 70, 4e-4) / (1 + np.exp(-0.08 * v_mv) / 3.57) * v_mv
    gaba_a, gaba_b = conductance(0.2, 8, 1e-3) * (v_mv + 80), conductance(3.5, 260.9, 1e-3) * (v_mv + 97)
    both = {"AMPA_NMDA": ampa + nmda, "GABA_AB": gaba_a + gaba_b}
    expected = ({"AMPA": ampa, "GABA_A": gaba_a, "GABA_B": gaba_b} | both)[receptor]

    processes = []
    h.CVode().active(False)
    h.dt, h.secondorder = 0.001, 0
    for each in (SHIPPED[name] for name in names(receptor)):
        process = getattr(h, each.process)(section(0.5))
        for name, value in each.parameters.items():
            setattr(process, name, value)
        connection = h.NetCon(None, process)
        connection.weight[0], connection.delay = 1.0, 1.0
        processes.append((process, connection))
    h.finitialize(v_mv)
    for _, connection in processes:
        connection.event(1.0)
    h.ParallelContext().set_maxstep(10)
    h.ParallelContext().psolve(1.0 + t_ms)
    assert sum(process.i for process, _ in processes) == pytest.approx(expected, rel=1e-3)


def test_all_mechanisms_are_there_and_none_uses_verbatim():
    names = {path.stem for path in sources()}
    channels = {*GATES, "SK_E2", "CaDynamics_E2"}
    assert len(channels) == 12 and channels <= names
    for path in sources():
        text = path.read_text()
        assert "THREADSAFE" in text and "VERBATIM" not in text, path.name


def test_no_default_has_more_digits_than_neuron_keeps():
    """NEURON keeps six digits of a PARAMETER's default, CoreNEURON of a CONSTANT too: more belong in UNITS."""
    for path in sources():
        for block in re.findall(r"\b(?:PARAMETER|CONSTANT)\s*\{([^}]*)\}", path.read_text()):
            for number in re.findall(r"=\s*([-+.\deE]+)", block):
                assert float(number) == float(f"{float(number):g}"), (path.name, number)
