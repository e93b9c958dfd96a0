"""What cells that are put together by hand have in common, in the processes that compare engines with them.

Their scripts stand beside this file and are run as they are, so they import it by its name alone, inside of functions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from apical.simulate.engine.interface import Integration
from apical.simulate.engine.neuron import prepare

N = 51  # segments of the dendrite


def ball_and_stick():
    """Soma and dendrite as the catalogue's ball-and-stick, passive, with sodium and potassium at the soma."""
    from neuron import h

    soma, dendrite = h.Section(name="by_hand_soma"), h.Section(name="by_hand_dendrite")
    soma.L = soma.diam = 20
    soma.nseg, dendrite.L, dendrite.diam, dendrite.nseg = 1, 1000, 2, N
    dendrite.connect(soma(0.5))
    for section in (soma, dendrite):
        section.Ra, section.cm = 100, 1
        section.insert("pas")
        section.g_pas, section.e_pas = 1e-4, -70
    for name in ("NaTa_t", "SKv3_1"):
        soma.insert(name)
    soma.gbar_NaTa_t, soma.gbar_SKv3_1, soma.ek, soma.ena = 0.5, 0.3, -85, 50
    return soma, dendrite


def synapses(segment, gmax_us: float) -> list:
    """An excitatory Syn and an inhibitory Receptor with a connection from nowhere each: connections, then processes."""
    from neuron import h

    excites, inhibits = h.Syn(segment), h.Receptor(segment)
    inhibits.tau_r, inhibits.tau_d, inhibits.gmax, inhibits.e = 0.2, 8, gmax_us, -80
    connections = [h.NetCon(None, process) for process in (excites, inhibits)]
    for connection in connections:
        connection.weight[0], connection.delay = 1, 1
    return [*connections, excites, inhibits]


def recorded(soma, v_init_mv: float, ms: float, second_order: bool, deliver: Callable[[], None] | None = None):
    """The soma's voltage, step by step. deliver: sends events, once the cell has its initial state."""
    from neuron import h

    prepare(Integration(engine="neuron", second_order=second_order))
    h.celsius = 6.3
    v_mv = h.Vector().record(soma(0.5)._ref_v)
    h.finitialize(v_init_mv)
    if deliver is not None:
        deliver()
    h.ParallelContext().psolve(ms + 0.0125)
    return np.array(v_mv)


def deliver_to(connections: list, events_ms: list) -> None:
    """Events of each segment's connections, excitatory and inhibitory in turn; all excitatory ones come first."""
    for number in range(N):
        for connection, times in zip(connections[2 * number :][:2], events_ms[number::N], strict=True):
            for each in times:
                connection.event(float(each))
