"""One excitatory and one inhibitory synapse on every dendritic segment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import fusion
from .cell import Cell

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


@dataclass(frozen=True)
class Synapses:
    """Excitatory synapses in segment order, then inhibitory ones.

    sign (S,): +1 or -1; segment (S,): index into the cell's segments; receptor (S,): name in RECEPTORS.
    connections: per synapse, the NetCons that bring a spike to each of its receptors.
    """

    sign: np.ndarray
    segment: np.ndarray
    receptor: np.ndarray
    connections: list[list]
    processes: list


def place(cell: Cell, excitatory: str, inhibitory: str, fused: bool = False) -> Synapses:
    """Put one excitatory and one inhibitory synapse of the named receptors on every dendritic segment of `cell`.

    fused: receptors for fixed steps only (see fusion.step).
    """
    from neuron import h

    connections, processes = [], []
    for receptor in (excitatory, inhibitory):
        for segment in cell.segments:
            at_one_synapse = []
            for mechanism, parameters in RECEPTORS[receptor]:
                kind = fusion.name_of_stepped(mechanism) if fused else mechanism
                process = getattr(h, kind)(segment.neuron)
                for name, value in parameters.items():
                    setattr(process, name, value)
                connection = h.NetCon(None, process)
                connection.weight[0], connection.delay = 1.0, DELAY_MS
                processes.append(process)
                at_one_synapse.append(connection)
            connections.append(at_one_synapse)
    n = len(cell.segments)
    return Synapses(
        sign=np.repeat(np.array([1, -1], "i1"), n),
        segment=np.tile(np.arange(n), 2),
        receptor=np.repeat(np.array([excitatory, inhibitory]), n),
        connections=connections,
        processes=processes,
    )
