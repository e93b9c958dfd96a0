"""The cell as an electrical tree: a node for each segment and branching, in the order in which they are eliminated.

The voltages of a step solve  d_i x_i - sum_j g_ij x_j = rhs_i  on a tree (Hines 1984, Int J Biomed Comput 15:69): a
node is eliminated after everything beyond it. Nodes are numbered by unbranched chains, each from its head, the node
next to the soma, to its tail. Threads that share a tree eliminate it in another order (contraction.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...schema import InputError


@dataclass(frozen=True)
class Chains:
    """C unbranched chains, each after all that hang on it.

    head, tail (C,): first and last node of each chain; parent (C,): the node its head hangs on (the root's: itself).
    beyond_first (C + 1,), beyond: chains that hang on each tail.
    """

    head: np.ndarray
    tail: np.ndarray
    parent: np.ndarray
    beyond_first: np.ndarray
    beyond: np.ndarray


@dataclass(frozen=True)
class Circuit:
    """N nodes, the somatic one (that of soma(0.5)) the root.

    segments: of each node its NEURON segment, or None at a branching without membrane.
    parents (N,): the parent node; the root's: itself. g_us (N,): conductance to it, uS; 0 at the root.
    area_um2 (N,), cm_uf_per_cm2 (N,): 0 at branchings. chains: None where nodes have been renumbered.
    """

    segments: list
    parents: np.ndarray
    g_us: np.ndarray
    area_um2: np.ndarray
    cm_uf_per_cm2: np.ndarray
    chains: Chains | None

    @property
    def axial_us(self) -> np.ndarray:
        """Sum of the conductances to all neighbours of each node, uS (N,)."""
        total = self.g_us.copy()
        np.add.at(total, self.parents, self.g_us)
        return total

    def renumbered(self, order: np.ndarray) -> Circuit:
        """The same, its nodes in another order: order (N,) has what is now the number of each."""
        now = np.empty(len(order), int)
        now[order] = np.arange(len(order))
        return Circuit(
            segments=[self.segments[node] for node in order],
            parents=now[self.parents[order]],
            g_us=self.g_us[order],
            area_um2=self.area_um2[order],
            cm_uf_per_cm2=self.cm_uf_per_cm2[order],
            chains=None,
        )

    def node_of(self, segment) -> int:
        """The number of a NEURON segment's node. Raises InputError for an end of a section, which has no membrane."""
        for number, each in enumerate(self.segments):
            if each is not None and each == segment:
                return number
        raise InputError(f"{segment}: is no segment's middle, and engine 'batched' knows the voltage of those only")


def read(sections: list, root) -> Circuit:
    """The circuit of a built NEURON cell. sections: all of them; root: the segment that becomes the root.

    Raises InputError for a section that hangs on its parent by its far end.
    """
    neighbours, segments = _neighbours(sections)
    _simplify(neighbours, segments)
    start = next(key for key, segment in segments.items() if segment is not None and segment == root)
    chains = _chains(neighbours, start)
    number: dict[tuple, int] = {}
    order: list[tuple] = []
    for chain in chains:
        for key in chain.nodes:
            number[key] = len(order)
            order.append(key)
    towards = {
        key: (chain.nodes[at - 1] if at else chain.parent) for chain in chains for at, key in enumerate(chain.nodes)
    }
    beyond = [
        [number_of for number_of, other in enumerate(chains) if other.parent == chain.nodes[-1]] for chain in chains
    ]
    membrane = [segments[key] for key in order]
    head = np.array([number[chain.nodes[0]] for chain in chains])
    parent = np.array([number[chain.parent if chain.parent is not None else start] for chain in chains])
    parents = np.arange(len(order)) - 1
    parents[head] = parent
    return Circuit(
        segments=membrane,
        parents=parents,
        g_us=np.array([neighbours[key][towards[key]] if towards[key] is not None else 0.0 for key in order]),
        area_um2=np.array([segment.area() if segment is not None else 0.0 for segment in membrane]),
        cm_uf_per_cm2=np.array([segment.cm if segment is not None else 0.0 for segment in membrane]),
        chains=Chains(
            head=head,
            tail=np.array([number[chain.nodes[-1]] for chain in chains]),
            parent=parent,
            beyond_first=np.cumsum([0, *map(len, beyond)]),
            beyond=np.array([each for found in beyond for each in found], int),
        ),
    )


@dataclass
class _Chain:
    nodes: list
    parent: tuple | None
    level: int = 0


def _neighbours(sections: list) -> tuple[dict, dict]:
    """Every node of NEURON's tree, node -> neighbour -> conductance (uS), and node -> segment, or None."""
    from neuron import h

    neighbours: dict[tuple, dict[tuple, float]] = {}
    segments: dict[tuple, object] = {}
    for section in sections:
        if section.parentseg() is not None and h.section_orientation(sec=section):
            raise InputError(
                f"section {section}: hangs on its parent by its far end; engine 'batched' needs the near end"
            )
        before = _node_at(section, 0.0)
        segments.setdefault(before, None)
        for position, segment in enumerate([*section, section(1)]):
            here = (section, position)
            segments[here] = segment if position < section.nseg else None
            conductance = 1 / segment.ri()
            neighbours.setdefault(before, {})[here] = conductance
            neighbours.setdefault(here, {})[before] = conductance
            before = here
    for key in neighbours:  # a section's start may have been seen before the segment that it is
        if segments[key] is None and isinstance(key[1], int) and key[1] < key[0].nseg:
            segments[key] = [*key[0]][key[1]]
    return neighbours, segments


def _node_at(section, x: float) -> tuple:
    """The node at position x of a section: its start is its parent's node, or the root's own."""
    if x == 0:
        parent = section.parentseg()
        return (section, "start") if parent is None else _node_at(parent.sec, parent.x)
    return section, section.nseg if x == 1 else min(int(x * section.nseg), section.nseg - 1)


def _simplify(neighbours: dict, segments: dict) -> None:
    """Take out the nodes without membrane that are an open end, or resistances in series: they change no voltage."""
    waiting = [key for key, segment in segments.items() if segment is None]
    while waiting:
        key = waiting.pop()
        around = neighbours.get(key, {})
        if len(around) > 2 or key not in neighbours:
            continue
        if len(around) == 2:
            (a, g_a), (b, g_b) = around.items()
            neighbours[a][b] = neighbours[b][a] = g_a * g_b / (g_a + g_b)
        for other in around:
            del neighbours[other][key]
            if segments[other] is None:
                waiting.append(other)
        del neighbours[key], segments[key]


def _chains(neighbours: dict, start: tuple) -> list[_Chain]:
    """Unbranched chains from `start` outwards, those without others beyond them first."""
    chains: list[_Chain] = []
    waiting: list[tuple[tuple, tuple | None]] = [(start, None)]
    while waiting:
        key, parent = waiting.pop()
        chain = _Chain([key], parent)
        before, onward = parent, [other for other in neighbours[key] if other != parent]
        while len(onward) == 1:
            before, key = key, onward[0]
            chain.nodes.append(key)
            onward = [other for other in neighbours[key] if other != before]
        chains.append(chain)
        waiting += [(other, key) for other in onward]
    at_tail = {chain.nodes[-1]: chain for chain in chains}
    for chain in reversed(chains):  # everything beyond a chain was found after it
        if chain.parent is not None:
            before_it = at_tail[chain.parent]
            before_it.level = max(before_it.level, chain.level + 1)
    return sorted(chains, key=lambda chain: chain.level)
