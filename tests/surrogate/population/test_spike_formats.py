"""Spikes for others, beside what Neo and libsonata make of them."""

import numpy as np
import pytest
import xarray as xr

from apical.simulate.schema import InputError
from apical.surrogate.population.population import Population
from apical.surrogate.population.spike_formats import spikes_to_neo, spikes_to_sonata


@pytest.fixture
def spikes(make_surrogate):
    net = Population(make_surrogate(), 12, poisson_hz=20)
    net.run(20)
    return net.run(60)


def test_neo(spikes):
    trains = spikes_to_neo(spikes)
    assert [train.annotations["neuron"] for train in trains] == list(range(12))
    for i, train in enumerate(trains):
        assert (
            train.times.rescale("ms").magnitude.tolist()
            == spikes.spike_time_ms[spikes.spike_neuron == i].values.tolist()
        )
        assert (float(train.t_start), float(train.t_stop), train.units.dimensionality.string) == (20, 80, "ms")
    assert sum(map(len, trains)) == spikes.spike_neuron.size > 10


def test_sonata(spikes, tmp_path):
    pytest.importorskip("h5py", reason="h5py is not installed")
    libsonata = pytest.importorskip("libsonata", reason="libsonata is not installed")
    path = spikes_to_sonata(spikes, tmp_path / "spikes.h5", nodes="l5")
    read = libsonata.SpikeReader(str(path))["l5"]
    expected = zip(spikes.spike_neuron.values.tolist(), spikes.spike_time_ms.values.astype(float).tolist(), strict=True)
    assert read.get() == list(expected)
    assert (read.sorting, read.time_units) == ("by_time", "ms")


def test_no_spikes(spikes, tmp_path):
    pytest.importorskip("h5py", reason="h5py is not installed")
    silent = spikes.isel(spike=slice(0, 0))
    assert [len(train) for train in spikes_to_neo(silent)] == [0] * 12
    assert spikes_to_sonata(silent, tmp_path / "spikes.h5").exists()


def test_bad_input(spikes, tmp_path):
    pytest.importorskip("h5py", reason="h5py is not installed")
    other = xr.Dataset({"x": ("t", np.zeros(3))}, attrs={"kind": "simulation"})
    for write in (spikes_to_neo, lambda ds: spikes_to_sonata(ds, tmp_path / "spikes.h5")):
        with pytest.raises(InputError, match=r"a dataset of kind 'simulation', expected what Population\.run gives"):
            write(other)
    with pytest.raises(InputError, match="nodes is 'a/b', expected the name of a node population"):
        spikes_to_sonata(spikes, tmp_path / "spikes.h5", nodes="a/b")
    with pytest.raises(InputError, match="cannot be written"):
        spikes_to_sonata(spikes, tmp_path / "nowhere" / "spikes.h5")
