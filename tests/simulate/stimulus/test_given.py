"""Input spikes that a user gives arrive as they are, and what cannot be used is named."""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from apical.simulate import presets, schema
from apical.simulate.run import dataset
from apical.simulate.schema import InputError
from apical.simulate.stimulus import given as input_files
from apical.simulate.stimulus.given import GivenSpikes

TRIALS, SYNAPSES, MS = 3, 52, 120


@pytest.fixture
def spikes():
    return np.random.default_rng(0).random((TRIALS, SYNAPSES, MS)) < 0.01


def as_npy(path, spikes):
    np.save(path / "given.npy", spikes)
    return path / "given.npy"


def as_npz(path, spikes):
    np.savez_compressed(path / "given.npz", spikes)
    return path / "given.npz"


def as_zarr(path, spikes):
    array = zarr.create_array(path / "given.zarr", shape=spikes.shape, dtype=bool, chunks=(1, *spikes.shape[1:]))
    array[...] = spikes
    return path / "given.zarr"


def as_csv(path, spikes):
    rows = [f"{trial},{synapse},{ms}.25" for trial, synapse, ms in zip(*np.nonzero(spikes), strict=True)]
    (path / "given.csv").write_text("\n".join(["trial,synapse,time_ms", *rows[::-1]]) + "\n")
    return path / "given.csv"


def as_csv_of_a_spreadsheet(path, spikes):
    """It begins with a byte order mark."""
    file = as_csv(path, spikes)
    file.write_text(file.read_text(), encoding="utf-8-sig")
    return file


@pytest.mark.parametrize("write", [as_npy, as_npz, as_zarr, as_csv, as_csv_of_a_spreadsheet])
def test_every_form_is_read(tmp_path, spikes, write):
    given = GivenSpikes(write(tmp_path, spikes), SYNAPSES, MS)
    assert given.n_trials == TRIALS
    for trial in range(TRIALS):
        assert np.array_equal(given.trial(trial), spikes[trial])


@pytest.mark.parametrize("write", [as_npy, as_npz, as_zarr, as_csv])
def test_the_content_counts_and_not_the_place(tmp_path, spikes, write):
    elsewhere, other = tmp_path / "elsewhere", tmp_path / "other"
    elsewhere.mkdir()
    other.mkdir()
    here = write(tmp_path, spikes)
    assert input_files.digest(here) == input_files.digest(write(elsewhere, spikes))
    assert input_files.digest(here) != input_files.digest(write(other, ~spikes))


@pytest.mark.slow
def test_replaying_a_dataset_gives_it_again(swc, tmp_path):
    """Its input spikes, and therefore its voltages to the bit; from a table of its events too."""
    first = presets.nmda().model_copy(update={"morphology": str(swc()), "seconds": MS / 1000, "seed": 5})
    original = dataset.simulate(first, tmp_path / "first.zarr", TRIALS, 1)
    ds = schema.open_dataset(original)
    table = as_csv(tmp_path, schema.read(ds, "input_spikes"))
    ids = {ds.attrs["dataset_id"]}
    for number, given in enumerate((original, table)):
        again = first.model_copy(update={"input_spikes": str(given), "seed": 77})
        replayed = schema.open_dataset(dataset.simulate(again, tmp_path / f"{number}.zarr", TRIALS, 1))
        for name in ("input_spikes", "soma_v_mv", "output_spike_time_ms"):
            assert np.array_equal(schema.read(replayed, name), schema.read(ds, name), equal_nan=True), name
        ids.add(replayed.attrs["dataset_id"])
    assert len(ids) == 3


def test_a_lif_neuron_replays_too(tmp_path):
    given = np.zeros((1, 200, 300), bool)
    given[0, :100, 100] = True
    np.save(tmp_path / "volley.npy", given)
    chosen = presets.lif().model_copy(update={"seconds": 0.3, "input_spikes": str(tmp_path / "volley.npy")})
    ds = schema.open_dataset(dataset.simulate(chosen, tmp_path / "lif.zarr", 1, 1))
    assert (schema.read(ds, "soma_v_mv", 0)[:101] == -76).all()
    assert schema.read(ds, "output_spike_time_ms", 0)[0] == pytest.approx(100, abs=1)


class Malicious:
    def __reduce__(self):
        return exec, ("raise SystemExit('a pickle ran')",)


def save(path, array, **keywords):
    np.save(path, array, **keywords)


WRONG = [
    ("nothere.npy", lambda p: None, "no such file of input spikes"),
    ("text.txt", lambda p: p.write_text("x"), "are read from .npy, .npz, .csv or a Zarr folder, not from '.txt'"),
    ("a.npy", lambda p: p.write_text("hello"), "input spikes cannot be read from it"),
    ("empty.npy", lambda p: p.touch(), "input spikes cannot be read from it"),
    (
        "pickle.npy",
        lambda p: save(p, np.array([Malicious()]), allow_pickle=True),
        "input spikes cannot be read from it",
    ),
    ("flat.npy", lambda p: save(p, np.zeros((52, 120), bool)), r"expected an array \(trial, synapse, time_ms\), got 2"),
    ("counts.npy", lambda p: save(p, np.zeros((1, 52, 120))), "expected booleans, .* got float64"),
    ("few.npy", lambda p: save(p, np.zeros((1, 50, 120), bool)), "has 50 synapses, the simulated neuron 52"),
    (
        "long.npy",
        lambda p: save(p, np.zeros((1, 52, 6000), bool)),
        "trials of 6000 ms, .* 120 ms: give --seconds 6",
    ),
    ("two.npz", lambda p: np.savez(p, a=np.zeros(1), b=np.zeros(1)), "expected one array, got a, b"),
    ("folder", lambda p: p.mkdir(), "input spikes cannot be read from it"),
    ("empty.csv", lambda p: p.touch(), "line 1: expected the columns trial,synapse,time_ms"),
    ("binary.csv", lambda p: p.write_bytes(bytes(range(256))), "input spikes cannot be read from it"),
    ("columns.csv", lambda p: p.write_text("time,synapse\n1,2\n"), "line 1: expected the columns"),
]
ROWS = [
    ("0,3,120", "line 3: time_ms is '120', expected a number from 0 to below 120"),
    ("0,3,-0.5", "line 3: time_ms is '-0.5'"),
    ("0,3,nan", "line 3: time_ms is 'nan'"),
    ("0,3,soon", "line 3: time_ms is 'soon'"),
    ("0,52,5", "line 3: synapse is '52', expected a whole number from 0 to below 52"),
    ("0,1.5,5", "line 3: synapse is '1.5', expected a whole number"),
    ("-1,3,5", "line 3: trial is '-1', expected a whole number from 0"),
    ("0,3", "line 3: time_ms is 'None', expected a number"),
]


@pytest.mark.parametrize("name, write, said", WRONG, ids=[name for name, _, _ in WRONG])
def test_a_file_that_cannot_be_used(tmp_path, name, write, said):
    write(tmp_path / name)
    with pytest.raises(InputError, match=said) as caught:
        GivenSpikes(tmp_path / name, SYNAPSES, MS)
    assert str(caught.value).startswith(str(tmp_path / name)) and "\n" not in str(caught.value)


@pytest.mark.parametrize("row, said", ROWS)
def test_an_event_that_cannot_be(tmp_path, row, said):
    (tmp_path / "events.csv").write_text(f"trial,synapse,time_ms\n0,51,119.9\n{row}\n")
    with pytest.raises(InputError, match=rf"events\.csv: {said}"):
        GivenSpikes(tmp_path / "events.csv", SYNAPSES, MS)


def test_a_prediction_has_no_input_spikes(tmp_path, make_dataset):
    group = zarr.open_group(make_dataset(), mode="r+")
    group.attrs["kind"] = "prediction"
    with pytest.raises(InputError, match=r"truth\.zarr"):
        GivenSpikes(tmp_path / "truth.zarr", 16, 1500)


def test_nothing_is_written_where_the_input_does_not_fit(swc, tmp_path):
    np.save(tmp_path / "few.npy", np.zeros((1, 50, 120), bool))
    chosen = presets.nmda().model_copy(
        update={"morphology": str(swc()), "seconds": 0.12, "input_spikes": str(tmp_path / "few.npy")}
    )
    with pytest.raises(InputError, match=r"few\.npy: has 50 synapses"):
        dataset.simulate(chosen, tmp_path / "a.zarr", 1, 1)
    assert not (tmp_path / "a.zarr").exists()
