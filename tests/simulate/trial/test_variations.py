"""Each variation of a configuration has the effect on the cell that its name promises."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate import config, presets, schema
from apical.simulate.cell.synapses import Domain
from apical.simulate.engine.interface import Inputs, Integration, Pulse
from apical.simulate.engine.run import run
from apical.simulate.schema import InputError
from apical.simulate.trial.experiment import Experiment

N = 26  # segments of the small cell: 5 basal, 21 apical
BASAL, APICAL = 2, 15  # a segment of each tree
SPIKE_MS = 50


@pytest.fixture
def build(swc):
    """A function that builds the small cell's experiment with some fields replaced, and closes the one before."""
    built = []

    def make(start="nmda", **fields) -> Experiment:
        while built:
            built.pop().close()  # CoreNEURON takes one cell per process
        quiet = {} if start == "ball-and-stick" else {"biophysics": "shai2015"}  # which rests far below threshold
        made = presets.preset(start).model_dump() | {"morphology": str(swc()), "seconds": 0.25} | quiet | fields
        built.append(Experiment(config.Simulation.model_validate(made)))
        return built[-1]

    yield make
    for each in built:
        each.close()


def spikes(*synapses, n=2 * N, ms=250) -> np.ndarray:
    """One spike at 50 ms in each of these synapses."""
    made = np.zeros((n, ms), bool)
    made[list(synapses), SPIKE_MS] = True
    return made


def deflection_mv(experiment: Experiment, *synapses) -> np.ndarray:
    """What spikes in these synapses change at the soma, by ms from the spike."""
    n = len(experiment.neuron.coordinates()["synapse_sign"])
    with_spike, without = (experiment.replay(spikes(*which, n=n)) for which in (synapses, ()))
    return (with_spike.sampled_mv(1) - without.sampled_mv(1))[SPIKE_MS:]


def test_ampa_only_is_over_sooner(build):
    """AMPA decays with 3 ms, NMDA with 70 ms: what NMDA adds is there when AMPA's part is spent."""
    ampa, both = (deflection_mv(build(excitatory=name), *range(5, 25)) for name in ("AMPA", "AMPA_NMDA"))
    added = both - ampa
    assert added.max() > 0.5 and added.argmax() > ampa.argmax()
    assert added[50] > 0.5 * added.max() and abs(ampa[50]) < 0.1 * ampa.max()


@pytest.mark.parametrize("domain", [{"tree": "apical"}, {"from_um": 150.0}])
def test_without_nmda_in_a_domain(build, domain):
    """There, a synapse acts as in a cell with AMPA only, elsewhere as in one with both."""
    ampa_mv = deflection_mv(build(excitatory="AMPA"), APICAL)
    both = build()
    both_inside_mv, both_outside_mv = deflection_mv(both, APICAL), deflection_mv(both, BASAL)
    mixed = build(without_nmda=domain)
    inside_mv = deflection_mv(mixed, APICAL)
    assert np.allclose(inside_mv, ampa_mv, atol=1e-5)
    assert np.allclose(deflection_mv(mixed, BASAL), both_outside_mv, atol=1e-5)
    assert np.abs(inside_mv - both_inside_mv).max() > 0.01
    distance_um = mixed.neuron.coordinates()["segment_distance_um"]
    far = distance_um >= 150 if "from_um" in domain else mixed.tree == "apical"
    receptor = mixed.neuron.coordinates()["synapse_receptor"]
    assert (receptor[:N] == np.where(far, "AMPA", "AMPA_NMDA")).all() and (receptor[N:] == "GABA_A").all()


def test_a_domain_ends_where_it_says():
    assert Domain(from_um=100, to_um=200).model_dump() == {"tree": None, "from_um": 100, "to_um": 200}
    with pytest.raises(ValueError, match="to_um: expected more than from_um, 100, got 50"):
        Domain(from_um=100, to_um=50)


def test_gaba_b_outlasts_gaba_a(build):
    """GABA_A decays with 8 ms, GABA_B with 261 ms, towards -97 mV; together they add at first."""
    fast, slow, both = (deflection_mv(build(inhibitory=name), N + BASAL) for name in ("GABA_A", "GABA_B", "GABA_AB"))
    assert abs(fast[150]) < 0.2 * abs(slow[150]) and slow[150] < 0
    assert both[150] == pytest.approx(slow[150], rel=0.1)
    assert fast.min() < 0


def test_gaba_b_of_another_size(build):
    """A small conductance acts in proportion to its factor, and leaves GABA_A alone."""
    fast = deflection_mv(build(), N + BASAL)
    tenth, fifth = (
        deflection_mv(build(inhibitory="GABA_AB", gaba_b_factor=factor), N + BASAL) - fast for factor in (0.1, 0.2)
    )
    assert fifth.min() < -0.02
    assert fifth[20:] == pytest.approx(2 * tenth[20:], rel=0.1)


def test_passive_dendrites_carry_no_spike(build):
    """A somatic spike fades on its way up without the apical tree's sodium, and no Ih holds the dendrite up at rest."""
    peaks_mv, rest_mv = {}, {}
    for passive in (False, True):
        cell = build(passive_dendrites=passive).cell
        tip = cell.apical[0](0.95)
        found = run(
            cell,
            Inputs(currents=[Pulse(cell.soma(0.5), 295, 300, 1.0)]),
            [cell.soma(0.5), tip],
            320,
            -80,
            Integration(),
        )
        assert found.v_mv[0].max() > 0
        peaks_mv[passive], rest_mv[passive] = found.v_mv[1].max(), found.v_mv[1][found.time_ms < 290][-1]
    assert peaks_mv[True] < peaks_mv[False] - 5
    assert rest_mv[True] < rest_mv[False] - 2


def test_passive_dendrites_superpose(build):
    """With only a leak, and the soma and axon left far below threshold, halving a current halves the deflection."""
    cell = build(passive_dendrites=True).cell
    site = cell.apical[0](0.95)

    def tip_mv(current_na):
        inputs = Inputs(currents=[Pulse(site, 100, 105, current_na)])
        return run(cell, inputs, [site], 110, -85, Integration()).v_mv[0]

    rest_mv = tip_mv(0.0)
    whole, half = tip_mv(-0.2) - rest_mv, tip_mv(-0.1) - rest_mv
    assert np.abs(whole).max() > 5
    assert np.abs(whole - 2 * half).max() < 0.02 * np.abs(whole).max()


def test_less_sk_e2_fires_more(build):
    """SK_E2 is the afterhyperpolarisation: with less of it, the same current gives more spikes."""
    counts = []
    for factor in (1.0, 0.1):
        cell = build(sk_e2_factor=factor).cell
        inputs = Inputs(currents=[Pulse(cell.soma(0.5), 50, 550, 0.5)])
        v_mv = run(cell, inputs, [cell.soma(0.5)], 560, -76, Integration()).v_mv[0]
        counts.append(int(((v_mv[:-1] < -25) & (v_mv[1:] >= -25)).sum()))
    assert counts[1] > counts[0] > 0


def test_shifted_ih_opens_as_its_equation_says(build):
    """At rest m = alpha / (alpha + beta) at v - shift (Kole et al. 2006), and more of it pulls the soma up."""
    rest_mv = []
    for shift_mv in (0.0, 20.0):
        experiment = build(ih_shift_mv=shift_mv, integration={"engine": "neuron", "fused": False})
        experiment.replay(np.zeros((2 * N, 1500), bool))
        for segment in (experiment.cell.soma(0.5), experiment.cell.apical[0](0.5)):
            w_mv = segment.v - shift_mv
            alpha = 0.00643 * (w_mv + 154.9) / (np.exp((w_mv + 154.9) / 11.9) - 1)
            beta = 0.193 * np.exp(w_mv / 33.1)
            assert segment.Ih.m == pytest.approx(alpha / (alpha + beta), rel=1e-3)
        rest_mv.append(experiment.cell.soma(0.5).v)
    assert rest_mv[1] > rest_mv[0] + 2


@pytest.mark.parametrize("fields", [{"ih_shift_mv": 20.0}, {"sk_e2_factor": 0.1}, {"passive_dendrites": True}])
def test_a_fused_cell_is_varied_as_a_single_one(build, fields):
    """The same change, whether a region's mechanisms are one or many."""
    drive = np.random.default_rng(0).random((2 * N, 200)) < 0.05
    drive[N:] = False
    v_mv = [build(**each).replay(drive).v_mv for each in (fields, fields | {"integration": {"fused": False}}, {})]
    assert v_mv[0].max() > 0
    assert np.median(np.abs(v_mv[0] - v_mv[1])) < 1e-3 < 1e-2 < np.median(np.abs(v_mv[0] - v_mv[2]))


def test_synapses_of_a_segment_share_its_input(build):
    """Three for one: the same expected spikes per segment, each synapse as strong as the only one was."""
    one = build()
    excitatory_mv, inhibitory_mv, tree = deflection_mv(one, APICAL), deflection_mv(one, N + APICAL), one.tree
    three = build("dense")
    coordinates = three.neuron.coordinates()
    assert (coordinates["synapse_segment"] == np.tile(np.repeat(np.arange(N), 3), 2)).all()
    assert (coordinates["synapse_sign"] == np.repeat([1, -1], 3 * N)).all()
    assert np.allclose(excitatory_mv, deflection_mv(three, 3 * APICAL + 1), atol=1e-5)
    assert np.allclose(inhibitory_mv, deflection_mv(three, 3 * (N + APICAL)), atol=1e-5)

    statistics = {
        "excitatory_basal": (100, 100),
        "excitatory_apical": (200, 200),
        "inhibitory_minus_excitatory_basal": (-50, -50),
        "inhibitory_minus_excitatory_apical": (-50, -50),
    }
    for k in (1, 3):
        drawn = build(seconds=6.0, synapses_per_segment=k, statistics=statistics).input_spikes(0)
        per_100_ms = drawn.reshape(2, N, k, -1)[..., 2000:4000].sum(axis=(2, 3)) / 20
        for name, excitatory, inhibitory in (("basal", 100, 50), ("apical", 200, 150)):
            counted = per_100_ms[:, tree == name].sum(axis=1)
            assert counted == pytest.approx([excitatory, inhibitory], rel=0.12), (k, name)


def test_trees_may_have_other_numbers_of_synapses(build):
    """Each tree's expected spikes are what they were, shared by as many synapses as it has."""
    statistics = {
        "excitatory_basal": (100, 100),
        "excitatory_apical": (200, 200),
        "inhibitory_minus_excitatory_basal": (-50, -50),
        "inhibitory_minus_excitatory_apical": (-50, -50),
    }
    made = build(seconds=6.0, synapses_per_segment={"basal": 3, "apical": 1}, statistics=statistics)
    coordinates, there = made.neuron.coordinates(), np.where(made.tree == "basal", 3, 1)
    assert sorted(set(there)) == [1, 3]
    assert (coordinates["synapse_segment"] == np.tile(np.repeat(np.arange(N), there), 2)).all()
    assert (coordinates["synapse_sign"] == np.repeat([1, -1], there.sum())).all()
    drawn = made.input_spikes(0)
    assert len(drawn) == 2 * there.sum()
    per_100_ms = drawn[:, 2000:4000].sum(axis=1) / 20
    of_basal = made.tree[coordinates["synapse_segment"]] == "basal"
    for basal, excitatory, inhibitory in ((True, 100, 50), (False, 200, 150)):
        counted = [per_100_ms[(of_basal == basal) & (coordinates["synapse_sign"] == sign)].sum() for sign in (1, -1)]
        assert counted == pytest.approx([excitatory, inhibitory], rel=0.12), basal


def test_what_has_no_effect_is_refused():
    for start, fields, said in [
        ("ampa", {"without_nmda": {"tree": "basal"}}, "excitatory is AMPA"),
        ("nmda", {"gaba_b_factor": 0.5}, "gaba_b_factor: inhibitory is GABA_A"),
        ("lif", {"passive_dendrites": True}, "passive_dendrites: a leaky integrate-and-fire neuron has none"),
        ("nmda", {"nexus_um": 600.0}, "the nexus is not recorded"),
        ("ood", {"input_spikes": "mine.npy"}, "replayed as they are"),
    ]:
        with pytest.raises(ValueError, match=said):
            config.Simulation.model_validate(presets.preset(start).model_dump() | fields)


def test_every_variation_is_another_dataset(swc):
    """The id changes with what changes the data, and with nothing else."""
    from apical.simulate.cell import morphologies

    morphology = morphologies.resolve(str(swc()))
    start = presets.nmda()
    changes = [
        {"excitatory": "AMPA"},
        {"inhibitory": "GABA_AB"},
        {"inhibitory": "GABA_AB", "gaba_b_factor": 0.5},
        {"without_nmda": Domain(tree="basal")},
        {"synapses_per_segment": 2},
        {"synapses_per_segment": {"basal": 2}},
        {"passive_dendrites": True},
        {"sk_e2_factor": 0.5},
        {"ih_shift_mv": 5.0},
        {"out_of_distribution": presets.ood().out_of_distribution},
    ]
    ids = [start.model_copy(update=change).dataset_id(morphology) for change in [{}, *changes]]
    assert len(set(ids)) == len(ids)
    watched = start.model_copy(update={"record_nexus": True, "record_dendrites": "all", "nexus_um": 600.0})
    assert watched.dataset_id(morphology) == ids[0]


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_preset_makes_a_whole_trial(build, name):
    fields = {"morphology": presets.preset(name).morphology} if name in ("lif", "ball-and-stick") else {}
    experiment = build(name, seconds=0.05, **fields)
    arrays, layout = experiment.simulate(0), experiment.layout()
    assert set(arrays) == set(layout.dtypes)
    for variable, array in arrays.items():
        assert array.dtype == np.dtype(layout.dtypes[variable]), variable
        assert array.ndim == len(schema.VARIABLES[variable].dims) - 1, variable
    assert np.isfinite(arrays["soma_v_mv"]).all() and arrays["input_spikes"].any()
    assert experiment.config.preset == name


def test_segments_that_are_not_there(build):
    with pytest.raises(InputError, match="record_dendrites: the cell has segments 0 to 25, got 26"):
        build(record_dendrites=[3, 26])
