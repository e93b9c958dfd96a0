"""The tree's equations solved by threads that share it: which nodes are eliminated together, and how they are numbered.

First the tips, the unbranched chains with nothing beyond them: a thread has one, and goes from its tail inwards. The
rest goes in rounds. Eliminating a node of at most two neighbours leaves a tree: its neighbours become neighbours of one
another. So leaves and nodes within chains go in the same round, as long as no two of them are next to each other, and
the rounds are as many as the logarithm of the nodes, however long the chains (Miller & Reif 1985, FOCS:478: rake and
compress).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ...schema import InputError

MOST = 1 << 15  # nodes, so that two of their numbers share an integer in rounds.h


@dataclass(frozen=True)
class Contraction:
    """N nodes, numbered in the order in which they are eliminated: step by step of the tips, then round by round.

    An edge is numbered as the node whose parent it leads to, one that an elimination makes from N on.
    step (steps + 1,): the first node of each step: the tails of all tips, the longest tip first, then of those that are
    longer the nodes before, and so on; then the first node that is in no tip.
    tip_parent (tips,): the node that each hangs on.
    round (rounds + 1,): the first node of each, then N.
    near: of each node of a round (at most 2, 2), the neighbours that are left when it is eliminated: the edge, and the
    node at its end. made: of each such node the edge that comes between the two, or -1; n_made of them.
    gone: of each such node (any, 2), the same of its neighbours that were eliminated before.
    """

    step: np.ndarray
    tip_parent: np.ndarray
    round: np.ndarray
    near: list[np.ndarray]
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
    tips = _tips(parents)
    steps = [[tip[k] for tip in tips if k < len(tip)] for k in range(max(map(len, tips), default=0))]
    nodes = [node for step in steps for node in step]
    rest = _Rest(parents, alike, tips)
    rounds = [len(nodes)]
    while rest.around:
        nodes += rest.eliminate()
        rounds.append(len(nodes))
    now = np.arange(n + rest.n_made)  # the number of each node and edge
    now[nodes] = np.arange(n)

    def renumbered(pairs: list[tuple[int, int]]) -> np.ndarray:
        return now[np.array(pairs, int).reshape(-1, 2)]

    in_rounds = nodes[rounds[0] :]
    return np.array(nodes), Contraction(
        step=np.cumsum([0, *map(len, steps)]),
        tip_parent=now[np.array([parents[tip[-1]] for tip in tips], int)],
        round=np.array(rounds),
        near=[renumbered(rest.near[node]) for node in in_rounds],
        made=np.array([rest.made[node] for node in in_rounds]),
        n_made=rest.n_made,
        gone=[renumbered(rest.gone[node]) for node in in_rounds],
    )


def _tips(parents: np.ndarray) -> list[list[int]]:
    """The chains with nothing beyond them, each from its tail to its head, without the root; longest first."""
    root = int(np.flatnonzero(parents == np.arange(len(parents)))[0])
    children = np.bincount(np.delete(parents, root), minlength=len(parents))
    tips = []
    for tail in np.flatnonzero(children == 0).tolist():
        if tail == root:
            continue
        tip = [tail]
        while children[parents[tip[-1]]] == 1 and parents[tip[-1]] != root:
            tip.append(int(parents[tip[-1]]))
        tips.append(tip)
    return sorted(tips, key=len, reverse=True)


class _Rest:
    """The tree without its tips, as it is eliminated.

    around: of each node that is left: neighbour -> edge. near, made, gone: see Contraction, by nodes' old numbers.
    """

    def __init__(self, parents: np.ndarray, alike: Sequence[Hashable], tips: list[list[int]]) -> None:
        self._n, self.n_made = len(parents), 0
        kinds: dict[Hashable, int] = {}
        self._kind = [kinds.setdefault(each, len(kinds)) for each in alike]
        kept = set(range(self._n)).difference(*tips)
        self.around: dict[int, dict[int, int]] = {node: {} for node in kept}
        for node in kept:
            if (parent := int(parents[node])) != node:
                self.around[node][parent] = self.around[parent][node] = node
        self.near: dict[int, list[tuple[int, int]]] = {}
        self.made: dict[int, int] = {}
        self.gone: dict[int, list[tuple[int, int]]] = {node: [] for node in kept}
        for tip in tips:
            self.gone[int(parents[tip[-1]])].append((tip[-1], tip[-1]))

    def eliminate(self) -> list[int]:
        """The nodes of the next round, which go."""
        together = sorted(self._apart(), key=lambda node: (self._kind[node], node))
        for node in together:
            self.near[node] = ends = [(edge, neighbour) for neighbour, edge in self.around.pop(node).items()]
            for edge, neighbour in ends:
                del self.around[neighbour][node]
                self.gone[neighbour].append((edge, node))
            self.made[node] = -1
            if len(ends) == 2:
                one, other = ends[0][1], ends[1][1]
                self.made[node] = self.around[one][other] = self.around[other][one] = self._n + self.n_made
                self.n_made += 1
        return together

    def _apart(self) -> list[int]:
        """Nodes with at most two neighbours, none next to another one; leaves before those within chains."""
        taken: list[int] = []
        beside: set[int] = set()
        for node in sorted(self.around, key=lambda node: (len(self.around[node]), node)):
            if len(self.around[node]) > 2:
                break
            if node not in beside:
                taken.append(node)
                beside |= self.around[node].keys()
        return taken
