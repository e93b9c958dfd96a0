"""`apical population`: a network run, gone on with, and refused in one line that names file, field and value."""

import json
import re
from pathlib import Path

import numpy as np
import psutil
import pytest
import xarray as xr

NETWORK = """
duration_ms = 40
record = [1]
[[groups]]
name = "a"
model = "run"
n = 3
poisson_hz = 40
[[connections]]
"""
TABLE = {"pre": [0, 1], "post": [1, 2], "synapse": [3, 15], "weight": [1.0, 0.5], "delay_ms": [1, 2]}


def write(connections="probability = 0.5", network=NETWORK, **columns):
    np.savez("table.npz", **TABLE | columns)
    Path("network.toml").write_text(network + connections)


def test_a_network_is_run(fitted, done):
    pytest.importorskip("h5py", reason="h5py is not installed")
    write()
    told = done("population network.toml --out spikes.zarr --sonata spikes.h5")
    ds = xr.open_zarr("spikes.zarr")
    assert ds.sizes["time_ms"] == 40 and ds.neuron.values.tolist() == [1]
    assert json.loads(ds.attrs["config"])["groups"][0]["run"].endswith("run")
    n = ds.sizes["spike"]
    assert told == f"spikes.zarr: {n} spikes of 3 neurons in 40 ms ({n / 3 / 0.04:.2f} Hz)\nspikes.h5: written\n"
    assert done("population network.toml --out spikes.zarr --resume").startswith(f"spikes.zarr: {n} spikes")


def test_what_is_there_is_replaced_when_it_is_said(fitted, done, refused):
    write()
    done("population network.toml --out spikes.zarr")
    assert refused("population network.toml --out spikes.zarr").endswith("exists already; --overwrite replaces it")
    done("population network.toml --out spikes.zarr --overwrite")
    assert "is no run of a population" in refused("population network.toml --out truth.zarr --overwrite")


FILE = 'file = "table.npz"'
BAD = [
    ({"post": [1, 3]}, FILE, r"table\.npz: connectivity: 'post' of connection 1 is 3, expected one of 3 neurons"),
    ({"delay_ms": [1, -2]}, FILE, r"table\.npz: delay_ms of connection 1 is -2, expected whole ms"),
    ({"synapse": [3, 16]}, FILE, r"table\.npz: connectivity: 'synapse' of connection 1 is 16, expected one of 16"),
    ({"weight": [np.nan, 1]}, FILE, r"table\.npz: connectivity: 'weight' of connection 0 is nan, expected 0 or more"),
    ({}, 'file = "edges.h5"', r"edges\.h5: no such file"),
    ({}, "probability = 2", r"network\.toml: connections\.0\.probability: .*less than or equal to 1, not 2"),
    ({}, "probability = 0.1\ndelay_ms = 0", r"network\.toml: delay_ms is 0, expected whole ms from 1"),
    ({}, "probability = 0.1\npre = 'b'", r"network\.toml: connections: pre is 'b', expected a group: there are a"),
    ({}, "probability", r"network\.toml: the network cannot be read \("),
]


@pytest.mark.parametrize("columns, connections, told", BAD)
def test_what_is_no_network(fitted, refused, columns, connections, told):
    write(connections, **columns)
    assert re.search(told, refused("population network.toml --out spikes.zarr"))
    assert not [path for path in fitted.iterdir() if "spikes" in path.name]


def test_a_model_without_spikes_of_its_own(fitted, done, refused):
    done("fit truth.zarr --model ln --size 1 --steps 2 --batch 2 --out ln --device cpu")
    write(network=NETWORK.replace('"run"', '"ln"'))
    told = refused("population network.toml --out spikes.zarr")
    assert re.search(r"network\.toml: Population: .* is of family ln, expected a fitted ELM", told)


def test_too_little_memory(fitted, refused, monkeypatch):
    write(network=NETWORK.replace("n = 3", "n = 3000000000000"))
    told = refused("population network.toml --out spikes.zarr")
    assert re.search(r"network\.toml: 3,000,000,000,000 neurons take [\d,.]+ GiB, [\d,.]+ are free: take fewer", told)
    write()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 400}))
    told = refused("population network.toml --out spikes.zarr")
    assert re.search(r"connections\.0: 4 connections take 0\.0 GiB, 0\.0 are free", told)
