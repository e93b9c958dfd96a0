"""Several simulations are fitted to as one: trials of each in every part, and none of another cell or twice."""

import json

import numpy as np
import pytest
import zarr

from apical.simulate import schema
from apical.simulate.schema import InputError
from apical.surrogate.fitting import prepare
from apical.surrogate.fitting.dendrites import fit_components
from apical.surrogate.fitting.fit import fit
from apical.surrogate.fitting.recipe import FitConfig
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.fitting.split import split_trials
from apical.surrogate.fitting.stores import open_stores
from apical.surrogate.fitting.windows import draw_windows, load_joined, load_trials
from apical.surrogate.use.checkpoint import Surrogate, load_run
from apical.surrogate.use.predict import predict

CONFIG = {"preset": "nmda", "seed": 0, "seconds": 1.5, "passive_dendrites": False, "receptors": {}}
CONFIG |= {"statistics": {"entropy": 1}, "integration": {"engine": "batched", "dt_ms": 0.025, "second_order": True}}
MADE = {"morphology": {"name": "a.asc", "sha256": "aa"}, "biophysics": {"name": "shai2015", "v_init": -76, "nmodl": {}}}
SETTINGS = {"family": "elm", "size": 2, "options": {"n_branches": 4}, "steps": 4, "batch": 2, "window_ms": 60}
SETTINGS |= {"burn_in_ms": 10, "validate_every": 2, "learning_rate": 0.01}


def settings(**changes):
    return FitConfig(**(SETTINGS | changes))


def told(path, config=None, provenance=None):
    """The store with another configuration and provenance."""
    attributes = json.loads((path / "zarr.json").read_text())["attributes"]
    attributes |= {"config": json.dumps(CONFIG | (config or {}))}
    attributes |= {"provenance": json.dumps(MADE | (provenance or {}))}
    schema.commit(path, attributes)
    return path


def relabelled(path, name, value):
    zarr.open_group(path, mode="r+")[name][3] = value
    return path


@pytest.fixture
def two(make_dataset):
    return [make_dataset("a.zarr", seed=1), make_dataset("b.zarr", seed=2, n_trials=8)]


def test_each_holds_out_what_a_fit_to_it_alone_would(two, tmp_path):
    """So models of one store and of both are scored on the same trials, and neither has seen them."""
    config = settings(train_fraction=0.5)
    surrogate = load_run(fit(config, two, tmp_path / "both", device="cpu"))
    fractions = config.validation_fraction, config.test_fraction, config.train_fraction
    for path, n_trials in zip(two, (6, 8), strict=True):
        alone = load_run(fit(config, path, tmp_path / f"{path.stem}-alone", device="cpu")).split
        dataset_id = schema.open_dataset(path).attrs["dataset_id"]
        assert surrogate.splits[dataset_id] == alone == split_trials(np.arange(n_trials), 0, *fractions)
    assert surrogate.trained_on == "made-up-1-8+made-up-2-8"
    assert surrogate.train_trials == surrogate.describe()["train_trials"] == 2 + 2
    for path in two:
        prediction = schema.open_dataset(predict(surrogate, path, tmp_path / f"{path.stem}-predicted.zarr"))
        split = surrogate.splits[prediction.attrs["truth_id"]]
        assert prediction.trial.values.tolist() == sorted(split.validation + split.test)
        assert [*prediction.part.values] == ["test" if n in split.test else "validation" for n in prediction.trial]


@pytest.mark.parametrize("from_disk", [False, True])
def test_their_trials_follow_one_another(two, from_disk):
    opened, numbers = open_stores(two), [[1, 4], [0, 4, 7]]
    both = load_joined(list(zip(opened, numbers, strict=True)), VoltageScaling(), from_disk=from_disk)
    each = [load_trials(ds, some, VoltageScaling()) for ds, some in zip(opened, numbers, strict=True)]
    assert len(both.inputs) == 5
    for name in ("spike_bt", "voltage_bt"):
        expected = np.concatenate([getattr(one, name) for one in each])
        np.testing.assert_array_equal(np.stack(list(getattr(both, name))), expected)
    trains = [trial.trains for one in each for trial in one.inputs]
    for found, expected in zip(both.inputs, trains, strict=True):
        np.testing.assert_array_equal(found.trains.synapse_n, expected.synapse_n)
    seen = [draw_windows(both, window_ms=1000, batch=4, seed=0, step=step).voltage_bw for step in range(8)]
    rows = {row.tobytes() for batch in seen for row in batch.numpy()}
    assert rows == {voltage[500:].tobytes() for one in each for voltage in one.voltage_bt}, "some are never drawn"


def test_components_of_dendrites_are_of_all(make_dendrites):
    """Those of two halves are those of the whole, up to the order of sums."""
    ds = schema.open_dataset(make_dendrites(n_trials=4))
    whole = fit_components([(ds, np.arange(4))], 3)
    halves = fit_components([(ds, np.array([0, 1])), (ds, np.array([2, 3]))], 3)
    np.testing.assert_allclose(halves.whitening_pn, whole.whitening_pn, rtol=1e-9)


def test_from_disk_and_resumed_it_is_the_same_fit(two, tmp_path, monkeypatch):
    whole, config = fit(settings(), two, tmp_path / "whole", device="cpu"), settings()
    monkeypatch.setitem(prepare.IN_MEMORY_TRIALS_MS, "cpu", 0)

    def stop(progress):
        if progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(config, two, tmp_path / "stopped", device="cpu", report=stop)
    stopped = fit(None, None, tmp_path / "stopped", device="cpu", resume=True)
    for name in ("weights.safetensors", "state.pt", "config.json", "README.md"):
        assert (stopped / name).read_bytes() == (whole / name).read_bytes(), name
    with pytest.raises(InputError, match=r"dataset_id = 'made-up-1-8\+made-up-2-8', now it is 'made-up-2-8\+made-up"):
        fit(config, two[::-1], tmp_path / "stopped", resume=True)
    with pytest.raises(InputError, match="now it is 'made-up-1-8'"):
        fit(config, two[0], tmp_path / "stopped", resume=True)


def test_the_model_card_names_both(two, tmp_path):
    told(two[0], {"preset": "nmda"})
    told(two[1], {"preset": "ood"})
    text = (fit(settings(), two, tmp_path / "run", device="cpu") / "README.md").read_text()
    assert "dataset made-up-1-8, morphology a.asc, input preset nmda; dataset made-up-2-8, " in text
    assert "input preset ood |" in text
    assert f"| trials | {4 + 5} for training, 2 for validation, {1 + 2} held out |" in text
    html = Surrogate.load(tmp_path / "run")._repr_html_()
    assert "made-up-1-8+made-up-2-8, 9 trials" in html


SAME = {
    "input": {"config": {"statistics": {"entropy": 2}, "preset": "ood", "seed": 7, "seconds": 3}},
    "engine": {"config": {"integration": {"engine": "neuron", "dt_ms": 0.025, "second_order": True}}},
    "recordings, and a later apical's field": {"config": {"record_nexus": True, "of_tomorrow": 1}},
    "names": {"provenance": {"morphology": {"name": "moved.asc", "source": "mine", "sha256": "aa"}}},
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_what_is_no_part_of_the_cell_may_differ(two, change):
    assert len(open_stores([told(two[0]), told(two[1], **change)])) == 2


OTHER = {
    "channels": ({"config": {"passive_dendrites": True}}, "passive_dendrites is True, not False"),
    "step": (
        {"config": {"integration": {"engine": "batched", "dt_ms": 0.1, "second_order": True}}},
        r"dt_ms is 0\.1, not 0\.025",
    ),
    "morphology": ({"provenance": {"morphology": {"sha256": "bb"}}}, r"morphology\.sha256 is 'bb', not 'aa'"),
    "parameters": (
        {"provenance": {"biophysics": {"v_init": -70, "nmodl": {}}}},
        r"biophysics\.v_init is -70, not -76",
    ),
    "mechanism": (
        {"provenance": {"biophysics": {"v_init": -76, "nmodl": {"Ih": {"file": "x", "text": "b"}}}}},
        r"biophysics\.nmodl\.Ih is .*, not None",
    ),
}


@pytest.mark.parametrize("change, said", OTHER.values(), ids=OTHER)
def test_another_cell_is_refused_by_what_differs(two, change, said):
    told(two[0])
    told(two[1], **change)
    with pytest.raises(InputError, match=rf"b\.zarr: is not of the cell and layout of .*a\.zarr: {said}; fit them"):
        open_stores(two)


@pytest.mark.parametrize(
    "other, said",
    [
        ({"n_segments": 4}, "the number of synapses is 8, not 16"),
        ({"duration_ms": 700}, "a trial's length in ms is 700, not 1500"),
    ],
)
def test_another_size_is_refused(two, make_dataset, other, said):
    with pytest.raises(InputError, match=rf"c\.zarr: is not .*a\.zarr: {said}; fit them one by one"):
        open_stores([two[0], make_dataset("c.zarr", seed=3, **other)])


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("segment_distance_um", 5.0, r"segment_distance_um, at position 3, is 5\.0, not 348\.57"),
        ("synapse_receptor", "NMDA", "synapse_receptor, at position 3, is 'NMDA', not 'AMPA_NMDA'"),
        ("segment_type", "apical", "segment_type, at position 3, is 'apical', not 'basal'"),
    ],
)
def test_another_layout_is_refused_by_label(two, name, value, said):
    relabelled(two[1], name, value)
    with pytest.raises(InputError, match=said):
        open_stores(two)


def test_places_that_neither_tells_are_no_difference(two):
    for path in two:
        zarr.open_group(path, mode="r+")["segment_x"][:] = np.nan
    assert len(open_stores(two)) == 2


def test_a_trial_is_in_one_of_them_only(two, tmp_path):
    """Else what one store holds out, the other has the model learn."""
    with pytest.raises(
        InputError, match=r"a\.zarr: is the same data as .*a\.zarr \(id made-up-1-8\); give one of them"
    ):
        open_stores([two[0], two[1], two[0]])
    with pytest.raises(InputError, match="no simulation is given"):
        fit(settings(), [], tmp_path / "run")


def test_a_trial_is_known_by_seed_number_and_input(two, make_dataset):
    same = make_dataset("same.zarr", seed=1, n_trials=3)  # its input is that of the first trials of a.zarr
    for path, seed in ((two[0], 5), (two[1], 5), (same, 5)):
        group = zarr.open_group(path, mode="r+")
        spec = schema.COORDINATES["trial_seed"]
        n = group["trial"].shape[0]
        array = group.create_array("trial_seed", shape=(n,), dtype="i8", dimension_names=spec.dims)
        array.attrs.update({"units": spec.units, "long_name": spec.long_name})
        array[:] = seed
        attributes = dict(group.attrs)
        attributes |= {"dataset_id": path.stem, "coordinates": f"{attributes['coordinates']} trial_seed"}
        schema.commit(path, attributes)
    assert len(open_stores(two)) == 2, "the same seed and numbers, of another input"
    with pytest.raises(InputError, match=r"same\.zarr: its trial 0, of seed 5, is in .*a\.zarr too; simulate one"):
        open_stores([*two, same])


def test_too_few_trials_of_one_are_told_by_its_name(two, make_dataset, tmp_path):
    few = make_dataset("few.zarr", seed=4, n_trials=2)
    with pytest.raises(InputError, match=r"few\.zarr: 2 finished trials cannot be split"):
        fit(settings(), [*two, few], tmp_path / "run")
    assert not (tmp_path / "run").exists()
