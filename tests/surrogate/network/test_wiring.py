"""Random connections against the laws that they follow, and files against the tables that they hold."""

import numpy as np
import psutil
import pytest
from scipy import stats
from scipy.sparse import coo_array, save_npz

from apical.simulate.schema import InputError
from apical.surrogate.network.config import read_network
from apical.surrogate.network.wiring import Neurons, table_of

SIZES = {"a": 60, "b": 40}
SIGNS = [np.repeat([1, -1], [6, 4]), np.repeat([1, -1], [3, 3])]


def wired(tmp_path, *connections, seed=0, sizes=SIZES):
    groups = [{"name": name, "model": "x", "n": n} for name, n in sizes.items()]
    fields = {"duration_ms": 1, "seed": seed, "groups": groups, "connections": list(connections)}
    stops = np.cumsum([*sizes.values()]).tolist()
    numbers = [range(stop - n, stop) for stop, n in zip(stops, sizes.values(), strict=True)]
    return table_of(read_network(fields)[0], Neurons(numbers, SIGNS), tmp_path)


def pairs(table):
    return list(zip(table["pre"].tolist(), table["post"].tolist(), strict=True))


def test_each_pair_by_itself(tmp_path):
    tables = [wired(tmp_path, {"probability": 0.2}, seed=seed) for seed in range(20)]
    counts = np.zeros((100, 100), int)
    for table in tables:
        assert len({*pairs(table)}) == len(table["pre"])
        counts[table["pre"], table["post"]] += 1
    assert not counts.diagonal().any()
    others = counts[~np.eye(100, dtype=bool)]
    assert others.mean() == pytest.approx(4, abs=4.5 * np.sqrt(20 * 0.16 / others.size))
    law = stats.binom(20, 0.2).pmf(np.arange(21)) * others.size
    found = np.bincount(others, minlength=21)
    assert stats.chisquare([*found[:9], found[9:].sum()], [*law[:9], law[9:].sum()]).pvalue > 0.001
    for sums in (counts.sum(0), counts.sum(1)):  # of the 99 others, in 20 networks
        assert sums.var() == pytest.approx(99 * 20 * 0.16, rel=4.5 * np.sqrt(2 / 100))


def test_so_many_senders_each_from_all_others_alike(tmp_path):
    table = wired(tmp_path, {"pre": "a", "post": "a", "in_degree": 59}, {"pre": "a", "post": "b", "in_degree": 7})
    within = [pair for pair in pairs(table) if pair[1] < 60]
    assert sorted(within) == [(i, j) for i in range(60) for j in range(60) if i != j]
    across = np.array([pair for pair in pairs(table) if pair[1] >= 60])
    assert len(across) == 40 * 7 == len({*map(tuple, across.tolist())})
    assert (np.bincount(across[:, 1])[60:] == 7).all() and across[:, 0].max() < 60
    assert stats.chisquare(np.bincount(across[:, 0], minlength=60)).pvalue > 0.001


def test_synapses_weights_and_delays(tmp_path):
    rules = ({"probability": 0.5, "weight": 0.5, "delay_ms": [2, 4]}, {"probability": 0.5, "weight": -3, "delay_ms": 9})
    table = wired(tmp_path, *rules)
    excites = table["weight"] == 0.5
    assert (table["weight"][~excites] == 3).all() and (table["delay_ms"][~excites] == 9).all()
    assert stats.chisquare(np.bincount(table["delay_ms"][excites], minlength=5)[2:]).pvalue > 0.001
    to_a = table["post"] < 60
    for group, those in enumerate((to_a, ~to_a)):
        sign_e = SIGNS[group][table["synapse"][those]]
        assert np.array_equal(sign_e > 0, excites[those])


def test_a_part_is_drawn_alone(tmp_path):
    rule, other = {"pre": "a", "in_degree": 5, "delay_ms": [1, 9]}, {"pre": "b", "in_degree": 3}
    tables = [wired(tmp_path, rule, seed=seed) for seed in (0, 0, 1)]
    both = wired(tmp_path, rule, other)
    for name in tables[0]:
        assert np.array_equal(tables[0][name], tables[1][name])
        assert np.array_equal(tables[0][name], both[name][:500])
    assert not np.array_equal(tables[0]["pre"], tables[2]["pre"])
    assert wired(tmp_path) is None


def test_files(tmp_path, write_edges):
    table = {"pre": [0, 3, 5], "post": [1, 2, 0], "synapse": [0, 1, 2], "weight": [1, 0.5, 2], "delay_ms": [1, 2, 3]}
    header, rows = ",".join(table), zip(*table.values(), strict=True)
    (tmp_path / "t.csv").write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]))
    np.savez(tmp_path / "t.npz", **table)
    told = {"syn_weight": table["weight"], "delay": np.array(table["delay_ms"], float), "synapse": table["synapse"]}
    write_edges(tmp_path / "t.h5", table["pre"], table["post"], "b__b", **told)
    whole = wired(tmp_path, {"file": "t.csv"})
    assert {name: values.tolist() for name, values in whole.items()} == table
    assert (tmp_path / "t.csv").read_text()
    moved = table | {"pre": [60, 63, 65], "post": [61, 62, 60], "weight": [0.5, 0.25, 1]}
    for file in ("t.csv", "t.npz", "t.h5"):
        found = wired(tmp_path, {"file": file, "pre": "b", "post": "b", "weight": 0.5})
        assert {name: values.tolist() for name, values in found.items()} == moved


def test_edges_between_populations(tmp_path, write_edges):
    write_edges(tmp_path / "e.h5", [0, 39], [59, 0], "b__a", ("b", "a"))
    found = wired(tmp_path, {"file": "e.h5", "pre": "b", "post": "a", "weight": -1, "delay_ms": 4})
    assert pairs(found) == [(60, 59), (99, 0)] and found["delay_ms"].tolist() == [4, 4]
    assert (SIGNS[0][found["synapse"]] == -1).all() and found["weight"].tolist() == [1, 1]
    with pytest.raises(InputError, match=r"e\.h5: population 'b__a' leads from nodes 'b' to nodes 'a'"):
        wired(tmp_path, {"file": "e.h5"})


def test_matrix(tmp_path):
    save_npz(tmp_path / "m.npz", coo_array(([1.0, -2.0], ([0, 59], [39, 1])), shape=(60, 40)))
    found = wired(tmp_path, {"file": "m.npz", "pre": "a", "post": "b", "delay_ms": 3})
    assert pairs(found) == [(0, 99), (59, 61)] and found["weight"].tolist() == [1, 2]
    assert SIGNS[1][found["synapse"]].tolist() == [1, -1]
    with pytest.raises(InputError, match=r"m\.npz: a matrix of shape \(60, 40\), expected \(100, 100\): neurons that"):
        wired(tmp_path, {"file": "m.npz"})


BAD_FILES = [
    ("pre,post\n0,40\n", r"'post' of connection 0 is 40, expected one of 40 neurons of 'b', from 0 on"),
    ("pre,post\n0,1.5\n", "'post' holds float64, expected whole numbers"),
    ("pre,post,synapse\n0,1,6\n", "'synapse' of connection 0 is 6, expected one of 6 synapses"),
    ("pre,post,weight\n0,1,nan\n", "'weight' of connection 0 is nan, expected finite numbers"),
    ("pre,post,delay_ms\n0,1,-1\n", "delay_ms of connection 0 is -1, expected whole ms"),
    ("pre,post,delay_ms\n0,1,0.5\n", "delay_ms of connection 0 is 0.5, expected whole ms"),
    ("pre,target\n0,1\n", "has a column 'target'|has no column 'post'"),
]


@pytest.mark.parametrize("text, told", BAD_FILES)
def test_bad_files(tmp_path, text, told):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=rf"^{tmp_path}/t\.csv: .*({told})"):
        wired(tmp_path, {"file": "t.csv", "post": "b"})


def test_bad_rules(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"connections\.1: in_degree is 60, there are 59 others to choose from"):
        wired(tmp_path, {"probability": 0.1}, {"pre": "a", "post": "a", "in_degree": 60})
    assert len(wired(tmp_path, {"pre": "a", "post": "b", "in_degree": 60})["pre"]) == 2400
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 10_000}))
    with pytest.raises(InputError, match=r"connections.0: 5,000 connections take .* GiB, .* are free: take fewer"):
        wired(tmp_path, {"probability": 0.5})
