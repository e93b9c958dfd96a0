"""Edges of SONATA, written here by h5py in the published layout, as connections."""

import sys

import numpy as np
import pytest

from apical.simulate.schema import InputError
from apical.surrogate import Population, Surrogate, connections_from_sonata

PRE, POST, WEIGHT, DELAY_MS = [0, 1, 2, 0], [1, 2, 0, 2], [0.5, 1.0, 2.0, 1.5], [1.0, 2.0, 3.0, 7.0]


@pytest.fixture(scope="module")
def cell():
    return Surrogate.load("l5pc-nmda-small")


def test_what_is_read(write_edges, tmp_path):
    told = {"syn_weight": np.array(WEIGHT), "delay": np.array(DELAY_MS), "synapse": np.array([9, 8, 7, 6], "u2")}
    table = connections_from_sonata(write_edges(tmp_path / "edges.h5", PRE, POST, **told))
    found = {name: values.tolist() for name, values in table.items()}
    assert found == {"pre": PRE, "post": POST, "synapse": [9, 8, 7, 6], "weight": WEIGHT, "delay_ms": DELAY_MS}


def test_a_population_of_it_is_that_of_the_table(write_edges, tmp_path, cell):
    path = write_edges(tmp_path / "edges.h5", PRE, POST, syn_weight=WEIGHT, delay=DELAY_MS, afferent=[9, 8, 7, 6])
    table = {"pre": PRE, "post": POST, "synapse": [9, 8, 7, 6], "weight": WEIGHT, "delay_ms": [1, 2, 3, 7]}
    both = [connections_from_sonata(path, synapse="afferent"), table]
    runs = [Population(cell, 3, each, threshold=0.001, poisson_hz=20).run(60, record=[0, 1, 2]) for each in both]
    assert runs[0].identical(runs[1]) and runs[0].spike_neuron.size > 10


def test_without_synapses_they_are_drawn_by_sign(write_edges, tmp_path, cell):
    weight = np.array([0.5, -1.0] * 500)
    pre, post = np.random.default_rng(0).integers(3, size=(2, 1000))
    table = connections_from_sonata(write_edges(tmp_path / "edges.h5", pre, post, syn_weight=weight))
    assert {*table} == {"pre", "post", "weight"}
    wires = Population(cell, 3, table, 2, seed=4)._wires
    sign_e = cell.sign_s[wires.synapse_e]
    assert np.array_equal(wires.weight_e[sign_e > 0], np.full(500, 0.5, "f4"))
    assert np.array_equal(wires.weight_e[sign_e < 0], np.full(500, 1.0, "f4"))
    assert (wires.delay_ms_r == 2).all()


def test_one_population_of_several(write_edges, tmp_path):
    path = write_edges(tmp_path / "edges.h5", [0], [1], "a__b", ("a", "b"))
    write_edges(path, [0, 3], [5, 2], "b__b", ("b", "b"))
    with pytest.raises(InputError, match=r"edges\.h5: name one of its edge populations: there are a__b, b__b"):
        connections_from_sonata(path)
    with pytest.raises(InputError, match="has no edge population 'c': there are a__b, b__b"):
        connections_from_sonata(path, "c")
    assert connections_from_sonata(path, "b__b")["post"].tolist() == [5, 2]
    with pytest.raises(InputError, match="'a__b' leads from nodes 'a' to nodes 'b': say which neurons these are"):
        connections_from_sonata(path, "a__b")
    table = connections_from_sonata(path, "a__b", first=(10, 20))
    assert (table["pre"].tolist(), table["post"].tolist()) == ([10], [21])


def test_no_edges(write_edges, tmp_path, cell):
    table = connections_from_sonata(write_edges(tmp_path / "edges.h5", [], []))
    assert Population(cell, 2, table).n_connections == 0


BAD = [
    ({"post": [1, 2, 0, 3]}, "'post' of connection 3 is 3, expected one of 3 neurons, from 0 on"),
    ({"pre": [0, 2**64 - 1, 1, 1]}, "'pre' of connection 1 is -1, expected one of 3 neurons"),
    ({"delay": [1, 2, 2.5, 1]}, "delay_ms of connection 2 is 2.5, expected whole ms from 1"),
    ({"delay": [1, -2.0, 1, 1]}, "delay_ms of connection 1 is -2.0, expected whole ms from 1"),
    ({"syn_weight": [1, np.nan, 1, 1]}, "'weight' of connection 1 is nan, expected finite numbers"),
    ({"synapse": [0, 0, 10**6, 0]}, r"'synapse' of connection 2 is 1000000, expected one of 1278 synapses"),
    ({"synapse": [0, 0, 0, 0], "syn_weight": [1, 1, -1, 1]}, "'weight' of connection 2 is -1.0, expected 0 or more"),
]


@pytest.mark.parametrize("change, told", BAD)
def test_edges_that_cannot_be_connections(write_edges, tmp_path, cell, change, told):
    given = {"pre": PRE, "post": POST, "syn_weight": WEIGHT, "delay": DELAY_MS}
    table = connections_from_sonata(write_edges(tmp_path / "edges.h5", **given | change))
    with pytest.raises(InputError, match=told):
        Population(cell, 3, table)


def test_files_that_hold_no_edges(write_edges, tmp_path, capfd):
    h5py = pytest.importorskip("h5py")
    (tmp_path / "text.h5").write_text("hello")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["spikes"] = [1]
    for name, told in (("none.h5", "no such file"), ("text.h5", "not a readable SONATA"), ("other.h5", "of edges")):
        with pytest.raises(InputError, match=rf"{name}: .*{told}"):
            connections_from_sonata(tmp_path / name)
    path = write_edges(tmp_path / "edges.h5", PRE, POST, delay=DELAY_MS)
    with pytest.raises(InputError, match="edges have no attribute 'target' for the synapse; there are delay"):
        connections_from_sonata(path, synapse="target")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("library", ["libsonata", "h5py"])
def test_without_the_library(monkeypatch, tmp_path, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InputError, match=r"SONATA takes libsonata and h5py.*pip install 'apical\[sonata\]'"):
        connections_from_sonata(tmp_path / "edges.h5")
