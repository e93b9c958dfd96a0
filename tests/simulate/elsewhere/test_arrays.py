"""Arrays of somebody else's become a dataset: what a simulation of ours holds comes back, and bad input is one line."""

import json
import re

import numpy as np
import pytest

from apical.simulate import InputError, from_arrays, open_dataset, preset
from apical.simulate.elsewhere.npz import import_arrays
from apical.simulate.trial.experiment import Experiment

B, S, T, KHZ = 3, 4, 50, 8.0
SIGN = [1, 1, -1, -1]
IN_FILE = {"output_spike_times_ms": np.array([[np.nan], [12.5], [np.nan]])}


def given(**changes):
    """Arguments of `from_arrays` but for `out`: voltage at 8 kHz, a spike of trial 1 between two whole ms."""
    rng = np.random.default_rng(0)
    v_mv = np.full((B, round(T * KHZ)), -70.0)
    v_mv[1, 100] = 20.0  # at 12.5 ms
    what = {
        "input_spikes": rng.random((B, S, T)) < 0.1,
        "soma_v_mv": v_mv,
        "output_spike_times_ms": [[], [12.5], []],
        "sign": SIGN,
        "sampling_khz": KHZ,
    }
    return what | changes


def events_of(spikes):
    trial, synapse, ms = np.nonzero(spikes)
    return np.stack([trial, synapse, ms + 0.25], axis=1)


def taken(tmp_path, name="mine.zarr", **changes):
    return open_dataset(from_arrays(**given(**changes), out=tmp_path / name))


def test_a_simulation_comes_back_through_its_arrays(tmp_path):
    """Its fine trace, at 8 samples per ms, has the voltage of each ms and the output spikes that ours has."""
    config = preset("ball-and-stick")
    firing = {"excitatory_apical": (300, 500), "inhibitory_minus_excitatory_apical": (-300, -200)}
    more = config.statistics.model_copy(update=firing)
    experiment = Experiment(config.model_copy(update={"seconds": 0.2, "record_fine": True, "statistics": more}))
    try:
        ours, where = experiment.simulate(0), experiment.layout().coordinates
    finally:
        experiment.close()
    segment = where["synapse_segment"]
    found = taken(
        tmp_path,
        input_spikes=ours["input_spikes"][None],
        soma_v_mv=ours["soma_v_fine_mv"][None],
        output_spike_times_ms=None,
        sign=where["synapse_sign"],
        segment=segment,
        distance_um=where["segment_distance_um"][segment],
        tree=where["segment_type"][segment],
    )
    assert np.array_equal(found.input_spikes[0], ours["input_spikes"])
    assert np.array_equal(found.soma_v_mv[0], ours["soma_v_mv"])
    exact = ours["output_spike_time_ms"][np.isfinite(ours["output_spike_time_ms"])]
    assert len(exact) > 1 and found.output_spike_time_ms.values[0] == pytest.approx(exact, abs=1 / KHZ)
    for name in ("synapse_segment", "segment_type", "segment_distance_um"):
        assert np.array_equal(found[name], where[name]), name


def test_events_are_the_same_as_booleans(tmp_path):
    spikes = given()["input_spikes"]
    twice = np.concatenate([events_of(spikes), events_of(spikes) + np.array([0, 0, 0.5])])
    dense, events = taken(tmp_path), taken(tmp_path, "events.zarr", input_spikes=twice)
    assert np.array_equal(events.input_spikes, spikes) and dense.input_spikes.equals(events.input_spikes)
    told = json.loads(events.attrs["provenance"])["taken"]["input_spikes"]
    assert told == f"{len(twice)} events, {spikes.sum()} of them alone of their synapse in their ms"
    assert dense.attrs["dataset_id"] == events.attrs["dataset_id"]


@pytest.mark.parametrize("khz", [1.0, 2.5, 20.0, 0.5])
def test_voltage_is_interpolated_at_whole_ms(tmp_path, khz):
    """A straight line stays one at any rate; a trace with both ends is as long as one without its last sample."""
    for extra in (0, 1):
        at_ms = np.arange(round(T * khz) + extra) / khz
        line = np.stack([-70 + 0.1 * at_ms] * B)
        duration_ms = T - 1 if khz < 1 and not extra else T
        spikes = np.zeros((B, S, duration_ms), bool)
        ds = taken(tmp_path, f"{extra}.zarr", input_spikes=spikes, soma_v_mv=line, sampling_khz=khz)
        assert ds.soma_v_mv.values == pytest.approx(np.stack([-70 + 0.1 * np.arange(duration_ms)] * B), rel=1e-6)
        assert json.loads(ds.attrs["provenance"])["taken"]["sampling_khz"] == khz


def test_output_spikes_are_found_in_the_trace_as_given(tmp_path):
    """The peak lies between two whole ms, where the voltage at each ms does not have it."""
    ds = taken(tmp_path, output_spike_times_ms=None)
    assert ds.output_spike_time_ms.values.tolist()[1] == [12.5]
    assert np.isnan(ds.output_spike_time_ms.values[[0, 2]]).all()
    assert ds.soma_v_mv.max() == -70
    assert "local maxima above -25 mV" in json.loads(ds.attrs["provenance"])["taken"]["output_spike_time_ms"]


def test_synapses_are_put_in_order_of_sign(tmp_path):
    """With all that belongs to them, and the numbers as they were given in the provenance."""
    mixed = {"sign": [-1, 1, -1, 1], "distance_um": [4.0, 3.0, 2.0, 1.0], "segment": [7, 7, 5, 5]}
    mixed["distance_um"] = [4.0, 4.0, 2.0, 2.0]
    spikes = given()["input_spikes"]
    order = [1, 3, 0, 2]
    for name, input_spikes in (("dense", spikes), ("events", events_of(spikes))):
        ds = taken(tmp_path, f"{name}.zarr", input_spikes=input_spikes, **mixed)
        assert np.array_equal(ds.input_spikes, spikes[:, order])
        assert ds.synapse_sign.values.tolist() == SIGN
        assert json.loads(ds.attrs["provenance"])["synapse_order"] == order
        distance_um = ds.segment_distance_um.values[ds.synapse_segment.values]
        assert distance_um.tolist() == [4.0, 2.0, 4.0, 2.0]


def test_times_in_place_of_a_rate(tmp_path):
    """Rounded to 32 bits, which is no fault of their step."""
    by_rate = taken(tmp_path)
    time_ms = (np.arange(round(T * KHZ)) / KHZ).astype("f4")
    by_times = taken(tmp_path, "times.zarr", sampling_khz=None, time_ms=time_ms)
    assert by_rate.soma_v_mv.equals(by_times.soma_v_mv)


def changed(name, at, value):
    array = np.array(given()[name], dtype=float)
    array[at] = value
    return {name: array}


EVENT = [[0, 0, 1.0], [1, 2, 3.0]]
TIMES = np.arange(round(T * KHZ)) / KHZ
REFUSED = {
    "no rate": ({"sampling_khz": None}, "give either 'sampling_khz'"),
    "two rates": ({"time_ms": TIMES}, "give either 'sampling_khz'"),
    "a rate of 0": ({"sampling_khz": 0}, "'sampling_khz' is 0, expected a number above 0"),
    "a rate of NaN": ({"sampling_khz": np.nan}, "'sampling_khz' is nan, expected"),
    "a rate in words": ({"sampling_khz": "fast"}, "'sampling_khz' is 'fast', expected"),
    "sampling that is not uniform": (
        {"sampling_khz": None, "time_ms": np.where(TIMES == 20, 20.1, TIMES)},
        "sampling is not uniform: sample 160 is at 20.1 ms, 0.1 ms from where equal steps of 0.125 ms have it",
    ),
    "a gap in sampling": ({"sampling_khz": None, "time_ms": TIMES + (TIMES > 30)}, "sampling is not uniform: sample"),
    "times that go back": ({"sampling_khz": None, "time_ms": TIMES[::-1]}, "sampling is not uniform"),
    "times from 5 ms on": ({"sampling_khz": None, "time_ms": TIMES + 5}, "'time_ms' begins at 5, expected 0"),
    "fewer times": ({"sampling_khz": None, "time_ms": TIMES[:-1]}, "'time_ms' has 399 times, 'soma_v_mv' 400 samples"),
    "voltage of NaN": (
        changed("soma_v_mv", (2, 7), np.nan),
        "'soma_v_mv' is nan at sample 7 of trial 2 (1 such in all)",
    ),
    "infinite voltage": (changed("soma_v_mv", (0, 0), np.inf), "'soma_v_mv' is inf at sample 0 of trial 0"),
    "voltage of one trial": ({"soma_v_mv": np.zeros(400)}, "'soma_v_mv' has shape (400,), expected (trial, sample)"),
    "voltage of no trial": ({"soma_v_mv": np.zeros((0, 400))}, "'soma_v_mv' holds no samples"),
    "traces of unequal lengths": ({"soma_v_mv": [[1.0], [1.0, 2.0]]}, "'soma_v_mv' is no array"),
    "less than 1 ms": ({"soma_v_mv": np.zeros((B, 3))}, "'soma_v_mv' has 3 samples at 8 kHz, less than 1 ms"),
    "a sign of 0": ({"sign": [1, 1, 0, -1]}, "'sign' is expected to be +1 or -1 of one synapse or more, got 0"),
    "no synapse": ({"sign": np.zeros(0)}, "'sign' is expected to be +1 or -1 of one synapse or more, got none"),
    "signs of a matrix": ({"sign": [SIGN]}, "'sign' has shape (1, 4), expected (synapse)"),
    "another number of synapses": ({"sign": [1, -1]}, "'input_spikes' has shape (3, 4, 50), expected (3, 2, 50)"),
    "another number of trials": (
        {"input_spikes": np.zeros((2, S, T), bool)},
        "has shape (2, 4, 50), expected (3, 4, 50)",
    ),
    "another length": ({"input_spikes": np.zeros((B, S, 400), bool)}, "has shape (3, 4, 400), expected (3, 4, 50)"),
    "spikes as numbers": ({"input_spikes": np.zeros((B, S, T))}, "of float64, expected booleans (trial, synapse, ms)"),
    "an event of no trial": ({"input_spikes": [*EVENT, [3, 0, 1]]}, "trial of event 2 is 3, expected a whole number"),
    "an event of no synapse": (
        {"input_spikes": [*EVENT, [0, 4, 1]]},
        "synapse of event 2 is 4, expected a whole number",
    ),
    "an event of half a synapse": (
        {"input_spikes": [[0, 0.5, 1]]},
        "synapse of event 0 is 0.5, expected a whole number",
    ),
    "an event after the trial": (
        {"input_spikes": [[0, 0, 50.0]]},
        "time_ms of event 0 is 50, expected a number from 0",
    ),
    "an event before it": ({"input_spikes": [[0, 0, -0.1]]}, "time_ms of event 0 is -0.1, expected a number from 0 to"),
    "an event of NaN": ({"input_spikes": [[0, 0, np.nan]]}, "time_ms of event 0 is nan, expected a number from 0"),
    "output of fewer trials": ({"output_spike_times_ms": [[1.0]]}, "has 1 lists of times, 'soma_v_mv' 3 trials"),
    "output after the trial": ({"output_spike_times_ms": [[], [], [50.0]]}, "of trial 2 has 50 ms, outside the trial"),
    "output before it": ({"output_spike_times_ms": [[-1.0], [], []]}, "of trial 0 has -1 ms, outside the trial"),
    "output in words": (
        {"output_spike_times_ms": [["a"], [], []]},
        "of trial 0 is expected to be a list of times in ms",
    ),
    "no output at 1 kHz": (
        {"output_spike_times_ms": None, "soma_v_mv": np.zeros((B, T)), "sampling_khz": 1},
        "at 1 kHz the voltage may miss a peak",
    ),
    "distances of fewer": ({"distance_um": [1.0]}, "'distance_um' is float64 of shape (1,), expected numbers of 4"),
    "a distance of NaN": ({"distance_um": [1, 2, 3, np.nan]}, "'distance_um' is expected to be 0 or more"),
    "another tree": ({"tree": ["axon"] * S}, "'tree' is expected to be basal or apical"),
    "half a segment": ({"segment": [0.5] * S}, "'segment' is float64 of shape (4,), expected whole numbers"),
    "two distances of a segment": (
        {"segment": [3, 3, 4, 4], "distance_um": [1.0, 2.0, 3.0, 3.0]},
        "'distance_um' differs between synapses of segment 3",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_one_line_and_nothing_is_written(tmp_path, case):
    changes, said = REFUSED[case]
    with pytest.raises(InputError, match=re.escape(said)) as refused:
        from_arrays(**given(**changes), out=tmp_path / "mine.zarr")
    assert "\n" not in str(refused.value) and str(refused.value).startswith("from_arrays: ")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_the_same_as_the_arrays(tmp_path):
    arrays = given(**IN_FILE)
    np.savez(tmp_path / "mine.npz", **arrays)
    by_file = open_dataset(import_arrays(tmp_path / "mine.npz", tmp_path / "file.zarr"))
    assert by_file.identical(taken(tmp_path).assign_attrs(by_file.attrs))
    assert by_file.attrs["dataset_id"] == open_dataset(tmp_path / "mine.zarr").attrs["dataset_id"]
    assert json.loads(by_file.attrs["provenance"])["files"][0]["name"] == "mine.npz"
    with pytest.raises(InputError, match="holds 'sampling_khz' itself; leave --sampling out"):
        import_arrays(tmp_path / "mine.npz", tmp_path / "again.zarr", sampling_khz=8)
    with pytest.raises(InputError, match="exists already; give --overwrite"):
        import_arrays(tmp_path / "mine.npz", tmp_path / "file.zarr")


def one_array(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


FILES = {
    "an array of another name": (
        lambda p: np.savez(p, **given(**IN_FILE), voltage=[1]),
        "array 'voltage' is not known",
    ),
    "an array too few": (lambda p: np.savez(p, sign=SIGN), "lacks the array 'input_spikes'"),
    "no rate": (lambda p: np.savez(p, **{k: given()[k] for k in ("input_spikes", "soma_v_mv", "sign")}), "give either"),
    "objects": (
        lambda p: np.savez(p, **given(**IN_FILE, sign=np.array([{}], object))),
        "no .npz of arrays (Object arrays",
    ),
    "text": (lambda p: p.write_text("hello"), "no .npz of arrays"),
    "one array": (one_array, "holds one array; expected an .npz"),
    "nothing": (lambda p: None, "cannot be read (No such file or directory)"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_refused(tmp_path, case):
    write, said = FILES[case]
    write(tmp_path / "mine.npz")
    with pytest.raises(InputError, match=re.escape(said)) as refused:
        import_arrays(tmp_path / "mine.npz", tmp_path / "mine.zarr")
    assert str(refused.value).startswith(f"{tmp_path / 'mine.npz'}: ") or "array 'voltage'" in str(refused.value)
    assert not (tmp_path / "mine.zarr").exists()
