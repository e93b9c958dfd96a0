"""Routing against a search through all pairs of spike and connection; layout and drawn synapses by hand."""

import numpy as np
import pytest
from scipy.sparse import coo_array, random_array

from apical.surrogate.population.connections import Connections, Drawn
from apical.surrogate.population.spikes_in_flight import SpikesInFlight


def test_layout_by_hand():
    table = {"pre": [2, 0, 0, 0], "post": [0, 2, 1, 0], "synapse": [3, 1, 2, 0], "delay_ms": [4, 1, 1, 9]}
    wires = Connections.of_table({**table, "weight": [1, 2, 3, 4]}, np.full(3, 5), 1)
    assert wires.first_run_n.tolist() == [0, 2, 2, 3]
    assert wires.delay_ms_r.tolist() == [1, 9, 4]
    assert wires.first_r.tolist() == [0, 2, 3, 4]
    assert wires.post_e.tolist() == [1, 2, 0, 0]
    assert wires.synapse_e.tolist() == [2, 1, 0, 3]
    assert wires.weight_e.tolist() == [3, 2, 4, 1]


def test_what_arrives_is_what_was_sent_a_delay_ago(make_table):
    n, random, flying = 20, np.random.default_rng(1), SpikesInFlight.none()
    table = make_table(n)
    table["pre"][table["pre"] == 3] = 4  # neuron 3 sends to nobody
    wires, sent = Connections.of_table(table, np.full(n, 16), 1), {}
    for t in range(40):
        expected = [
            row
            for row in zip(*(table[name] for name in ("pre", "post", "synapse", "weight", "delay_ms")), strict=True)
            if row[0] in sent.get(t - row[4], ())
        ]
        post_e, synapse_e, weight_e = wires.due(flying, t)
        found = sorted(zip(post_e.tolist(), synapse_e.tolist(), weight_e.round(4).tolist(), strict=True))
        assert found == sorted((row[1], row[2], np.float32(row[3]).round(4).item()) for row in expected)
        sent[t] = np.flatnonzero(random.random(n) < (0.2 if t < 25 else 0))
        wires.route(flying, t, sent[t])
    assert flying.count == 0  # 7 ms after the last


def test_a_matrix_says_who_and_how_much_and_the_seed_which_synapse():
    random = np.random.default_rng(0)
    pre, post = random.integers(50, size=(2, 4000))
    sign_sets, group_n = [np.array([1, 1, -1, 1]), np.array([-1, 1, 1])], np.repeat([0, 1], 25)
    weight = random.normal(size=4000)
    matrix = coo_array((weight, (pre, post)), shape=(50, 50)).tocsr()
    matrix.sum_duplicates()
    made = [Connections.of_matrix(matrix, sign_sets, group_n, 3, seed) for seed in (0, 0, 1)]
    assert all(np.array_equal(*each) for each in zip(*made[:2], strict=True))
    assert not np.array_equal(made[0].synapse_e, made[2].synapse_e)
    wires = made[0]
    assert wires.delay_ms_r.tolist() == [3] * 50
    pre_e = np.repeat(np.arange(50), np.diff(wires.first_r[wires.first_run_n]))
    sign_e = np.array([sign_sets[group_n[i]][s] for i, s in zip(wires.post_e, wires.synapse_e, strict=True)])
    again = coo_array((wires.weight_e * sign_e, (pre_e, wires.post_e)), shape=(50, 50))
    assert abs(again - matrix.astype("f4")).max() == 0
    of_first = np.bincount(wires.synapse_e[(sign_e > 0) & (group_n[wires.post_e] == 0)], minlength=4)
    assert of_first[2] == 0 and of_first[[0, 1, 3]].min() > 0.25 * of_first.sum()


def test_a_table_without_synapses_is_the_matrix():
    random = np.random.default_rng(2)
    matrix = random_array((30, 30), density=0.2, rng=random, data_sampler=lambda size: random.normal(size=size)).tocsr()
    drawn = Drawn([np.array([1, 1, -1, 1]), np.array([-1, 1])], np.repeat([0, 1], 15), seed=3)
    table = {"pre": np.repeat(np.arange(30), np.diff(matrix.indptr)), "post": matrix.indices, "weight": matrix.data}
    wires = Connections.of_table(table, np.repeat([4, 2], 15), 2, drawn)
    expected = Connections.of_matrix(matrix, drawn.sign_sets, drawn.group_n, 2, 3)
    assert all(np.array_equal(*each) for each in zip(wires, expected, strict=True))


def test_a_delay_for_each_weight_of_a_matrix():
    matrix = coo_array(([1.0, 2.0, 3.0], ([1, 0, 0], [0, 1, 0])), shape=(2, 2)).tocsr()
    wires = Connections.of_matrix(matrix, [np.array([1, -1])], np.zeros(2, int), [5, 2, 7], 0)
    told = dict(zip(wires.weight_e.tolist(), wires.delay_ms_r.tolist(), strict=True))
    assert told == {matrix.data[0]: 5, matrix.data[1]: 2, matrix.data[2]: 7}


@pytest.mark.parametrize("n", [1, 3])
def test_none(n):
    wires, flying = Connections.none(n), SpikesInFlight.none()
    wires.route(flying, 0, np.arange(n))
    assert flying.count == 0 and all(not each.size for each in wires.due(flying, 1))
