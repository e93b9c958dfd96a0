"""Trials side by side are what they are alone: in a dataset, whatever is recorded, whichever of them goes wrong."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate import presets, schema
from apical.simulate.config import Simulation
from apical.simulate.engine.batched import library, memory, step
from apical.simulate.engine.interface import Inputs, Integration
from apical.simulate.engine.run import run
from apical.simulate.run import dataset, engine_choice, worker
from apical.simulate.schema import InputError
from apical.simulate.trial.experiment import Experiment, FailedTrial

EVERYTHING = {"record_fine": True, "record_nexus": True, "record_dendrites": "all"}


@pytest.fixture
def build(lasting_swc):
    """A function that builds the small cell's experiment with some fields replaced, and closes the one before."""
    built = []

    def make(engine="batched", precision="float64", **fields) -> Experiment:
        while built:
            built.pop().close()
        integration = {"engine": engine, "precision": precision, "fused": False} | fields.pop("integration", {})
        made = presets.nmda().model_dump() | {
            "morphology": str(lasting_swc),
            "seconds": 0.3,
            "integration": integration,
        }
        built.append(Experiment(Simulation.model_validate(made | fields)))
        return built[-1]

    yield make
    while built:
        built.pop().close()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_trial_is_the_same_alone_and_among_others_to_the_bit(build, precision):
    experiment = build(precision=precision, **EVERYTHING)
    n = experiment.neuron.side_by_side().trials
    assert n >= 2
    together = list(experiment.simulate_many(range(n + 1)))  # one more than fit
    for trial in (0, n - 1, n):
        for name, array in experiment.simulate(trial).items():
            assert np.array_equal(array, together[trial][name], equal_nan=True), name


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"integration": {"second_order": False}},
        {"integration": {"dt_ms": 0.03}},  # no whole ms is a step
        {"inhibitory": "GABA_AB", "gaba_b_factor": 0.5, "synapses_per_segment": 3},  # several receptors at a node
        {"excitatory": "AMPA", "record_dendrites": [3, 20]},
        {"ih_shift_mv": 5.0, "sk_e2_factor": 0.3, "biophysics": "hay2011"},
    ],
    ids=str,
)
def test_everything_recorded_is_what_plain_neuron_records(build, fields):
    fields = EVERYTHING | fields
    theirs = build("neuron", **fields).simulate(1)
    ours = build(**fields).simulate(1)
    assert ours.keys() == theirs.keys()
    assert np.array_equal(ours["input_spikes"], theirs["input_spikes"])
    for name in ours.keys() - {"input_spikes"}:
        assert ours[name].dtype == theirs[name].dtype
        assert np.allclose(ours[name], theirs[name], rtol=0, atol=1e-3, equal_nan=True), name


def test_a_dataset_in_batches(build, tmp_path):
    """Every trial in its place, also of another seed; the store says what ran."""
    experiment = build(precision="float32")
    n = experiment.neuron.side_by_side().trials
    chosen = experiment.config.model_copy(update={"seconds": 0.05})
    path = dataset.simulate(chosen, tmp_path / "a.zarr", n + 3, 2)
    dataset.simulate(chosen.model_copy(update={"seed": 7}), path, 2, 1, append=True)
    ds = schema.open_dataset(path, "simulation")
    assert schema.config_of(ds)["integration"]["engine"] == "batched"
    assert (schema.read(ds, "trial_status") == schema.DONE).all() and ds.sizes["trial"] == n + 5
    for seed, trial, position in ((0, 0, 0), (0, n + 2, n + 2), (7, n + 4, n + 4)):
        alone = build(precision="float32", seed=seed, seconds=0.05).simulate(trial)
        for name in ("input_spikes", "soma_v_mv"):
            assert np.array_equal(schema.read(ds, name, position), alone[name])


def test_how_far_trials_are_is_told_while_they_run(build, here, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "TELL_EVERY_S", 0.0)
    experiment, told, ended = build(), [], []
    n = experiment.neuron.side_by_side().trials
    config, total = experiment.config, 2 * n
    path = dataset.simulate(
        config, tmp_path / "a.zarr", total, scheduler=here, report=ended.append, so_far=lambda *far: told.append(far)
    )
    done, of = np.array(told).T
    assert (of == total).all() and len(ended) == total
    assert (np.diff(done) >= 0).all() and done[-1] == total
    for first in (0, n):  # of 12 pieces of 25 ms, the share of those that are over
        within = done[(done > first) & (done < first + n)]
        np.testing.assert_allclose((within - first) / n, np.arange(1, 12) / 12)
    told.clear()
    dataset.simulate(config, path, total + 1, scheduler=here, append=True, so_far=lambda *far: told.append(far))
    assert told[0][0] > total and told[-1] == (2 * total + 1, 2 * total + 1)


def test_the_same_seed_gives_the_same_input_on_every_engine(build):
    spikes = [build(engine).input_spikes(3) for engine in ("batched", "neuron", "coreneuron")]
    assert spikes[0].any() and np.array_equal(spikes[0], spikes[1]) and np.array_equal(spikes[0], spikes[2])


def test_a_trial_that_runs_away_fails_alone(build, tmp_path):
    """One synapse drives to 1e6 mV; only the trials in which it gets a spike go wrong."""
    quiet, loud = np.zeros((52, 300), bool), np.zeros((52, 300), bool)
    quiet[10, ::7] = loud[10, ::7] = True
    loud[20, 120] = True
    np.save(tmp_path / "given.npy", np.stack([quiet, loud, quiet]))
    experiment = build(input_spikes=str(tmp_path / "given.npy"))
    experiment.neuron.synapses.processes[20].e = 1e8
    first, failed, last = experiment.simulate_many([0, 1, 2])
    assert isinstance(failed, FailedTrial)
    assert 120 <= float(str(failed).split()[5]) <= 125, failed
    assert np.array_equal(failed.arrays["input_spikes"], loud) and np.isnan(failed.arrays["soma_v_mv"]).all()
    assert np.isfinite(first["soma_v_mv"]).all() and np.array_equal(first["soma_v_mv"], last["soma_v_mv"])


def test_memory_that_does_not_hold_a_whole_register_of_trials(build, monkeypatch):
    experiment = build(**EVERYTHING)
    whole = list(experiment.simulate_many(range(3)))
    monkeypatch.setattr(memory, "host_bytes", lambda: 100_000)
    together = experiment.neuron.side_by_side()
    assert together.trials == 1 and together.limit == "more would not fit into the memory"
    for trial, arrays in enumerate(experiment.simulate_many(range(3))):
        assert all(np.array_equal(array, whole[trial][name], equal_nan=True) for name, array in arrays.items())


def test_auto_takes_the_fastest_that_the_cell_supports(lasting_swc, monkeypatch):
    chosen = presets.nmda().model_copy(update={"morphology": str(lasting_swc)})

    def engine(**integration) -> str:
        asked = chosen.model_copy(update={"integration": Integration(engine="auto", **integration)})
        return engine_choice.resolved(asked)[0].integration.engine

    assert engine() == "batched"
    assert engine(dt_ms=None) == "neuron"
    known = step.nmodl_of_mechanisms()
    odd = {"Ih": ("Ih.mod", known["Ih"][1] + "\nBEFORE STEP { gbar = 1 }\n")}
    monkeypatch.setattr(step, "nmodl_of_mechanisms", lambda: known | odd)
    assert engine() == "coreneuron"


def test_a_mechanism_that_cannot_be_generated_is_named(build, monkeypatch):
    known = step.nmodl_of_mechanisms()
    odd = {"Ih": ("Ih.mod", known["Ih"][1] + "\nBEFORE STEP { gbar = 1 }\n")}
    monkeypatch.setattr(step, "nmodl_of_mechanisms", lambda: known | odd)
    with pytest.raises(InputError, match=r"Ih\.mod, line \d+: BEFORE is not supported by engine 'batched'; give"):
        build().simulate(0)


def test_no_compiler(build, monkeypatch, tmp_path):
    experiment = build()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", "nothing-of-that-name")
    with pytest.raises(InputError, match=r"engine 'batched': no C\+\+ compiler: 'nothing-of-that-name' is not on PATH"):
        experiment.simulate(0)
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(InputError, match=r"false cannot compile the time step: see .*\.log"):
        experiment.simulate(0)


def test_source_and_library_are_kept_together(build):
    from apical.simulate.engine.batched import engine as batched
    from apical.simulate.trial.detailed import V_INIT_MV

    experiment = build()
    inputs = Inputs(experiment.neuron.synapses)
    made = batched.build(experiment.cell, inputs, [], V_INIT_MV, experiment.config.integration)
    folder = library.compiled(made.source.text)
    assert (folder / library.GENERATED).read_text() == made.source.text
    assert {file.name for file in folder.iterdir()} >= {*library.HEADERS, library.LIBRARY}


def test_a_voltage_at_a_section_s_end_is_refused(build):
    experiment = build()
    with pytest.raises(InputError, match="is no segment's middle"):
        run(experiment.cell, Inputs(), [experiment.cell.soma(1)], 1.0, -76.0, Integration(engine="batched"))
