"""Excitatory and inhibitory synapses on every dendritic segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Discriminator, Field, Tag, model_validator

from ..mechanisms import fusion
from ..schema import Configuration
from . import pointers, receptors
from .built import Cell, Segment
from .receptors import Receptor

DELAY_MS = 1.0  # CoreNEURON wants a delay above 0; events are queued at their arrival, so it adds nothing
MOST_PER_SEGMENT = 100


class Domain(Configuration):
    """A part of the dendrites: a tree (both where none is named), between two path lengths from the soma's start."""

    tree: Literal["basal", "apical"] | None = Field(None, description="basal or apical; none: both")
    from_um: float = Field(0.0, ge=0, description="path length from the soma")
    to_um: float | None = Field(None, gt=0, description="the same; none: to the tips")

    @model_validator(mode="after")
    def _ascends(self) -> Domain:
        if self.to_um is not None and self.to_um <= self.from_um:
            raise ValueError(f"to_um: expected more than from_um, {self.from_um:g}, got {self.to_um:g}")
        return self

    def holds(self, segment: Segment) -> bool:
        """Whether the middle of `segment` is in it."""
        far = np.inf if self.to_um is None else self.to_um
        return self.tree in (None, segment.tree) and self.from_um <= segment.distance_um < far


class PerTree(Configuration):
    """How many synapses of each sign a segment has, by its tree."""

    basal: int = Field(1, ge=1, le=MOST_PER_SEGMENT, description="on each basal segment")
    apical: int = Field(1, ge=1, le=MOST_PER_SEGMENT, description="on each apical one")


# The kinds have names with a hyphen, so that a complaint does not take them for fields
PerSegment = Annotated[
    Annotated[int, Field(ge=1, le=MOST_PER_SEGMENT), Tag("one-number")] | Annotated[PerTree, Tag("by-tree")],
    Discriminator(lambda given: "by-tree" if isinstance(given, Mapping | PerTree) else "one-number"),
]


def counts(per_segment: int | PerTree, trees: Sequence[str] | np.ndarray) -> np.ndarray:
    """How many synapses of a sign stand on segments of these trees, basal or apical each (N,)."""
    if isinstance(per_segment, int):
        return np.full(len(trees), per_segment)
    return np.array([getattr(per_segment, tree) for tree in trees])


@dataclass(frozen=True)
class Synapses:
    """Excitatory synapses in segment order, the synapses of a segment side by side, then inhibitory ones alike.

    sign (S,): +1 or -1; segment (S,): index into the cell's segments; receptor (S,): its receptors, joined by +.
    connections: per synapse, the NetCons that bring a spike to each of its receptors.
    """

    sign: np.ndarray
    segment: np.ndarray
    receptor: np.ndarray
    connections: list[list]
    processes: list


def place(
    cell: Cell,
    excitatory: str,
    inhibitory: str,
    fused: bool = False,
    per_segment: int | PerTree = 1,
    without_nmda: Domain | None = None,
    gaba_b_factor: float = 1.0,
    defined: Mapping[str, Receptor] | None = None,
) -> Synapses:
    """Put `per_segment` excitatory and as many inhibitory synapses of the named receptors on every dendritic segment.

    excitatory, inhibitory: see receptors.names. fused: receptors for fixed steps only (see fusion.step). without_nmda:
    where excitatory synapses have AMPA in place of AMPA_NMDA. gaba_b_factor: multiplies the conductance of GABA_B.
    defined: receptors beside, or in place of, those that are shipped.
    """
    n, known = len(cell.segments), receptors.SHIPPED | dict(defined or {})
    bare = [without_nmda is not None and without_nmda.holds(segment) for segment in cell.segments]
    ampa_only = "+".join("AMPA" if name == "AMPA_NMDA" else name for name in excitatory.split("+"))
    of_segment = [*(ampa_only if no_nmda else excitatory for no_nmda in bare), *[inhibitory] * n]
    there = counts(per_segment, [segment.tree for segment in cell.segments])
    segment = np.repeat(np.tile(np.arange(n), 2), np.tile(there, 2))
    receptor = np.repeat(np.array(of_segment), np.tile(there, 2))
    connections, processes = [], []
    for at, synapse in zip(segment, receptor, strict=True):
        at_one_synapse = []
        for name in receptors.names(synapse):
            factor = gaba_b_factor if name == "GABA_B" else 1.0
            process, connection = _receptor(cell, cell.segments[at], known[name], fused, factor)
            processes.append(process)
            at_one_synapse.append(connection)
        connections.append(at_one_synapse)
    sign = np.repeat(np.array([1, -1], "i1"), there.sum())
    return Synapses(sign, segment, receptor, connections, processes)


def _receptor(cell: Cell, segment: Segment, receptor: Receptor, fused: bool, factor: float) -> tuple:
    from neuron import h

    stepped = fusion.name_of_stepped(receptor.process)
    process = getattr(h, stepped if fused and hasattr(h, stepped) else receptor.process)(segment.neuron)
    pointing = pointers.of(receptor.process, cell.nmodl, receptor.parameters)
    for name, value in (receptor.parameters | pointing).items():
        if isinstance(value, str):
            pointers.to_variable(process, name, segment.neuron, value)
            cell.pointing.setdefault(process.hname(), {})[f"{receptor.process}.{name}"] = value
        elif name in pointing:
            cell.kept.append(pointers.to_number(process, name, cell.value_at(segment, value)))
        else:
            setattr(process, name, cell.value_at(segment, value))
    connection = h.NetCon(None, process)
    connection.weight[0], connection.delay = cell.value_at(segment, receptor.weight) * factor, DELAY_MS
    return process, connection
