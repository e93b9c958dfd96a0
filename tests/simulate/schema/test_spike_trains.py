"""Input spikes as events on disk: what is written is what is read, whole or in windows, by every way in."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from apical.simulate import schema
from apical.simulate.schema import EventStore, InputError, SpikeTrains


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 300),
    st.integers(1, 40),
    st.floats(0, 1, allow_subnormal=False),
    st.integers(0, 50),
    st.integers(1, 60),
    st.integers(0, 9),
)
def test_a_window_is_that_part_of_the_array(n_synapses, n_bins, density, start, length, seed):
    spikes_st = np.random.default_rng(seed).random((n_synapses, n_bins)) < density
    expected = np.zeros((n_synapses, length), bool)
    inside = spikes_st[:, start : start + length]
    expected[:, : inside.shape[1]] = inside
    assert (SpikeTrains.from_dense(spikes_st).dense(n_synapses, start, length) == expected).all()


def test_two_bins_by_hand():
    trains = SpikeTrains.from_dense(np.array([[1, 0, 1], [0, 0, 1]], bool))
    assert trains.count_t.tolist() == [1, 0, 2] and trains.synapse_n.tolist() == [0, 0, 1]
    bins, synapse = trains.window(1, 5)
    assert bins.tolist() == [1, 1] and synapse.tolist() == [0, 1]


@pytest.mark.parametrize("n_synapses", [1, 255, 256, 1278, 70_000])
def test_every_synapse_has_a_name_and_no_event_another(n_synapses):
    from apical.simulate.schema.spike_trains import event_dtype

    assert np.iinfo(event_dtype(n_synapses)).max >= n_synapses


def test_the_dense_view_is_what_was_written(make_dataset, monkeypatch):
    """Also where a trial's events fill more than one chunk."""
    from apical.simulate.schema import spike_trains

    monkeypatch.setattr(spike_trains, "CHUNK_EVENTS", 64)
    rng = np.random.default_rng(3)
    path = make_dataset()
    written = rng.random((6, 16, 1500)) < np.array([0, 0.001, 0.01, 0.1, 0.5, 1])[:, None, None]
    for trial in range(6):
        schema.write_trial(path, trial, {"input_spikes": written[trial]})
    ds = schema.open_dataset(path)
    assert (ds.input_spikes.values == written).all()
    some = ds.input_spikes.isel(trial=[5, 2], synapse=slice(3, 12), time_ms=[1400, 7, 80])
    assert (some.values == written[[5, 2]][:, 3:12][:, :, [1400, 7, 80]]).all()
    assert (ds.input_spikes.sel(trial=3, time_ms=slice(100, 199)).values == written[3, :, 100:200]).all()
    assert ds.input_spikes.isel(trial=[]).values.shape == (0, 16, 1500)


def encode_anew(path, *names, compressors=None, chunks=None):
    """With another compression and other chunks, as anybody may who has Zarr."""
    group = zarr.open_group(path, mode="r+")
    for name in names:
        old = group[name]
        values, fill = old[...], old.fill_value
        again = group.create_array(
            name,
            shape=values.shape,
            chunks=chunks or old.chunks,
            dtype=values.dtype,
            fill_value=fill,
            compressors=compressors,
            dimension_names=old.metadata.dimension_names,
            attributes=dict(old.attrs),
            overwrite=True,
        )
        again[...] = values
    schema.commit(path)


def test_a_store_that_was_encoded_anew_reads_the_same(make_dataset):
    path = make_dataset()
    expected = schema.open_dataset(path).input_spikes.values
    encode_anew(path, "input_spike_count", "input_spike_synapse")
    assert (schema.open_dataset(path).input_spikes.values == expected).all()


def test_a_store_that_was_encoded_anew_is_written_too(make_dataset):
    path = make_dataset()
    encode_anew(path, "input_spike_count", "input_spike_synapse", "trial_status")
    encode_anew(path, "soma_v_mv", compressors=zarr.codecs.BloscCodec(), chunks=(1, 400))
    spikes, v_mv = np.random.default_rng(1).random((16, 1500)) < 0.1, np.arange(1500.0, dtype="f4")
    schema.write_trial(path, 2, {"input_spikes": spikes, "soma_v_mv": v_mv}, schema.FAILED)
    ds = schema.open_dataset(path)
    assert (ds.input_spikes.values[2] == spikes).all() and (ds.soma_v_mv.values[2] == v_mv).all()
    assert (schema.TrialChunks.of(path, "soma_v_mv").read(2) == v_mv).all()
    assert ds.trial_status.values.tolist() == [1, 1, schema.FAILED, 1, 1, 1]


@pytest.mark.parametrize("shape, dtype", [((6,), "i1"), ((6, 70), "f8"), ((6, 200), "u2"), ((6, 7, 50), "f4")])
@pytest.mark.parametrize("shuffle", ["noshuffle", "shuffle", "bitshuffle"])
def test_chunks_are_those_that_zarr_writes(tmp_path, shape, dtype, shuffle):
    """To the byte, at the same places, also where a trial has several or the last one is not full."""
    values = np.random.default_rng(0).integers(0, 9, shape).astype(dtype)
    files = []
    for folder in (tmp_path / "theirs", tmp_path / "ours"):
        array = zarr.open_group(folder, mode="w").create_array(
            "values",
            shape=shape,
            chunks=(1, *[min(n, 128) for n in shape[1:]]),
            dtype=dtype,
            fill_value=7,
            compressors=zarr.codecs.BloscCodec(cname="lz4", clevel=3, shuffle=shuffle, typesize=values.itemsize),
            config={"write_empty_chunks": True},
        )
        if folder.name == "theirs":
            array[...] = values
        else:
            chunks = schema.TrialChunks(array)
            for position, at in np.ndindex(6, array.cdata_shape[1] if len(shape) > 1 else 1):
                chunk = np.full(array.chunks[1:], 7, dtype)
                part = values[position, at * 128 : (at + 1) * 128] if len(shape) > 1 else values[position]
                chunk[tuple(map(slice, part.shape))] = part
                chunks.write(position, chunk, at)
        files.append({f.relative_to(folder): f.read_bytes() for f in folder.rglob("*") if f.is_file()})
    assert files[0] == files[1] and len(files[0]) >= 7


def test_events_that_are_missing_are_named(make_dataset):
    path = make_dataset()
    array = zarr.open_group(path, mode="r+")["input_spike_synapse"]
    values = array[2]
    values[10] = array.fill_value
    array[2] = values
    with pytest.raises(InputError, match=r"'input_spikes' is damaged at trial position 2 .fewer events than it counts"):
        schema.read(schema.open_dataset(path), "input_spikes", 2)
    assert EventStore(path).read(1).count_t.shape == (1500,)


def test_a_store_without_input_spikes_says_so(tmp_path):
    zarr.open_group(tmp_path / "none.zarr", mode="w")
    with pytest.raises(InputError, match="has no input spikes"):
        EventStore(tmp_path / "none.zarr")


def test_booleans_of_another_program_are_read_as_events(make_dataset, tmp_path):
    """As docs/guides/your_own_data.md writes them, in chunks of its own."""
    path, theirs = make_dataset(), tmp_path / "theirs.zarr"
    ds = schema.open_dataset(path)
    chunks = {name: {"chunks": (1, *values.shape[1:])} for name, values in ds.data_vars.items()}
    chunks["input_spikes"] = {"chunks": (1, 5, 600)}
    for values in ds.variables.values():
        values.encoding.clear()
    ds.load().to_zarr(theirs, encoding=chunks, write_empty_chunks=True, consolidated=False)
    ours, found = EventStore(path), EventStore(theirs)
    assert found.shape == ours.shape == (6, 1500)
    for trial in range(6):
        assert np.array_equal(found.read(trial).count_t, ours.read(trial).count_t)
        assert np.array_equal(found.read(trial).synapse_n, ours.read(trial).synapse_n)
    assert schema.open_dataset(theirs).input_spikes.equals(ds.input_spikes)


def test_plain_xarray_reads_the_rest_of_a_store(make_dataset):
    """Whoever has no apical finds plain arrays: counts per bin, and synapses in the same order."""
    path = make_dataset()
    ds = xr.open_zarr(path, consolidated=False, chunks=None)
    dense = schema.open_dataset(path).input_spikes.values
    count = ds.input_spike_count.values
    assert (count == dense.sum(axis=1)).all()
    events = ds.input_spike_synapse.isel(trial=4, input_spike=slice(0, int(count[4].sum()))).values
    assert (events == np.nonzero(dense[4].T)[1]).all()
