"""Another integration of the same trials: on the same input, a little different, and a prediction like any other."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager

import numpy as np
import pytest
import zarr

from apical.analysis.scores.evaluate import Evaluation, evaluate
from apical.simulate import presets, schema
from apical.simulate.engine.interface import Integration
from apical.simulate.run import dask_cluster, dataset, noise_floor
from apical.simulate.schema import InputError
from apical.simulate.schema.spike_jitter import spike_probability

FINER = {"dt_ms": 0.0125}


@contextmanager
def quietly(message):
    yield


@pytest.fixture(scope="module")
def kept(tmp_path_factory, lasting_swc):
    """Three trials of 300 ms of a small cell: numbers 0 and 1 of seed 1, and number 2 of seed 2."""
    small = presets.nmda().model_copy(update={"morphology": str(lasting_swc), "seconds": 0.3, "seed": 1})
    path = dataset.simulate(small, tmp_path_factory.mktemp("floor") / "data.zarr", 2, 1, busy=quietly)
    return dataset.simulate(small.model_copy(update={"seed": 2}), path, 1, 1, append=True, busy=quietly)


@pytest.fixture
def data(kept, tmp_path):
    """The same dataset, for the test alone."""
    return shutil.copytree(kept, tmp_path / "data.zarr")


@pytest.fixture
def floor(data, here, tmp_path):
    """Writes a noise floor of the dataset and opens it."""

    def write(name="floor.zarr", integration=FINER, **options):
        out = noise_floor.noise_floor(data, tmp_path / name, integration, scheduler=here, busy=quietly, **options)
        return schema.open_dataset(out, "prediction")

    return write


def difference_mv(data, found):
    truth = np.minimum(schema.read(schema.open_dataset(data), "soma_v_mv"), -55)
    return float(np.sqrt(np.mean((truth - schema.read(found, "soma_v_mv")) ** 2)))


def test_the_same_integration_gives_the_same_trials_to_the_bit(data, floor, monkeypatch):
    """So the input is the same, of every seed: nothing but the integration can differ."""
    monkeypatch.setattr(noise_floor, "difference", lambda before, after: "nothing")
    found, truth = floor(integration={}), schema.open_dataset(data)
    times_ms = schema.read(truth, "output_spike_time_ms")
    assert np.isfinite(times_ms).any()
    assert np.array_equal(schema.read(found, "soma_v_mv"), np.minimum(schema.read(truth, "soma_v_mv"), np.float32(-55)))
    for at, row in enumerate(times_ms):
        expected = spike_probability(row[np.isfinite(row)], 300)
        np.testing.assert_allclose(schema.read(found, "spike_probability", at), expected, rtol=1e-6)


def test_a_finer_step_differs_a_little_and_a_lower_order_more(data, floor):
    finer, lower = floor(), floor("lower.zarr", {"second_order": False})
    assert 0 < difference_mv(data, finer) < 0.1
    assert difference_mv(data, finer) < difference_mv(data, lower)


def test_it_is_scored_as_any_model_is(data, floor):
    found = floor()
    assert json.loads(found.attrs["provenance"])["neuron"]
    (score,) = evaluate(data, [schema.source(found)], Evaluation(drop_ms=0))
    assert (score.family, score.size, score.name) == ("noise-floor", "dt 0.0125", "cell, dt 0.0125")
    assert (score.seed, score.n_parameters, score.macs_per_ms) == (None, 0, None)
    assert (score.n_trials, score.mode, score.trained_on) == (3, "simulation", "")
    assert score.roc_auc > 0.999
    assert score.rmse_mv == pytest.approx(difference_mv(data, found), rel=1e-3)


def test_trials_by_number_or_those_of_a_prediction(floor):
    some = floor("some.zarr", trials=[2, 0])
    assert some.trial.values.tolist() == [2, 0]
    assert some.source_file.values.tolist() == [f"nmda, seed {seed}, engine coreneuron" for seed in (2, 1)]
    assert "part" not in some
    with pytest.raises(InputError, match="only one of --trials and --trials-of"):
        floor("both.zarr", trials=[0], trials_of=schema.source(some))


def a_prediction(path, truth_id, trials, part):
    """Of nothing: all that is looked at is which trials it has."""
    labels = {"trial": np.array(trials), "time_ms": np.arange(300), "source_file": np.array(["x"] * len(trials))}
    arrays = {"soma_v_mv": "f4", "spike_probability": "f4"}
    told = {"dataset_id": "p", "config": {}, "provenance": {}, "truth_id": truth_id}
    schema.create(path, "prediction", arrays, labels | {"part": np.array(part)}, **told)
    for at in range(len(trials)):
        schema.write_trial(path, at, {"soma_v_mv": np.zeros(300), "spike_probability": np.zeros(300)})
    return path


def test_the_trials_of_a_prediction_keep_their_part_of_the_split(data, floor, tmp_path):
    truth_id = schema.open_dataset(data).attrs["dataset_id"]
    of_a_model = a_prediction(tmp_path / "model.zarr", truth_id, [2, 1], ["validation", "test"])
    found = floor(trials_of=of_a_model)
    assert found.trial.values.tolist() == [2, 1]
    assert found.part.values.tolist() == ["validation", "test"]
    assert found.source_file.values.tolist() == [f"nmda, seed {seed}, engine coreneuron" for seed in (2, 1)]
    elsewhere = a_prediction(tmp_path / "other.zarr", "another", [0], ["test"])
    with pytest.raises(InputError, match=r"other.zarr: is no prediction of .*data.zarr; give one that is"):
        floor("new.zarr", trials_of=elsewhere)


def test_a_floor_cut_short_is_resumed_to_the_bit(data, floor, tmp_path):
    first = floor()
    whole = {name: schema.read(first, name) for name in ("soma_v_mv", "spike_probability")}
    out, seen = tmp_path / "floor.zarr", []
    group = zarr.open_group(out, mode="r+")
    group["trial_status"].with_config({"write_empty_chunks": True})[1] = schema.PENDING
    (out / "soma_v_mv" / "c" / "2" / "0").unlink()
    with pytest.raises(InputError, match=r"floor.zarr: truncated: .*finish it with --resume"):
        schema.open_dataset(out)
    found = floor(resume=True, report=seen.append)
    assert [(each.trial, each.done, each.total) for each in seen] == [(1, 2, 3), (2, 3, 3)]
    assert all(np.array_equal(schema.read(found, name), values) for name, values in whole.items())
    for other, options in (
        ("integration", {"integration": {"dt_ms": 0.02}}),
        ("trials", {"trials": [0]}),
    ):
        with pytest.raises(InputError, match=rf"floor.zarr: was made with other settings \({other}\)"):
            floor(resume=True, **options)
    with pytest.raises(InputError, match=r"floor.zarr: exists already; give --resume"):
        floor()
    floor(overwrite=True, trials=[1])
    with pytest.raises(InputError, match=r"data.zarr: is there but is not a prediction, so it is left alone"):
        floor("data.zarr", overwrite=True)
    schema.open_dataset(data, "simulation")


def test_a_morphology_that_has_moved(data, floor, lasting_swc, swc, tmp_path):
    """Its content counts, not its place."""
    group = zarr.open_group(data, mode="r+")
    made_by = json.loads(group.attrs["config"]) | {"morphology": str(tmp_path / "gone.swc")}
    group.attrs["config"] = json.dumps(made_by)
    schema.commit(data)
    with pytest.raises(InputError, match=r"data.zarr: cannot be simulated again .*gone.swc.*--morphology"):
        floor()
    other = swc("other.swc")
    other.write_text(other.read_text().replace("420", "421"))
    with pytest.raises(InputError, match=r"data.zarr: was made from another morphology than .*other.swc \(sha256 "):
        floor(moved={"morphology": str(other)})
    assert difference_mv(data, floor(moved={"morphology": str(lasting_swc)})) < 0.1


def of_neuronio(made_by):
    return {"made_by": "NeuronIO", "files": []}


def of_a_later_apical(made_by):
    return made_by | {"gap_junctions": 3}


def of_another_density(made_by):
    return made_by | {"sk_e2_factor": 0.5}


@pytest.mark.parametrize(
    "change, message",
    [
        (of_neuronio, "was made by NeuronIO, not simulated by apical; give one that `apical simulate` made"),
        (of_a_later_apical, r"is of another apical \(field 'gap_junctions'\)"),
        (of_another_density, "was made from another content of bbp2015, or by another apical"),
    ],
)
def test_a_dataset_that_cannot_be_simulated_again(data, floor, change, message):
    group = zarr.open_group(data, mode="r+")
    group.attrs["config"] = json.dumps(change(json.loads(group.attrs["config"])))
    schema.commit(data)
    with pytest.raises(InputError, match=rf"data.zarr: .*{message}"):
        floor()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"integration": {}}, "data.zarr: was integrated like that itself; give another --dt"),
        ({"integration": {"dt_ms": 0.025, "tolerance": 1e-3}}, "data.zarr: was integrated like that itself"),
        ({"integration": {"dt_ms": None}}, r"a variable step \(no dt_ms\) needs engine 'neuron'"),
        ({"integration": {"dt_ms": 5}}, "integration.dt_ms: Input should be less than or equal to 0.1, got 5"),
        (
            {"integration": {"engine": "brian"}},
            "integration.engine: .*'coreneuron', 'neuron', 'batched' or 'auto', got 'brian'",
        ),
        ({"trials": [0, 7]}, "data.zarr: has no finished trial 7"),
        ({"trials": []}, "data.zarr: no finished trial to simulate again"),
        ({"resume": True, "overwrite": True}, "only one of --resume and --overwrite"),
        ({"workers": 0}, "workers must be at least 1, got 0"),
    ],
)
def test_bad_wishes_leave_nothing_behind(floor, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        floor(**options)
    assert [each.name for each in tmp_path.iterdir()] == ["data.zarr"]


def test_a_neuron_without_integration(quick, here, tmp_path):
    data = dataset.simulate(quick, tmp_path / "lif.zarr", 1, scheduler=here)
    with pytest.raises(InputError, match=r"lif.zarr: a leaky integrate-and-fire neuron is solved exactly"):
        noise_floor.noise_floor(data, tmp_path / "floor.zarr", FINER)


def test_a_prediction_is_no_dataset_to_integrate(floor, tmp_path):
    found = schema.source(floor())
    with pytest.raises(InputError, match=r"floor.zarr: is a prediction, expected a simulation"):
        noise_floor.noise_floor(found, tmp_path / "again.zarr", FINER)


def test_integrations_that_compute_the_same_have_no_difference():
    fused = Integration(engine="coreneuron")
    plain = Integration(engine="neuron", dt_ms=None)
    assert noise_floor.difference(fused, fused.model_copy(update={"tolerance": 1.0})) == ""
    assert noise_floor.difference(plain, plain.model_copy(update={"second_order": False, "fused": False})) == ""
    assert noise_floor.difference(plain, plain.model_copy(update={"tolerance": 1e-3})) == "tolerance 0.001"
    assert noise_floor.difference(fused, plain) == "neuron, variable step, tolerance 1e-06"
    assert noise_floor.difference(plain, fused) == "coreneuron, dt 0.025, order 2, fused"


def test_what_is_refused_leaves_nothing(data, tmp_path, monkeypatch):
    """Else the same command, once the scheduler is there, would be told that the path exists."""
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 1)
    with pytest.raises(InputError, match="does not answer within 1 s"):
        noise_floor.noise_floor(data, tmp_path / "floor.zarr", FINER, scheduler="tcp://127.0.0.1:9", busy=quietly)
    assert [path.name for path in tmp_path.iterdir()] == ["data.zarr"]
