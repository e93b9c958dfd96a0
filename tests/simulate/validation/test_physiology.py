"""The cell on the published reconstruction against golden physiology.

Golden values: simulate/validation/published/golden.csv, from NEURON 8.2.7 running the published cell (Hay et al. 2011;
Shai et al. 2015) with the variable step, cell1.asc, celsius 6.3. Spikes are upward crossings of -10 mV at the soma;
times in ms, voltages in mV. `apical validate` compares with the same values, more loosely than the converged solution
can here.
"""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate.cell import biophysics, morphologies
from apical.simulate.cell.built import Cell
from apical.simulate.engine.interface import Integration
from apical.simulate.mechanisms import library
from apical.simulate.validation import protocols
from apical.simulate.validation.checks import STEPS_NA, Reference

CONVERGED = Integration(engine="neuron", dt_ms=None)
DEFAULT = Integration()


@pytest.fixture(scope="module", params=["hay2011", "shai2015"])
def cell(request, shared):
    library.load(biophysics.mechanism_groups())
    cell = Cell(morphologies.resolve(str(shared("data/hay2011/cell1.asc"))), biophysics.load(request.param))
    cell.reference = Reference("hay2011", request.param)
    yield cell
    cell.close()


def checked_responses(cell, integration, within_ms, within_mv, sites):
    """Every dendritic protocol's response, after its spikes and its peaks at `sites` were compared with the golden."""
    golden = cell.reference.golden
    for protocol, (currents, duration_ms) in protocols.protocols(cell).items():
        response = protocols.respond(cell, currents, duration_ms, integration)
        spikes_ms = response.spike_times_ms()
        golden_ms = golden(protocol, "spike times")
        assert len(spikes_ms) == len(golden_ms), protocol
        assert np.allclose(spikes_ms, golden_ms, rtol=0, atol=within_ms), protocol
        peaks_mv = {site: known[0] for site in sites if (known := golden(protocol, f"peak {site}"))}
        assert "620 um" in peaks_mv
        for site, peak_mv in peaks_mv.items():
            assert response.peak_mv(site) == pytest.approx(peak_mv, abs=within_mv), (protocol, site)
        yield protocol, response


def golden_steps(cell):
    """Amplitude (nA), number of spikes and latency of the first (ms) of each golden step."""
    for amplitude_na in STEPS_NA:
        name, golden = f"step {amplitude_na} nA", cell.reference.golden
        yield amplitude_na, *golden(name, "spikes"), *golden(name, "first latency")


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
        assert response.at_mv("soma", 290) == pytest.approx(*cell.reference.golden("bAP", "soma at 290 ms"), abs=0.5)
    above_ms = checked["Ca burst"].above_ms("620 um", -40)
    assert above_ms == pytest.approx(*cell.reference.golden("Ca burst", "620 um above -40 mV"), abs=0.5)


def test_default_engine_at_its_default_step(cell):
    assert len(dict(checked_responses(cell, DEFAULT, 1.0, 2.5, ("400 um", "620 um")))) == 4


def test_engines_agree_at_the_same_step(cell):
    currents, _ = protocols.protocols(cell)["BAC"]
    plain = Integration(engine="neuron")
    ours, theirs = (protocols.respond(cell, currents, 360.0, integration) for integration in (DEFAULT, plain))
    assert len(ours.spike_times_ms()) == 3
    for site in ours.v_mv:
        assert np.abs(ours.v_mv[site] - theirs.v_mv[site]).max() <= 1e-6, site


@pytest.mark.slow
def test_default_engine_on_step_currents(cell):
    for amplitude_na, count, latency_ms in golden_steps(cell):
        spikes_ms = protocols.step_current(cell, amplitude_na, DEFAULT).spike_times_ms()
        assert abs(len(spikes_ms) - count) <= 1, amplitude_na
        assert spikes_ms[0] - 700 == pytest.approx(latency_ms, abs=1.0), amplitude_na


@pytest.mark.slow
def test_variable_step_on_step_currents(cell):
    """At NEURON's own tolerance, as the golden values were measured."""
    integration = Integration(engine="neuron", dt_ms=None, tolerance=1e-3)
    for amplitude_na, count, latency_ms in golden_steps(cell):
        spikes_ms = protocols.step_current(cell, amplitude_na, integration).spike_times_ms()
        assert len(spikes_ms) == count, amplitude_na
        assert spikes_ms[0] - 700 == pytest.approx(latency_ms, abs=0.1), amplitude_na


@pytest.mark.slow
def test_second_order_converges_faster_than_first(cell):
    """Halving the step shrinks the error of the back-propagating spike's time by 2 (Euler) and by about 4 (CN)."""
    currents, _ = protocols.protocols(cell)["bAP"]

    def spike_ms(dt_ms, second_order):
        integration = Integration(dt_ms=dt_ms, second_order=second_order)
        return protocols.respond(cell, currents, 305.0, integration).spike_times_ms()[0]

    truth_ms = protocols.respond(cell, currents, 305.0, CONVERGED).spike_times_ms()[0]
    euler = [abs(spike_ms(dt_ms, False) - truth_ms) for dt_ms in (0.025, 0.0125)]
    crank_nicolson = [abs(spike_ms(dt_ms, True) - truth_ms) for dt_ms in (0.025, 0.0125)]
    assert 1.6 < euler[0] / euler[1] < 2.4
    assert crank_nicolson[0] / crank_nicolson[1] > 2.5 and crank_nicolson[0] < euler[0] / 3
