"""The tree's equations solved in few rounds: which nodes are eliminated together, by threads that share a tree.

Eliminating a node of at most two neighbours leaves a tree: its neighbours become neighbours of each other. So leaves
and nodes within chains go in the same round, as long as no two of them are next to each other (Miller & Reif 1985,
FOCS:478: rake and compress), and the rounds are as many as the logarithm of the nodes, however long the chains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST = 1 << 14  # nodes, so that an edge, of which there are less than 2 N, and a node share an integer
EDGE = 16  # the bits of the node in it


@dataclass(frozen=True)
class Contraction:
    """N nodes in the order in which they are eliminated, R rounds.

    An edge is numbered as the node whose parent it leads to, one that an elimination makes from N on; edge `root` has
    no conductance. Edge and node beyond are one integer, edge << EDGE | node.
    node (N,): at each position. round (R + 1,): the first position of each round, then N. near (N, 2): the neighbours
    that are left when a node is eliminated; where there is none, the root's edge and itself. made (N,): the edge between
    the two, less N, or -1. gone_first (N + 1,), gone: of each position, its neighbours that were eliminated before.
    """

    node: np.ndarray
    round: np.ndarray
    near: np.ndarray
    made: np.ndarray
    gone_first: np.ndarray
    gone: np.ndarray

    @property
    def n_made(self) -> int:
        return int(self.made.max(initial=-1)) + 1


def order(parents: np.ndarray) -> Contraction:
    """The order for a tree. parents (N,): of each node; the root's: itself. Raises ValueError for N above MOST."""
    n = len(parents)
    if n > MOST:
        raise ValueError(f"a tree of {n} nodes; expected at most {MOST}")
    root = int(np.flatnonzero(parents == np.arange(n))[0])
    around: list[dict[int, int]] = [{} for _ in range(n)]  # of each node that is left: neighbour -> edge
    for node, parent in enumerate(parents.tolist()):
        if node != root:
            around[node][parent] = around[parent][node] = node
    left, n_made = set(range(n)), 0
    nodes: list[int] = []
    rounds, near, made = [0], [], []
    gone: list[list[int]] = [[] for _ in range(n)]
    while left:
        together = _apart(left, around)
        for node in together:
            ends = [*around[node].items()]
            for neighbour, edge in ends:
                del around[neighbour][node]
                gone[neighbour].append(edge << EDGE | node)
            made.append(-1)
            if len(ends) == 2:
                (one, _), (other, _) = ends
                around[one][other] = around[other][one] = n + n_made
                made[-1], n_made = n_made, n_made + 1
            ends += [(node, root)] * (2 - len(ends))
            near.append([edge << EDGE | neighbour for neighbour, edge in ends])
            left.discard(node)
        nodes += together
        rounds.append(len(nodes))
    before = [gone[node] for node in nodes]
    return Contraction(
        node=np.array(nodes),
        round=np.array(rounds),
        near=np.array(near),
        made=np.array(made),
        gone_first=np.cumsum([0, *map(len, before)]),
        gone=np.array([each for of in before for each in of], int),
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
