"""A passive cable against its closed forms, in space and in time; order of accuracy in the step."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from apical.simulate.engine.batched import circuit, step, trials
from apical.simulate.validation.checks import slope

LENGTH_UM, DIAM_UM, RA_OHM_CM, G_S_PER_CM2, CM_UF_PER_CM2 = 1000.0, 2.0, 150.0, 1e-4, 1.0
REST_MV, CURRENT_NA, END_MS, SEGMENTS = -70.0, 0.05, 30.0, 201
TAU_MS = 1e-3 * CM_UF_PER_CM2 / G_S_PER_CM2
LAMBDA_UM = 1e4 * np.sqrt(DIAM_UM * 1e-4 / (4 * RA_OHM_CM * G_S_PER_CM2))
R_INF_MOHM = 1e-6 * 2 * np.sqrt(RA_OHM_CM / G_S_PER_CM2) / (np.pi * (DIAM_UM * 1e-4) ** 1.5)


@pytest.fixture
def cable():
    """A cable with sealed ends, and a current into its first segment from the start on."""
    from neuron import h

    section = h.Section(name="cable")
    section.L, section.diam, section.nseg, section.Ra, section.cm = (
        LENGTH_UM,
        DIAM_UM,
        SEGMENTS,
        RA_OHM_CM,
        CM_UF_PER_CM2,
    )
    section.insert("pas")
    section.g_pas, section.e_pas = G_S_PER_CM2, REST_MV
    clamp = h.IClamp(section(0.5 / SEGMENTS))
    clamp.delay, clamp.dur, clamp.amp = 0, 1e9, CURRENT_NA
    yield SimpleNamespace(
        name="cable",
        sections=lambda: [section],
        soma=lambda _: section(0.5 / SEGMENTS),
        section=section,
        clamps=[clamp],
    )
    h.delete_section(sec=section)


def run(cable, dt_ms: float, second_order: bool, real: str, sites):
    made = step.build(cable, None, cable.clamps, REST_MV, dt_ms, second_order, single=real == "float")
    (found,) = trials.run(made, [[]], sites, [], END_MS)
    return found


def closed_form_mv(x_um: float, t_ms: np.ndarray) -> np.ndarray:
    """Voltage above rest of a cable with sealed ends, a current stepping on at x = 0: the steady state less its modes.

    Source: Rall 1977, Handbook of Physiology, The Nervous System 1:39 (sealed end; separation of variables).
    """
    length, x = LENGTH_UM / LAMBDA_UM, x_um / LAMBDA_UM
    steady = np.cosh(length - x) / np.sinh(length)
    n = np.arange(1, 400)[:, None]
    rate = 1 + (n * np.pi / length) ** 2
    modes = (2 / length * np.cos(n * np.pi * x / length) / rate * np.exp(-rate * t_ms / TAU_MS)).sum(axis=0)
    return CURRENT_NA * R_INF_MOHM * (steady - np.exp(-t_ms / TAU_MS) / length - modes)


@pytest.mark.parametrize("real", ["float", "double"])
def test_a_current_step_along_the_cable(cable, real):
    """Within what 5 um of space leave: 0.5 % of the input's steady state."""
    sites = [cable.section(x) for x in (0.25, 0.5, 0.9)]
    found = run(cable, 0.025, True, real, sites)
    after = found.time_ms > 0.5
    largest_mv = closed_form_mv(0.0, np.array([1e3]))[0]
    for v_mv, site in zip(found.v_mv, sites, strict=True):
        expected = closed_form_mv(site.x * LENGTH_UM, found.time_ms[after])
        assert np.abs(v_mv[after] - REST_MV - expected).max() <= 0.005 * largest_mv


@pytest.mark.parametrize("second_order, order", [(False, 1), (True, 2)])
def test_order_of_accuracy(cable, second_order, order):
    """Against the same segments without a step: the matrix exponential of their circuit."""
    from scipy.linalg import eigh

    tree = circuit.read(cable.sections(), cable.soma(0.5))
    n = len(tree.g_us)
    g_us = np.diag(tree.axial_us + G_S_PER_CM2 * tree.area_um2 * 1e-2)
    for node, parent in enumerate(tree.parents):
        if node != parent:
            g_us[node, parent] = g_us[parent, node] = -tree.g_us[node]
    c_nf = CM_UF_PER_CM2 * tree.area_um2 * 1e-5
    rates, modes = eigh(g_us, np.diag(c_nf))
    steady_mv = np.linalg.solve(g_us, CURRENT_NA * (np.arange(n) == tree.node_of(cable.soma(0.5))))
    start = modes.T @ (c_nf * -steady_mv)
    site = cable.section(0.5)
    middle = tree.node_of(site)
    errors, steps_ms = [], (0.1, 0.05, 0.025)
    for dt_ms in steps_ms:
        found = run(cable, dt_ms, second_order, "double", [site])
        late = found.time_ms > 5
        decay = np.exp(-np.outer(found.time_ms[late], rates))
        exact_mv = REST_MV + steady_mv[middle] + decay @ (modes[middle] * start)
        errors.append(np.abs(found.v_mv[0][late] - exact_mv).max())
    assert slope(steps_ms, errors) == pytest.approx(order, abs=0.1)
