"""The tree's equations solved in few rounds: which nodes are eliminated together, by threads that share a tree.

Eliminating a node of at most two neighbours leaves a tree: its neighbours become neighbours of each other. So leaves
and nodes within chains go in the same round, as long as no two of them are next to each other (Miller & Reif 1985,
FOCS:478: rake and compress), and the rounds are as many as the logarithm of the nodes, however long the chains.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ...schema import InputError

MOST = 1 << 15  # nodes, so that two of their numbers share an integer in rounds.h


@dataclass(frozen=True)
class Contraction:
    """N nodes, numbered in the order in which they are eliminated.

    An edge is numbered as the node whose parent it leads to, one that an elimination makes from N on; that of the root
    has no conductance.
    first (rounds + 1,): the first node of each round, then N.
    near (N, 2, 2): the neighbours that are left when a node is eliminated: the edge and the node at its end; where there
    is none, the root's edge and the node itself. made (N,): the edge that comes between the two, or -1; n_made of them.
    gone: of each node (any, 2), the same of its neighbours that were eliminated before.
    """

    first: np.ndarray
    near: np.ndarray
    made: np.ndarray
    n_made: int
    gone: list[np.ndarray]


def order(parents: np.ndarray, alike: Sequence[Hashable]) -> tuple[np.ndarray, Contraction]:
    """The order of elimination of a tree (N,), and what is between nodes that are numbered so.

    parents (N,): of each node; the root's: itself. alike (N,): equal for nodes that shall stand together in a round.
    Raises InputError for N above MOST.
    """
    n = len(parents)
    if n > MOST:
        raise InputError(f"engine 'batched', device cuda: a cell of {n} nodes, {MOST} at most; give --device cpu")
    root = int(np.flatnonzero(parents == np.arange(n))[0])
    kinds: dict[Hashable, int] = {}
    kind = [kinds.setdefault(each, len(kinds)) for each in alike]
    around: list[dict[int, int]] = [{} for _ in range(n)]  # of each node that is left: neighbour -> edge
    for node, parent in enumerate(parents.tolist()):
        if node != root:
            around[node][parent] = around[parent][node] = node
    left = set(range(n))
    nodes: list[int] = []
    first, made = [0], []
    near: list[list[tuple[int, int]]] = []  # edge and node
    gone: list[list[tuple[int, int]]] = [[] for _ in range(n)]
    n_made = 0
    while left:
        for node in sorted(_apart(left, around), key=lambda node: (kind[node], node)):
            ends = [(edge, neighbour) for neighbour, edge in around[node].items()]
            for edge, neighbour in ends:
                del around[neighbour][node]
                gone[neighbour].append((edge, node))
            made.append(-1)
            if len(ends) == 2:
                one, other = ends[0][1], ends[1][1]
                around[one][other] = around[other][one] = n + n_made
                made[-1], n_made = n + n_made, n_made + 1
            near.append(ends + [(root, node)] * (2 - len(ends)))
            nodes.append(node)
            left.discard(node)
        first.append(len(nodes))
    now = np.arange(n + n_made)  # the number of each node and edge
    now[nodes] = np.arange(n)
    return np.array(nodes), Contraction(
        first=np.array(first),
        near=now[np.array(near)],
        made=np.array(made),
        n_made=n_made,
        gone=[now[np.array(gone[node], int).reshape(-1, 2)] for node in nodes],
    )


def _apart(left: set[int], around: list[dict[int, int]]) -> list[int]:
    """Nodes with at most two neighbours, none next to another one; leaves before those within chains."""
    taken: list[int] = []
    beside: set[int] = set()
    for node in sorted(left, key=lambda node: (len(around[node]), node)):
        if len(around[node]) > 2:
            break
        if node not in beside:
            taken.append(node)
            beside |= around[node].keys()
    return taken
