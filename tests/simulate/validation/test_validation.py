"""The validation itself is right: closed forms on passive cells, theory of the integration, cells that must fail."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from apical.simulate.cell import biophysics, morphologies
from apical.simulate.cell.biophysics import Biophysics
from apical.simulate.cell.built import Cell
from apical.simulate.engine.interface import Integration, Unstable
from apical.simulate.mechanisms import library
from apical.simulate.schema import InputError
from apical.simulate.validation import features, numerics, physiology, protocols, replay, subthreshold
from apical.simulate.validation.checks import Reference, check, outcome, slope, verdicts
from apical.simulate.validation.protocols import Response
from apical.simulate.validation.specimen import Specimen
from apical.simulate.validation.validate import validate

G_S_PER_CM2, CM_UF_PER_CM2, E_MV = 2e-4, 1.5, -70.0


@pytest.fixture
def passive(swc):
    """A function that makes a passive specimen of that axial resistance."""
    made = []

    def make(ra_ohm_cm: float) -> Specimen:
        library.load(biophysics.mechanism_groups())
        leak = {"Ra": ra_ohm_cm, "cm": CM_UF_PER_CM2, "pas": {"g": G_S_PER_CM2, "e": E_MV}}
        parameters = Biophysics(name="passive", source="test", all=leak, soma={}, axon={}, basal={}, apical={})
        cell = Cell(morphologies.resolve(str(swc())), parameters)
        made.append(cell)
        return Specimen(cell, Integration(), Reference("mine", "passive"))

    yield make
    for cell in made:
        cell.close()


def value(found, name):
    return next(each.measured for each in found.checks if each.name == name)


@pytest.mark.parametrize(
    "measured, expected, tolerance, passed",
    [
        (1.0, 1.0, 0.0, True),
        (1.4, 1.0, 0.5, True),
        (1.6, 1.0, 0.5, False),
        (math.nan, 1.0, 0.5, False),
        ([1.0, 2.0], [1.1, 2.1], 0.2, True),
        ([1.0], [1.0, 2.0], 10.0, False),
        ([], [], 1.0, True),
        ([1.0], [], 1.0, False),
        (1.0, None, 0.0, None),
    ],
)
def test_a_check(measured, expected, tolerance, passed):
    assert check("group", "name", "mV", measured, expected, tolerance).passed is passed


def test_a_line_of_a_check():
    assert str(check("bAP", "peak", "mV", -60.25, -37.0, 2.5)) == "bAP, peak: -60.25 mV, expected -37 ± 2.5 mV"
    missed = check("bAP", "spike times", "ms", [298.9], [298.55, 309.64], 1.0)
    assert str(missed) == "bAP, spike times: 298.9 ms, expected 298.6, 309.6 ± 1 ms"
    assert str(check("step", "latency", "ms", math.nan, 17.9, 1.0)) == "step, latency: none ms, expected 17.9 ± 1 ms"


def test_slope():
    x = [0.1, 0.2, 0.4]
    assert slope(x, [3 * each**2 for each in x]) == pytest.approx(2)
    assert math.isnan(slope(x, [0.0, 1.0, 2.0]))


def test_an_isopotential_cell_has_the_resistance_and_time_constant_of_its_membrane(passive):
    """R = 1 / (g A) and tau = C / g, where the axial resistance vanishes."""
    specimen = passive(0.01)
    area_cm2 = sum(segment.area() for section in specimen.cell.sections() for segment in section) * 1e-8
    found = subthreshold.rest(specimen)
    assert value(found, "input resistance") == pytest.approx(1e-6 / (G_S_PER_CM2 * area_cm2), rel=1e-3)
    assert value(found, "membrane time constant") == pytest.approx(
        CM_UF_PER_CM2 * 1e-3 / G_S_PER_CM2, rel=0.05
    )  # eFEL fits the first 10 ms
    assert value(found, "resting potential") == pytest.approx(E_MV, abs=1e-3)
    assert value(found, "sag at -0.4 nA") == pytest.approx(0, abs=1e-3)
    assert all(each.passed is not False for each in found.checks)


def test_a_linear_cable_is_reciprocal_and_attenuates(passive):
    found = subthreshold.attenuation(passive(300.0))
    assert value(found, "there / back") == pytest.approx(1, abs=1e-3)
    of = found.curves["attenuation"]
    assert of["distance_um"] == [50.0, 100.0, 200.0, 300.0, 400.0]
    ratios = np.divide(of["local_mv"], of["soma_mv"])
    assert (np.diff(ratios) > 0).all() and ratios[0] > 1


def test_order_of_accuracy_on_a_passive_cable(passive, monkeypatch):
    specimen = passive(150.0)
    monkeypatch.setattr(protocols, "PULSE_NA", 0.01)
    found = numerics.convergence(specimen)
    assert value(found, "Euler, EPSP") == pytest.approx(1, abs=0.02)
    assert value(found, "Crank-Nicolson, EPSP") == pytest.approx(2, abs=0.02)
    assert [each.passed for each in found.checks] == [True, True]
    assert found.remarks == [
        f"order of accuracy of {name}, spike time, left out: the pulse makes no spike" for name in numerics.ORDERS
    ]
    monkeypatch.setitem(numerics.ORDERS, "Crank-Nicolson", (False, 2))  # Euler, taken for second order
    assert [each.passed for each in numerics.convergence(specimen).checks] == [True, False]


def test_engines_at_another_step_disagree(passive, monkeypatch):
    specimen = passive(150.0)
    assert [each.passed for each in numerics.engines(specimen).checks] == [True]
    run = specimen.run

    def coarser(currents, duration_ms, integration):
        dt_ms = 0.05 if integration.engine == "neuron" else 0.025
        response = run(currents, duration_ms, integration.model_copy(update={"dt_ms": dt_ms}))
        kept = {site: v_mv[: 360 * 20] for site, v_mv in response.v_mv.items()}
        return type(response)(response.time_ms, kept)

    monkeypatch.setattr(specimen, "run", coarser)
    assert [each.passed for each in numerics.engines(specimen).checks] == [False]


def test_short_dendrites_leave_out_what_needs_long_ones(passive):
    found = physiology.dendrites(passive(150.0))
    assert found.checks == []
    assert found.remarks == ["dendritic protocols left out: cell mine: no apical dendrite at 620 um from the soma"]


def test_voltages_that_are_no_numbers_are_noticed(passive):
    specimen = passive(150.0)
    specimen.watch(np.array([-70.0, np.nan]))
    specimen.watch(np.array([-70.0]))
    assert specimen.largest_mv == math.inf


def test_a_pickle_of_another_cell_is_refused(passive, shared):
    file = shared("data/neuronio/nmda_4_trials.p")
    with pytest.raises(InputError, match=r"nmda_4_trials.p: has 639 segments, the cell \d+: replay it on"):
        replay.published(passive(150.0), file)


def test_golden_values_are_those_of_the_published_cell():
    """A few of each kind, as they were measured with NEURON 8.2.7."""
    shai, hay = Reference("hay2011", "shai2015"), Reference("hay2011", "hay2011")
    assert shai.golden("BAC", "spike times") == (298.55, 308.56, 319.44)
    assert hay.golden("bAP", "peak 620 um") == (-37.0,)
    assert hay.golden("EPSP", "spike times") == ()
    assert hay.golden("f-I", "spikes at 0.6 nA") is None
    assert Reference("ttpc1", "shai2015").golden("f-I", "spikes at 1.0 nA") == (11.0,)
    assert Reference("mine", "shai2015").known() == []


def test_steps_are_those_of_the_published_model():
    """`current_amps.dat` of the model in the MEArec wheel; Hay et al. 2011 for every other cell."""
    own = Reference("ttpc1", "bbp2015")
    assert (own.holding_na, own.steps_na) == (-0.247559, (0.55425, 0.6004375, 0.646625))
    assert own.golden("step 0.554 nA", "spikes") == (11.0,) and own.golden("BAC", "spike times") == (297.85,)
    other = Reference("ttpc1", "shai2015")
    assert (other.holding_na, other.steps_na) == (0.0, (0.619, 0.793, 1.507))


def test_each_protocol_has_a_verdict():
    """What nothing was judged of is measured, never passed."""
    hay = Reference("hay2011", "hay2011")
    right, wrong, alone = check("a", "x", "mV", 1.0, 1.0), check("a", "y", "mV", 1.0, 2.0), check("c", "x", "mV", 1.0)
    beside = hay.beside("BAC", "peak 620 um", "mV", -58.9)  # experiments: 6.73 +- 2.54, Hay et al. 2011, Table 1
    found = verdicts([right, beside, alone, wrong])
    assert {each.group: str(each) for each in found} == {"a": "failed 1 of 2", "BAC": "measured", "c": "measured"}
    assert found[1].beyond == ["peak 620 um"] and found[2].beyond == []
    assert [each.result for each in (right, wrong, alone)] == ["pass", "FAIL", "measured"]
    assert beside.result == "measured, beyond 2 SD of experiments"
    assert hay.beside("BAC", "peak 620 um", "mV", 9.0).result == "measured, within 2 SD of experiments"
    assert outcome(found) == "1 of 2 judged checks passed; only measured: BAC, c"
    assert outcome(verdicts([right])) == "1 of 1 judged checks passed"


def response(time_ms, v_mv) -> Response:
    return Response(np.asarray(time_ms, float), {"soma": np.asarray(v_mv, float)})


def test_a_spike_at_an_edge_of_the_step_is_counted_by_both_sides():
    """One crosses -10 mV before the step and peaks within, one crosses within and peaks after."""
    time_ms = np.arange(0, 1000, 0.025)
    v_mv = np.full(time_ms.size, -70.0)
    for peak_ms in (500.0, 700.2, 900.2):
        v_mv += 110 * np.exp(-(((time_ms - peak_ms) / 0.5) ** 2))
    found = response(time_ms, v_mv)
    assert found.spike_peaks_ms() == pytest.approx([500.0, 700.2, 900.2], abs=0.026)
    crossed_ms = found.spike_times_ms()
    assert crossed_ms[1] < 700 and crossed_ms[2] < 900
    within = features.extract(found, ["spike_count_stimint"], (700.0, 900.0), 1.0)["spike_count_stimint"]
    assert within == 1 == np.count_nonzero((crossed_ms >= 700) & (crossed_ms < 900))  # and not the same one
    step = physiology._efel_counts_the_same("step", found, 1.0)
    assert step.passed and step.measured == step.expected == 3


def test_a_slow_ahp_is_told_where_there_is_a_trough():
    """eFEL looks from 5 ms after a peak on; of a cell that fires each 4 ms it gives the next spike's height."""
    time_ms = np.arange(0, 1000, 0.025)
    for interval_ms, told in ((50.0, True), (4.0, False)):
        v_mv = -70 + 110 * np.exp(-((((time_ms - 300) % interval_ms - 2) / 0.4) ** 2)) * (time_ms > 300)
        found = features.extract(response(time_ms, v_mv), ["AHP_depth_abs_slow"], (300.0, 900.0), 1.0)
        assert math.isnan(found["AHP_depth_abs_slow"]) is not told
    assert found.keys() == {"AHP_depth_abs_slow"}


@pytest.mark.slow
@pytest.mark.parametrize("parameters", ["shai2015", "hay2011"])
def test_the_published_cell_passes(shared, parameters):
    found = validate(str(shared("data/hay2011/cell1.asc")), parameters)
    assert [str(each) for each in found.failed] == []
    compared = {(each.group, each.name) for each in found.checks if each.basis == "golden"}
    assert compared == set(Reference("hay2011", parameters).known())  # none was left out
    assert all(each.startswith("beyond 2 SD of experiments") for each in found.remarks)
    spikes = next(each for each in found.checks if (each.group, each.name) == ("replay", "spikes"))
    assert spikes.measured == spikes.expected > 5
    pickle.dumps(found)


@pytest.mark.slow
def test_published_trials_are_replayed(shared):
    file = shared("data/neuronio/nmda_dendrites_1_trial.p")
    found = validate(str(shared("data/hay2011/cell1.asc")), only=["engines"], neuronio=file)
    replayed = [each for each in found.checks if each.group == "nmda_dendrites_1_trial.p 0"]
    assert [each.name for each in replayed] == ["spikes", "median |dV|", "RMSE below -55 mV"]
    assert replayed[0].measured == 2 and found.failed == []


def test_first_order_at_a_coarse_step_fails(shared):
    """It looks fine on replays, and has lost the back-propagating spike."""
    library.load(biophysics.mechanism_groups())
    cell = Cell(morphologies.resolve(str(shared("data/hay2011/cell1.asc"))), biophysics.load("shai2015"))
    coarse = Integration(dt_ms=0.05, second_order=False)
    found = physiology.dendrites(Specimen(cell, coarse, Reference("hay2011", "shai2015")))
    cell.close()
    failed = {(each.group, each.name) for each in found.checks if each.passed is False}
    assert {("bAP", "spike times"), ("bAP", "peak 400 um"), ("bAP", "peak 620 um")} <= failed
    assert ("bAP", "soma at 290 ms") not in failed


def test_a_voltage_that_runs_away_is_told_in_a_line(swc, monkeypatch):
    """What the worker sends has to be read by the process that waits for it."""
    import importlib
    from multiprocessing import Pipe

    module = importlib.import_module("apical.simulate.validation.validate")

    def runs_away(task, report):
        raise Unstable(3.5)

    monkeypatch.setattr(module, "_findings", runs_away)
    here, there = Pipe()
    task = module._Task(morphologies.resolve(str(swc())), biophysics.load("hay2011"), Integration(), True, (), None)
    module._work(task, there)
    told = here.recv()
    assert isinstance(told, InputError)
    assert "with parameter set 'hay2011': the voltage ran away at 3.500 ms; take a smaller step" in str(told)
