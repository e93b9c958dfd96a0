"""A dataset is what it says, and what is not one is named in one line."""

import shutil

import numpy as np
import pytest
import zarr

from apical.simulate import schema


def test_a_written_trial_reads_back_as_labelled_arrays(make_dataset):
    ds = schema.open_dataset(make_dataset(n_trials=3))
    assert ds.input_spikes.dtype == bool and ds.input_spikes.dims == ("trial", "synapse", "time_ms")
    assert {"segment_type", "synapse_sign", "source_file"} <= set(ds.coords)
    assert ds.soma_v_mv.attrs["units"] == "mV"
    assert (ds.trial_status == schema.DONE).all()
    assert schema.config_of(ds) == {"seed": 0}


def test_spikes_cost_less_than_a_bit_each(make_dataset):
    path = make_dataset(n_trials=1, n_segments=100, duration_ms=2000)
    stored = sum(f.stat().st_size for f in (path / "input_spike_synapse" / "c").rglob("*") if f.is_file())
    assert stored < 200 * 2000 / 8


def test_output_bins_follow_the_published_rule(make_dataset):
    path = make_dataset(n_trials=1)
    row = np.full(200, np.nan)
    row[:4] = [0.2, 10.49, 10.5, 700.6]
    schema.write_trial(path, 0, {"output_spike_time_ms": row})
    bins = schema.output_spike_bins(schema.open_dataset(path))
    assert np.flatnonzero(bins[0]).tolist() == [0, 9, 10, 700]


def test_missing_store(tmp_path):
    with pytest.raises(schema.InputError, match=r"nothing\.zarr: no such dataset"):
        schema.open_dataset(tmp_path / "nothing.zarr")


def test_a_folder_that_is_no_store(tmp_path):
    with pytest.raises(schema.InputError, match="not a readable Zarr store"):
        schema.open_dataset(tmp_path)


def test_foreign_store(tmp_path):
    zarr.create_group(tmp_path / "other.zarr")
    with pytest.raises(schema.InputError, match="not a dataset written by apical"):
        schema.open_dataset(tmp_path / "other.zarr")


def test_another_schema_version(make_dataset):
    path = make_dataset()
    zarr.open_group(path, mode="r+").attrs["apical_schema"] = 99
    with pytest.raises(schema.InputError, match="schema 99"):
        schema.open_dataset(path)


def test_wrong_kind(make_dataset):
    with pytest.raises(schema.InputError, match="is a simulation, expected a prediction"):
        schema.open_dataset(make_dataset(), "prediction")


def test_missing_variable(make_dataset):
    path = make_dataset()
    shutil.rmtree(path / "soma_v_mv")
    schema.commit(path)
    with pytest.raises(schema.InputError, match="'soma_v_mv' is missing"):
        schema.open_dataset(path)


def test_lost_chunk(make_dataset):
    path = make_dataset()
    (path / "soma_v_mv" / "c" / "2" / "0").unlink()
    with pytest.raises(schema.InputError, match="'soma_v_mv' lacks 1 of 6 chunks"):
        schema.open_dataset(path)


@pytest.mark.parametrize("name", ["soma_v_mv", "input_spikes"])
def test_damaged_chunk(make_dataset, name):
    path = make_dataset()
    stored = "input_spike_synapse" if name == "input_spikes" else name
    chunk = next(f for f in (path / stored / "c" / "2").rglob("*") if f.is_file())
    chunk.write_bytes(chunk.read_bytes()[:50])
    ds = schema.open_dataset(path)
    with pytest.raises(schema.InputError, match=f"'{name}' is damaged at trial position 2"):
        schema.read(ds, name, 2)


def test_unfinished_store(make_dataset):
    path = make_dataset()
    zarr.open_group(path, mode="r+")["trial_status"].with_config({"write_empty_chunks": True})[4] = schema.PENDING
    with pytest.raises(schema.InputError, match="1 of 6 trials are not there yet"):
        schema.open_dataset(path)
    assert schema.open_dataset(path, complete=False).sizes["trial"] == 6


def test_wrong_units(make_dataset):
    path = make_dataset()
    zarr.open_group(path, mode="r+")["soma_v_mv"].attrs["units"] = "V"
    schema.commit(path)
    with pytest.raises(schema.InputError, match="has units 'V', not 'mV'"):
        schema.open_dataset(path)
