"""The cell on the published reconstruction against golden physiology.

Golden values: NEURON 8.2.7 running the published cell (Hay et al. 2011; Shai et al. 2015) with the variable step,
cell1.asc, celsius 6.3. Spikes are upward crossings of -10 mV at the soma; times in ms, voltages in mV.
"""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate import biophysics, cells, mechanism_library, validate
from apical.simulate.cell import Cell
from apical.simulate.engine.base import Integration

CONVERGED = Integration(engine="neuron", dt_ms=None)
DEFAULT = Integration()

SPIKES_MS = {
    "hay2011": {"bAP": [297.93], "Ca burst": [321.16], "BAC": [297.93, 307.63, 325.65], "EPSP": []},
    "shai2015": {
        "bAP": [298.55, 309.64],
        "Ca burst": [319.47, 326.67],
        "BAC": [298.55, 308.56, 319.44],
        "EPSP": [],
    },
}
PEAKS_MV = {
    "hay2011": {
        "bAP": {"soma": 40.1, "400 um": -25.9, "620 um": -37.0},
        "Ca burst": {"620 um": 7.5},
        "BAC": {"620 um": 6.4},
        "EPSP": {"soma": -75.1, "620 um": -59.6},
    },
    "shai2015": {
        "bAP": {"soma": 39.7, "400 um": -21.6, "620 um": 9.4},
        "Ca burst": {"620 um": 21.2},
        "BAC": {"620 um": 21.2},
        "EPSP": {"soma": -78.9, "620 um": -63.9},
    },
}
REST_MV = {"hay2011": -77.13, "shai2015": -81.02}  # soma at 290 ms
CA_BURST_ABOVE_MS = {"hay2011": 32.5, "shai2015": 35.1}  # 620 um above -40 mV
STEPS_NA = (0.619, 0.793, 1.507)
STEP_SPIKES = {"hay2011": (22, 27, 39), "shai2015": (20, 28, 45)}
STEP_LATENCY_MS = {"hay2011": (17.9, 11.8, 4.3), "shai2015": (23.0, 14.3, 5.1)}


@pytest.fixture(scope="module", params=["hay2011", "shai2015"])
def cell(request, shared):
    mechanism_library.load()
    cell = Cell(cells.resolve(str(shared("data/hay2011/cell1.asc"))), biophysics.load(request.param))
    cell.biophysics = request.param
    yield cell
    cell.close()


def checked_responses(cell, integration, within_ms, within_mv, sites):
    """Every dendritic protocol's response, after its spikes and its peaks at `sites` were compared with the golden."""
    name = cell.biophysics
    for protocol, (currents, duration_ms) in validate.protocols(cell).items():
        response = validate.respond(cell, currents, duration_ms, integration)
        spikes_ms = response.spike_times_ms()
        assert len(spikes_ms) == len(SPIKES_MS[name][protocol]), protocol
        assert np.allclose(spikes_ms, SPIKES_MS[name][protocol], rtol=0, atol=within_ms), protocol
        for site, peak_mv in PEAKS_MV[name][protocol].items():
            if site in sites:
                assert response.peak_mv(site) == pytest.approx(peak_mv, abs=within_mv), (protocol, site)
        yield protocol, response


def test_segments_and_their_order(cell):
    trees = [segment.tree for segment in cell.segments]
    assert trees == ["basal"] * 262 + ["apical"] * 377
    assert len(cell.basal) == 84 and len(cell.apical) == 109
    assert sum(section.L for section in cell.basal) == pytest.approx(5133.49, abs=0.01)
    assert sum(section.L for section in cell.apical) == pytest.approx(7440.91, abs=0.01)
    assert cell.longest_um == pytest.approx(1300.53, abs=0.01)
    assert (cell.soma.L, cell.soma.diam, cell.soma.nseg) == (
        pytest.approx(23.169, abs=1e-3),
        pytest.approx(13.472, abs=1e-3),
        1,
    )
    order = [(segment.tree == "apical", segment.section, segment.x) for segment in cell.segments]
    assert order == sorted(order)
    site = cell.at_apical_distance(620)
    assert site.sec == cell.apical[36] and site.diam == pytest.approx(2.83, abs=0.01)


def test_converged_variable_step(cell):
    checked = dict(checked_responses(cell, CONVERGED, 0.1, 0.5, ("soma", "400 um", "620 um")))
    assert len(checked) == 4
    for response in checked.values():
        assert response.at_mv("soma", 290) == pytest.approx(REST_MV[cell.biophysics], abs=0.5)
    above_ms = checked["Ca burst"].above_ms("620 um", -40)
    assert above_ms == pytest.approx(CA_BURST_ABOVE_MS[cell.biophysics], abs=0.5)


def test_default_engine_at_its_default_step(cell):
    assert len(dict(checked_responses(cell, DEFAULT, 1.0, 2.5, ("400 um", "620 um")))) == 4


def test_engines_agree_at_the_same_step(cell):
    currents, _ = validate.protocols(cell)["BAC"]
    plain = Integration(engine="neuron")
    ours, theirs = (validate.respond(cell, currents, 360.0, integration) for integration in (DEFAULT, plain))
    assert len(ours.spike_times_ms()) == 3
    for site in ours.v_mv:
        assert np.abs(ours.v_mv[site] - theirs.v_mv[site]).max() <= 1e-6, site


@pytest.mark.slow
def test_default_engine_on_step_currents(cell):
    name = cell.biophysics
    for amplitude_na, count, latency_ms in zip(STEPS_NA, STEP_SPIKES[name], STEP_LATENCY_MS[name], strict=True):
        spikes_ms = validate.step_current(cell, amplitude_na, DEFAULT).spike_times_ms()
        assert abs(len(spikes_ms) - count) <= 1, amplitude_na
        assert spikes_ms[0] - 700 == pytest.approx(latency_ms, abs=1.0), amplitude_na


@pytest.mark.slow
def test_variable_step_on_step_currents(cell):
    """At NEURON's own tolerance, as the golden values were measured."""
    name, integration = cell.biophysics, Integration(engine="neuron", dt_ms=None, tolerance=1e-3)
    for amplitude_na, count, latency_ms in zip(STEPS_NA, STEP_SPIKES[name], STEP_LATENCY_MS[name], strict=True):
        spikes_ms = validate.step_current(cell, amplitude_na, integration).spike_times_ms()
        assert len(spikes_ms) == count, amplitude_na
        assert spikes_ms[0] - 700 == pytest.approx(latency_ms, abs=0.1), amplitude_na


@pytest.mark.slow
def test_second_order_converges_faster_than_first(cell):
    """Halving the step shrinks the error of the back-propagating spike's time by 2 (Euler) and by about 4 (CN)."""
    currents, _ = validate.protocols(cell)["bAP"]

    def spike_ms(dt_ms, second_order):
        integration = Integration(dt_ms=dt_ms, second_order=second_order)
        return validate.respond(cell, currents, 305.0, integration).spike_times_ms()[0]

    truth_ms = validate.respond(cell, currents, 305.0, CONVERGED).spike_times_ms()[0]
    euler = [abs(spike_ms(dt_ms, False) - truth_ms) for dt_ms in (0.025, 0.0125)]
    crank_nicolson = [abs(spike_ms(dt_ms, True) - truth_ms) for dt_ms in (0.025, 0.0125)]
    assert 1.6 < euler[0] / euler[1] < 2.4
    assert crank_nicolson[0] / crank_nicolson[1] > 2.5 and crank_nicolson[0] < euler[0] / 3
