"""A network from its file is the population that Python makes of it, whole or in pieces; what cannot run is a line."""

import hashlib
import json
import shutil

import numpy as np
import psutil
import pytest
import xarray as xr
from scipy.sparse import coo_array, save_npz

from apical.simulate.schema import InputError
from apical.surrogate import Population, Surrogate, run_population, spikes_to_sonata
from apical.surrogate.network import run

MODEL = "l5pc-nmda-small"
TABLE = {"pre": [0, 3, 5], "post": [1, 2, 0], "synapse": [0, 700, 2], "weight": [1, 0.5, 2], "delay_ms": [1, 2, 3]}
SPIKES = {"time_ms": [45.5, 3.0, 3.0], "neuron": [5, 1, 0], "synapse": [7, 8, 9], "weight": [1.0, 2.0, 1.0]}
NETWORK = {
    "duration_ms": 60,
    "seed": 5,
    "record": [4, 0],
    "groups": [
        {"name": "a", "model": MODEL, "n": 4, "poisson_hz": {"excitatory": 25, "inhibitory": 5}},
        {"name": "b", "model": MODEL, "n": 2, "poisson_hz": 8},
    ],
}


@pytest.fixture(scope="module")
def cell():
    return Surrogate.load(MODEL)


@pytest.fixture
def network(tmp_path, monkeypatch):
    """The fields of a network with connections and input from files in the working folder."""
    monkeypatch.chdir(tmp_path)
    np.savez("table.npz", **TABLE)
    np.savez("input.npz", **SPIKES)
    return NETWORK | {"connections": [{"file": "table.npz"}], "input_spikes": "input.npz"}


def content(store):
    return {str(path.relative_to(store)): path.read_bytes() for path in sorted(store.rglob("*")) if path.is_file()}


class Stopped(Exception):
    pass


def stop_at(ms):
    def report(done, total, note):
        if done >= ms:
            raise Stopped

    return report


def test_it_is_the_population_that_python_makes(network, tmp_path, cell, monkeypatch):
    monkeypatch.setattr(run, "AT_ONCE_MS", 7)
    reached = []
    found = run_population(network, "out.zarr", report=lambda *told: reached.append(told[:2]))
    rates = [np.where(cell.sign_s > 0, 25.0, 5.0), 8]
    expected = Population([cell, cell], [4, 2], TABLE, seed=5, poisson_hz=rates).run(60, SPIKES, record=[4, 0])
    assert expected.spike_neuron.size > 3
    xr.testing.assert_equal(found, expected)
    assert all(found[name].attrs == expected[name].attrs for name in expected.variables)
    assert {each.dtype for each in found.variables.values()} == {np.dtype(each) for each in ("i4", "i8", "f4")}
    assert reached == [(min(7 * i, 60), 60) for i in range(1, 10)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["input.npz", "out.zarr", "table.npz"]


def test_what_the_dataset_tells_of_itself(network, tmp_path):
    ds = run_population(network, "out.zarr")
    config, provenance = (json.loads(ds.attrs[name]) for name in ("config", "provenance"))
    assert [(each["group"], each["run"], each["n"]) for each in config["groups"]] == [("a", MODEL, 4), ("b", MODEL, 2)]
    assert (config["seed"], config["connections"][0]["file"]) == (5, "table.npz")
    assert {"apical", "python", "git_commit", "torch", "device"} <= {*provenance}
    digest = hashlib.sha256((tmp_path / "table.npz").read_bytes()).hexdigest()
    assert provenance["files"][0] == {"name": "table.npz", "sha256": digest}
    others = [NETWORK, network | {"seed": 6}, network | {"duration_ms": 50}]
    ids = {run_population(each, f"other{at}.zarr").attrs["dataset_id"] for at, each in enumerate(others)}
    assert len(ids | {ds.attrs["dataset_id"]}) == 4
    assert run_population(network, "again.zarr").attrs["dataset_id"] == ds.attrs["dataset_id"]


@pytest.mark.parametrize("stops", [[1], [33], [60], [14, 14, 35, 59]])
def test_stopped_and_resumed_it_is_the_same_to_the_byte(network, tmp_path, monkeypatch, stops):
    run_population(network, "whole.zarr")
    monkeypatch.setattr(run, "AT_ONCE_MS", 7)
    monkeypatch.setattr(run, "KEEP_EVERY_S", 0.0)
    for stop in stops:
        with pytest.raises(Stopped):
            run_population(network, "out.zarr", resume=True, report=stop_at(stop))
        assert not (tmp_path / "out.zarr").exists()
    began = []
    run_population(network, "out.zarr", resume=True, report=lambda done, *_: began.append(done))
    assert began[0] == min((stops[-1] - 1) // 7 * 7 + 7, 60)  # where the last one was stopped
    assert content(tmp_path / "out.zarr") == content(tmp_path / "whole.zarr")
    assert not (tmp_path / "out.zarr.partial").exists()


def test_what_goes_on_and_what_begins_again(network, monkeypatch):
    monkeypatch.setattr(run, "AT_ONCE_MS", 7)
    monkeypatch.setattr(run, "KEEP_EVERY_S", 0.0)
    with pytest.raises(Stopped):
        run_population(network, "out.zarr", report=stop_at(20))
    with pytest.raises(InputError, match=r"out\.zarr\.partial: an unfinished run is there; --resume goes on with it"):
        run_population(network, "out.zarr")
    with pytest.raises(InputError, match=r"out\.zarr\.partial: of another network, or another file or model in it"):
        run_population(network | {"seed": 6}, "out.zarr", resume=True)
    first = run_population(network | {"seed": 6}, "out.zarr", overwrite=True)
    assert run_population(network | {"seed": 6}, "out.zarr", resume=True).identical(first)
    for resume in (False, True):
        with pytest.raises(InputError, match=r"out\.zarr: exists already; --overwrite replaces it"):
            run_population(network, "out.zarr", resume=resume)
    assert run_population(network, "out.zarr", overwrite=True).attrs["dataset_id"] != first.attrs["dataset_id"]


def test_what_is_there_but_no_run_stays(network, tmp_path, make_dataset):
    make_dataset("data.zarr")
    (tmp_path / "folder").mkdir()
    for name, told in (("data.zarr", "is there but is no run of a population"), ("folder", "not a readable Zarr")):
        with pytest.raises(InputError, match=f"{name}: {told}"):
            run_population(network, name, overwrite=True)
    with pytest.raises(InputError, match="cannot be written"):
        run_population(network, "nowhere/out.zarr")


@pytest.mark.parametrize("spoil", ["lose", "halve"])
def test_an_unfinished_run_that_is_damaged(network, tmp_path, monkeypatch, spoil):
    monkeypatch.setattr(run, "AT_ONCE_MS", 7)
    monkeypatch.setattr(run, "KEEP_EVERY_S", 0.0)
    with pytest.raises(Stopped):
        run_population(network, "out.zarr", report=stop_at(30))
    part = tmp_path / "out.zarr.partial" / "7-14.npz"
    part.write_bytes(part.read_bytes()[:100]) if spoil == "halve" else part.unlink()
    told = r"7-14\.npz: damaged" if spoil == "halve" else r"out\.zarr\.partial: lacks what was done from 7 ms on"
    with pytest.raises(InputError, match=rf"{told}.*begin again with --overwrite"):
        run_population(network, "out.zarr", resume=True)
    assert run_population(network, "out.zarr", overwrite=True).sizes["time_ms"] == 60


def test_sonata_spikes(network, tmp_path):
    libsonata = pytest.importorskip("libsonata", reason="libsonata is not installed")
    pytest.importorskip("h5py", reason="h5py is not installed")
    ds = run_population(network, "out.zarr")
    read = libsonata.SpikeReader(str(spikes_to_sonata(ds, tmp_path / "spikes.h5")))["cells"].get()
    assert read == list(zip(ds.spike_neuron.values.tolist(), ds.spike_time_ms.values.astype(float), strict=True))


def test_paths_begin_at_the_file(network, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    for name in ("table.npz", "input.npz"):
        shutil.move(name, here / name)
    (here / "network.toml").write_text(
        f'duration_ms = 20\ninput_spikes = "input.npz"\n[[groups]]\nmodel = "{MODEL}"\nn = 6\n'
        '[[connections]]\nfile = "table.npz"\n'
    )
    np.savez(here / "input.npz", **{name: values[1:] for name, values in SPIKES.items()})
    assert run_population("here/network.toml", "out.zarr").sizes["time_ms"] == 20


BAD = [
    ({"groups": [{"model": "no-such-model", "n": 6}]}, "network: groups.0.model: no-such-model: no run there"),
    ({"groups": [{"model": MODEL, "n": 6, "poisson_hz": [1, 2]}]}, r"network: poisson_hz: .*one for each of 1278 syn"),
    (
        {"groups": [{"model": MODEL, "n": 6, "poisson_hz": -1}]},
        r"network: poisson_hz: -1\.0 at synapse 0, expected 0 to",
    ),
    ({"groups": [{"model": MODEL, "n": 2**40}]}, r"network: 1,099,511,627,776 neurons take .* GiB, .*take fewer"),
    ({"connections": [{"file": "none.csv"}]}, r"none\.csv: the table cannot be read"),
    ({"connections": [{"file": "bad.npz"}]}, "bad.npz: connectivity: 'post' of connection 1 is 6, expected one of 6"),
    ({"connections": [{"file": "m.npz"}]}, r"m\.npz: a matrix of shape \(3, 3\), expected \(6, 6\)"),
    ({"connections": [{"in_degree": 6}]}, "connections.0: in_degree is 6, there are 5 others to choose from"),
    ({"input_spikes": "late.npz"}, "late.npz: spikes: 'time_ms' of spike 0 is 60.0, expected a time in this run"),
    ({"input_spikes": "table.npz"}, "table.npz: spikes: column 'pre', expected time_ms, neuron, synapse"),
]


@pytest.mark.parametrize("change, told", BAD)
def test_what_cannot_run_leaves_nothing(network, tmp_path, change, told):
    np.savez("bad.npz", **TABLE | {"post": [1, 6, 0]})
    np.savez("late.npz", **SPIKES | {"time_ms": [60.0, 1, 1]})
    save_npz("m.npz", coo_array(([1.0], ([0], [1])), shape=(3, 3)))
    with pytest.raises(InputError, match=told):
        run_population(network | change, "out.zarr")
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_a_model_without_spikes_of_its_own(network, make_dataset):
    from apical.surrogate import fit, quick

    make_dataset("data.zarr")
    fit(quick("tcn", "1x2", steps=2, batch=2, window_ms=100, burn_in_ms=10), "data.zarr", "tcn", device="cpu")
    with pytest.raises(InputError, match=r"network: Population: tcn-1x2 is of family tcn, expected a fitted ELM"):
        run_population(NETWORK | {"groups": [{"model": "tcn", "n": 6}]}, "out.zarr")


def test_too_little_memory(network, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 1000}))
    with pytest.raises(InputError, match=r"network: 6 neurons with 3 connections take 0\.0 GiB, 0\.0 are free"):
        run_population(network, "out.zarr")
