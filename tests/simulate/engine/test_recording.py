"""What is recorded is what is there: whole-ms voltages, the nexus, pieces of a trial, and a voltage that runs away."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate import config, presets, schema
from apical.simulate.cell import morphologies
from apical.simulate.cell.built import Cell
from apical.simulate.cell.nexus import nexus
from apical.simulate.engine import pieces
from apical.simulate.engine.interface import Inputs, Integration, Pulse, Unstable
from apical.simulate.engine.run import run
from apical.simulate.run import dataset
from apical.simulate.schema import InputError
from apical.simulate.trial.experiment import Experiment, FailedTrial


@pytest.fixture
def build(swc):
    """A function that builds the small cell's experiment with some fields replaced, and closes the one before."""
    built = []

    def make(**fields) -> Experiment:
        while built:
            built.pop().close()  # CoreNEURON takes one cell per process
        made = presets.nmda().model_dump() | {"morphology": str(swc()), "seconds": 0.25} | fields
        built.append(Experiment(config.Simulation.model_validate(made)))
        return built[-1]

    yield make
    for each in built:
        each.close()


def pulse(cell, amplitude_na=1.0):
    return Inputs(currents=[Pulse(cell.soma(0.5), 50, 55, amplitude_na)])


@pytest.mark.parametrize(
    "integration",
    [
        Integration(),
        Integration(second_order=False),
        Integration(dt_ms=0.03),  # no whole ms is a step
        Integration(engine="neuron"),
        Integration(engine="neuron", dt_ms=None),
    ],
    ids=str,
)
def test_pieces_are_the_whole_to_the_bit(build, monkeypatch, integration):
    experiment = build(integration=integration.model_dump() | {"fused": integration.dt_ms is not None})
    spikes = experiment.input_spikes(0)
    sites = [segment.neuron for segment in experiment.cell.segments[::5]]

    def in_pieces(piece_ms):
        monkeypatch.setattr(pieces, "PIECE_MS", piece_ms)
        inputs = Inputs(experiment.neuron.synapses, [np.flatnonzero(row).astype(float) for row in spikes])
        return run(experiment.cell, inputs, sites[:2], 250, -76, experiment.config.integration, sites)

    whole = in_pieces(1e9)
    assert whole.coarse_v_mv.shape == (len(sites), 250)
    for piece_ms in (100.0, 7.0):
        parts = in_pieces(piece_ms)
        assert np.array_equal(parts.time_ms, whole.time_ms)
        assert np.array_equal(parts.v_mv, whole.v_mv)
        assert np.array_equal(parts.coarse_v_mv, whole.coarse_v_mv)
    every_ms = [np.interp(np.arange(250), np.round(whole.time_ms, 6), v_mv) for v_mv in whole.v_mv]
    assert np.allclose(whole.coarse_v_mv[:2], every_ms, atol=1e-5)


def test_memory_does_not_grow_with_the_sites_times_the_trial(build, monkeypatch):
    """No piece holds more than its own steps of every site."""
    experiment, seen = build(record_dendrites="all"), []
    sample = pieces.Recorder._sample
    monkeypatch.setattr(pieces.Recorder, "_sample", lambda self, t, v: (seen.append(v.shape), sample(self, t, v))[1])
    experiment.replay(np.zeros((52, 1000), bool))
    assert len(seen) == 1000 / pieces.PIECE_MS and max(seen) <= (26, pieces.PIECE_MS / 0.025 + 1)


def test_dendrites_and_nexus_in_a_dataset(build, tmp_path):
    """Chosen segments have their voltage, NaN stands in the others, and what is recorded changes nothing else."""
    chosen = build(record_dendrites=[20, 3], record_nexus=True, record_fine=True)
    path = dataset.simulate(chosen.config, tmp_path / "a.zarr", 1, 1)
    ds = schema.open_dataset(path)
    v_mv = schema.read(ds, "dendrite_v_mv", 0)
    assert np.flatnonzero(np.isfinite(v_mv).all(axis=1)).tolist() == [3, 20]
    assert np.isnan(np.delete(v_mv, [3, 20], axis=0)).all()

    everywhere = build(record_dendrites="all")
    arrays = everywhere.simulate(0)
    assert np.array_equal(arrays["dendrite_v_mv"][[3, 20]], v_mv[[3, 20]])
    assert np.array_equal(arrays["soma_v_mv"], schema.read(ds, "soma_v_mv", 0))
    at = next(i for i, each in enumerate(everywhere.cell.segments) if each.neuron == nexus(everywhere.cell))
    assert np.array_equal(arrays["dendrite_v_mv"][at], schema.read(ds, "nexus_v_mv", 0))
    assert np.abs(arrays["dendrite_v_mv"] - arrays["soma_v_mv"]).max() > 1

    apical = build(record_dendrites="apical").simulate(0)["dendrite_v_mv"]
    assert (np.isfinite(apical).all(axis=1) == (everywhere.tree == "apical")).all()


def test_the_nexus_of_the_published_cell(shared):
    """Beniaguev et al. 2021 record it in apic[50] at 0.9, 678 um from the soma."""
    cell = Cell(morphologies.resolve(str(shared("data/hay2011/cell1.asc"))))
    try:
        site = nexus(cell)
        assert site.sec == cell.apical[50] and site.x == pytest.approx(0.9)
        assert cell.path_um(site) == pytest.approx(678, abs=1)
        assert nexus(cell, 400.0).sec == cell.at_apical_distance(400).sec == cell.apical[36]
        with pytest.raises(InputError, match="no apical dendrite at 2000 um"):
            nexus(cell, 2000.0)
    finally:
        cell.close()


def test_the_nexus_is_on_no_axon(tmp_path):
    """An axon that starts at the apical trunk, longer than the rest of the tree, and one below a tip."""
    path = tmp_path / "mine.swc"
    path.write_text(
        "1 1 0 0 0 8 -1\n2 4 0 8 0 2 1\n3 4 0 100 0 2 2\n4 4 0 200 0 2 3\n5 4 90 250 0 2 4\n6 4 -90 300 0 2 4\n"
        "7 2 50 100 0 2 3\n8 2 900 100 0 2 7\n9 2 900 250 0 2 5\n"
    )
    cell = Cell(morphologies.resolve(str(path)), axon="keep")
    try:
        assert len(cell.axon) == 2 and len(cell.apical) == 4
        site = nexus(cell)
        assert site.sec == cell.apical[3] and site.x == 0.9
    finally:
        cell.close()


def test_a_tree_without_a_trunk_has_no_nexus(swc):
    cell = Cell(morphologies.resolve(str(swc())))
    try:
        for section in cell.apical:
            section.diam = 1.0
        with pytest.raises(InputError, match=r"no apical trunk of 1\.5 um or more.*give its distance.*nexus_um"):
            nexus(cell)
    finally:
        cell.close()


@pytest.mark.parametrize("engine", ["coreneuron", "neuron"])
def test_a_runaway_voltage_ends_the_trial_at_once(build, engine, monkeypatch):
    experiment = build(integration={"engine": engine})
    cell, stops = experiment.cell, []
    collect = pieces.Recorder._collect
    monkeypatch.setattr(pieces.Recorder, "_collect", lambda self: (stops.append(1), collect(self))[1])
    with pytest.raises(Unstable) as caught:
        run(cell, pulse(cell, 1e5), [cell.soma(0.5)], 100_000, -76, experiment.config.integration)
    assert 50 <= caught.value.time_ms <= 51
    assert len(stops) == 1


def test_a_failed_trial_is_named_and_the_next_one_is_as_if_nothing_had_been(build):
    experiment = build()
    before = experiment.simulate(1)
    process = experiment.neuron.synapses.processes[20]
    reversal_mv, process.e = process.e, 1e6
    with pytest.raises(FailedTrial, match=r"the voltage ran away at \d+\.\d+ ms") as caught:
        experiment.simulate(0)
    process.e = reversal_mv
    arrays = caught.value.arrays
    assert np.array_equal(arrays["input_spikes"], experiment.input_spikes(0)) and arrays["input_spikes"].any()
    assert np.isnan(arrays["soma_v_mv"]).all() and np.isnan(arrays["output_spike_time_ms"]).all()
    for name, array in experiment.simulate(1).items():
        assert np.array_equal(array, before[name], equal_nan=True), name
