"""The order of elimination in rounds: what it says of a tree, and the equations solved by it."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate.engine.batched import contraction
from apical.simulate.engine.batched.contraction import Contraction
from apical.simulate.schema import InputError


def tree(n: int, seed: int, branching: float) -> np.ndarray:
    """Parents of n nodes: mostly the node before, else any earlier one. The last node is the root, as in a Circuit."""
    rng = np.random.default_rng(seed)
    parents = [0, *(k - 1 if rng.random() > branching else int(rng.integers(k)) for k in range(1, n))]
    return n - 1 - np.array(parents)[::-1]


def solved(of: Contraction, g: np.ndarray, diagonal: np.ndarray, right: np.ndarray) -> np.ndarray:
    """As rounds.h does it: (N,) x of  diagonal_i x_i - sum_j g_ij x_j = right_i, nodes in the order of elimination."""
    conductance, d, x = np.concatenate([g, np.zeros(of.n_made)]), diagonal.copy(), right.copy()
    for node in range(len(g)):
        edge, gone = of.gone[node].T
        d[node] -= conductance[edge] ** 2 @ d[gone]
        x[node] += conductance[edge] @ x[gone]
        d[node] = 1 / d[node]
        x[node] *= d[node]
        if of.made[node] >= 0:
            conductance[of.made[node]] = d[node] * np.prod(conductance[of.near[node, :, 0]])
    for node in reversed(range(len(g))):
        edge, near = of.near[node].T
        x[node] += d[node] * conductance[edge] @ x[near]
    return x


TREES = [tree(1, 0, 0), tree(2, 0, 0), tree(64, 0, 0), tree(500, 1, 0.1), tree(500, 2, 0.5), tree(40, 3, 1)]


@pytest.mark.parametrize("parents", TREES, ids=lambda parents: f"{len(parents)} nodes")
def test_the_equations_are_solved(parents):
    rng, n = np.random.default_rng(4), len(parents)
    g = rng.uniform(0.1, 10, n)
    g[parents == np.arange(n)] = 0
    matrix = np.zeros((n, n))
    matrix[np.arange(n), parents] = matrix[parents, np.arange(n)] = -g
    diagonal = rng.uniform(0.01, 1, n) - matrix.sum(axis=1)
    matrix[np.arange(n), np.arange(n)] = diagonal
    right = rng.normal(size=n)
    order, of = contraction.order(parents, rng.integers(3, size=n))
    expected = np.linalg.solve(matrix, right)[order]
    np.testing.assert_allclose(solved(of, g[order], diagonal[order], right[order]), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("parents", TREES, ids=lambda parents: f"{len(parents)} nodes")
def test_no_two_of_a_round_wait_for_each_other(parents):
    n = len(parents)
    order, of = contraction.order(parents, ["alike"] * n)
    assert sorted(order) == list(range(n))
    round_of = np.repeat(np.arange(len(of.first) - 1), np.diff(of.first))
    for node in range(n):
        assert (round_of[of.gone[node][:, 1]] < round_of[node]).all()
        left = of.near[node, :, 1]
        assert ((round_of[left] > round_of[node]) | (left == node)).all()


def test_nodes_alike_stand_together_in_a_round():
    alike = list("abcab" * 100)
    order, of = contraction.order(TREES[3], alike)
    for begin, end in zip(of.first, of.first[1:], strict=False):
        there = [alike[node] for node in order[begin:end]]
        assert there == sorted(there)


def test_a_chain_takes_as_many_rounds_as_the_logarithm_of_its_nodes():
    _, of = contraction.order(tree(1024, 0, 0), [None] * 1024)
    assert np.diff(of.first).tolist() == [512, 256, 128, 64, 32, 16, 8, 4, 2, 1, 1]  # half of what is left in each


def test_a_tree_too_large_is_refused():
    n = contraction.MOST + 1
    with pytest.raises(InputError, match="a cell of 32769 nodes, 32768 at most; give --device cpu"):
        contraction.order(np.zeros(n, int), [None] * n)
