"""The order of elimination in rounds: what it says of a tree, and the equations solved by it."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate.engine.batched import contraction
from apical.simulate.engine.batched.contraction import EDGE, Contraction

NODE = (1 << EDGE) - 1


def tree(n: int, seed: int, branching: float) -> np.ndarray:
    """Parents of n nodes: mostly the node before, else any earlier one. The last node is the root, as in a Circuit."""
    rng = np.random.default_rng(seed)
    parents = [0, *(k - 1 if rng.random() > branching else int(rng.integers(k)) for k in range(1, n))]
    return n - 1 - np.array(parents)[::-1]


def solved(of: Contraction, g: np.ndarray, diagonal: np.ndarray, right: np.ndarray) -> np.ndarray:
    """As rounds.h does it: (N,) x of  diagonal_i x_i - sum_j g_ij x_j = right_i."""
    conductance, d, x = np.concatenate([g, np.zeros(of.n_made)]), diagonal.copy(), right.copy()
    for position, node in enumerate(of.node):
        for end in of.gone[of.gone_first[position] : of.gone_first[position + 1]]:
            d[node] -= conductance[end >> EDGE] ** 2 * d[end & NODE]
            x[node] += conductance[end >> EDGE] * x[end & NODE]
        d[node] = 1 / d[node]
        x[node] *= d[node]
        if of.made[position] >= 0:
            conductance[len(g) + of.made[position]] = d[node] * np.prod(conductance[of.near[position] >> EDGE])
    for position in reversed(range(len(of.node))):
        node, near = of.node[position], of.near[position]
        x[node] += d[node] * conductance[near >> EDGE] @ x[near & NODE]
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
    found = solved(contraction.order(parents), g, diagonal, right)
    np.testing.assert_allclose(found, np.linalg.solve(matrix, right), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("parents", TREES, ids=lambda parents: f"{len(parents)} nodes")
def test_no_two_of_a_round_wait_for_each_other(parents):
    of = contraction.order(parents)
    assert sorted(of.node) == list(range(len(parents)))
    round_of = np.empty(len(parents), int)
    for number, (first, last) in enumerate(zip(of.round, of.round[1:], strict=False)):
        round_of[of.node[first:last]] = number
    for position, node in enumerate(of.node):
        before = of.gone[of.gone_first[position] : of.gone_first[position + 1]] & NODE
        assert (round_of[before] < round_of[node]).all()
        left = of.near[position] & NODE
        assert ((round_of[left] > round_of[node]) | (left == node)).all()


def test_a_chain_takes_as_many_rounds_as_the_logarithm_of_its_nodes():
    of = contraction.order(tree(1024, 0, 0))
    assert np.diff(of.round).tolist() == [512, 256, 128, 64, 32, 16, 8, 4, 2, 1, 1]  # half of what is left in each


def test_a_tree_too_large_is_refused():
    with pytest.raises(ValueError, match="16385 nodes"):
        contraction.order(np.zeros(contraction.MOST + 1, int))
