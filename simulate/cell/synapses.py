"""Excitatory and inhibitory synapses on every dendritic segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from ..mechanisms import fusion
from ..schema import Configuration
from .built import Cell, Segment

# Receptor -> (mechanism, its parameters); times in ms, gmax in uS, e in mV. Source: Beniaguev et al. 2021 and its code.
AMPA = ("Receptor", {"tau_r": 0.3, "tau_d": 3.0, "gmax": 4e-4, "e": 0.0})
AMPA_NMDA = (
    "AMPA_NMDA",
    {
        "tau_r_ampa": 0.3,
        "tau_d_ampa": 3.0,
        "gmax_ampa": 4e-4,
        "tau_r_nmda": 2.0,
        "tau_d_nmda": 70.0,
        "gmax_nmda": 4e-4,
        "e": 0.0,
        "mg": 1.0,
    },
)
GABA_A = ("Receptor", {"tau_r": 0.2, "tau_d": 8.0, "gmax": 1e-3, "e": -80.0})
GABA_B = ("Receptor", {"tau_r": 3.5, "tau_d": 260.9, "gmax": 1e-3, "e": -97.0})

# What one synapse is made of: receptors that share its input spikes.
RECEPTORS = {
    "AMPA": (AMPA,),
    "AMPA_NMDA": (AMPA_NMDA,),
    "GABA_A": (GABA_A,),
    "GABA_B": (GABA_B,),
    "GABA_AB": (GABA_A, GABA_B),
}
DELAY_MS = 1.0  # CoreNEURON wants a delay above 0; events are queued at their arrival, so it adds nothing


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


@dataclass(frozen=True)
class Synapses:
    """Excitatory synapses in segment order, the synapses of a segment side by side, then inhibitory ones alike.

    sign (S,): +1 or -1; segment (S,): index into the cell's segments; receptor (S,): name in RECEPTORS.
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
    per_segment: int = 1,
    without_nmda: Domain | None = None,
    gaba_b_factor: float = 1.0,
) -> Synapses:
    """Put `per_segment` excitatory and as many inhibitory synapses of the named receptors on every dendritic segment.

    fused: receptors for fixed steps only (see fusion.step). without_nmda: where excitatory synapses have AMPA only.
    gaba_b_factor: multiplies the conductance of GABA_B.
    """
    n = len(cell.segments)
    bare = [without_nmda is not None and without_nmda.holds(segment) for segment in cell.segments]
    of_segment = [*("AMPA" if no_nmda else excitatory for no_nmda in bare), *[inhibitory] * n]
    segment = np.repeat(np.tile(np.arange(n), 2), per_segment)
    receptor = np.repeat(np.array(of_segment), per_segment)
    connections, processes = [], []
    for at, name in zip(segment, receptor, strict=True):
        at_one_synapse = []
        for receptor_model in RECEPTORS[name]:
            weight = gaba_b_factor if receptor_model is GABA_B else 1.0
            process, connection = _receptor(cell.segments[at].neuron, *receptor_model, fused, weight)
            processes.append(process)
            at_one_synapse.append(connection)
        connections.append(at_one_synapse)
    sign = np.repeat(np.array([1, -1], "i1"), n * per_segment)
    return Synapses(sign, segment, receptor, connections, processes)


def _receptor(site, mechanism: str, parameters: dict[str, float], fused: bool, weight: float) -> tuple:
    from neuron import h

    process = getattr(h, fusion.name_of_stepped(mechanism) if fused else mechanism)(site)
    for name, value in parameters.items():
        setattr(process, name, value)
    connection = h.NetCon(None, process)
    connection.weight[0], connection.delay = weight, DELAY_MS
    return process, connection
