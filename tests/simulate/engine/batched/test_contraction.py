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
    conductance, d, x, n = np.concatenate([g, np.zeros(of.n_made)]), diagonal.copy(), right.copy(), len(g)
    tips = [[first + tip for first in of.step[:-1][np.diff(of.step) > tip]] for tip in range(len(of.tip_parent))]
    for tip in tips:
        for node, beyond in zip(tip, [None, *tip], strict=False):
            if beyond is not None:
                d[node] -= g[beyond] ** 2 * d[beyond]
                x[node] += g[beyond] * x[beyond]
            d[node] = 1 / d[node]
            x[node] *= d[node]
    begin = of.round[0]
    for node in range(begin, n):
        edge, gone = of.gone[node - begin].T
        d[node] -= conductance[edge] ** 2 @ d[gone]
        x[node] += conductance[edge] @ x[gone]
        d[node] = 1 / d[node]
        x[node] *= d[node]
        if (made := of.made[node - begin]) >= 0:
            conductance[made] = d[node] * np.prod(conductance[of.near[node - begin][:, 0]])
    for node in reversed(range(begin, n)):
        edge, near = of.near[node - begin].T
        x[node] += d[node] * conductance[edge] @ x[near]
    for tip, parent in zip(tips, of.tip_parent, strict=True):
        for node in reversed(tip):
            x[node] += d[node] * g[node] * x[parent]
            parent = node
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
    assert of.step[-1] == of.round[0]
    round_of = np.repeat(np.arange(-1, len(of.round) - 1), np.diff([0, *of.round]))  # tips are before all
    for node in range(of.round[0], n):
        assert (round_of[of.gone[node - of.round[0]][:, 1]] < round_of[node]).all()
        assert (round_of[of.near[node - of.round[0]][:, 1]] > round_of[node]).all()


def test_nodes_alike_stand_together_in_a_round():
    alike = list("abcab" * 100)
    order, of = contraction.order(TREES[3], alike)
    kinds = [*dict.fromkeys(alike)]
    for begin, end in zip(of.round, of.round[1:], strict=False):
        there = [kinds.index(alike[node]) for node in order[begin:end]]
        assert there == sorted(there)


def test_a_chain_is_a_tip_all_but_its_root():
    _, of = contraction.order(tree(1024, 0, 0), [None] * 1024)
    assert of.step.tolist() == [*range(1024)]
    assert of.tip_parent.tolist() == [1023]
    assert of.round.tolist() == [1023, 1024]


def test_rounds_are_as_many_as_the_logarithm_of_a_chain_with_a_branch_at_each_node():
    parents = np.concatenate([np.maximum(np.arange(512) - 1, 0), np.arange(512)])
    _, of = contraction.order(parents, [None] * 1024)
    assert of.round[0] == 513  # the branches, of which the last one goes on from the chain's end
    assert np.diff(of.round).tolist() == [256, 128, 64, 32, 16, 8, 4, 2, 1]  # half of what is left in each


def test_a_tree_too_large_is_refused():
    n = contraction.MOST + 1
    with pytest.raises(InputError, match="a cell of 32769 nodes, 32768 at most; give --device cpu"):
        contraction.order(np.zeros(n, int), [None] * n)
