"""CoreNEURON in memory: the same cell and mechanisms, vectorised over segments, fixed step."""

from __future__ import annotations

import numpy as np

from . import neuron as plain
from .base import Inputs, Integration, Recording

_GID = 0


def run(cell, inputs: Inputs, probes, duration_ms: float, v_init_mv: float, integration: Integration) -> Recording:
    """Integrate one trial; see base.run. CoreNEURON records at every step only, and wants a gid on the cell."""
    from neuron import coreneuron, h

    held = plain.attach(inputs)
    pc = h.ParallelContext()
    pc.set_gid2node(_GID, pc.id())
    detector = h.NetCon(cell.soma(0.5)._ref_v, None, sec=cell.soma)
    pc.cell(_GID, detector)
    plain.prepare(integration)
    h.CVode().cache_efficient(True)
    voltages = [h.Vector().record(probe._ref_v) for probe in probes]
    time = h.Vector().record(h._ref_t)
    coreneuron.enable, coreneuron.verbose = True, 0
    try:
        h.finitialize(v_init_mv)
        plain.queue(inputs)
        pc.psolve(duration_ms)
    finally:
        coreneuron.enable = False
        pc.gid_clear()
    del held
    return Recording(np.array(time), np.array([np.array(v) for v in voltages]))
