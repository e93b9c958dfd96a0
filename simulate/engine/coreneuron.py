"""CoreNEURON in memory: the same cell and mechanisms, vectorised over segments, fixed step."""

from __future__ import annotations

from ..schema import InputError
from . import fresh
from . import neuron as plain
from .interface import Inputs, Integration, Recording
from .pieces import Recorder

_GID = 0
# As this process's first run had them: CoreNEURON does not look again
_exact_rates: bool | None = None
_globals: dict[str, dict[str, float]] | None = None


def run(
    cell, inputs: Inputs, probes, duration_ms: float, v_init_mv: float, integration: Integration, coarse=()
) -> Recording:
    """Integrate one trial; see run.run. CoreNEURON records at every step only, and wants a gid on the cell.

    Raises InputError where a cell with a TABLE wants exact rates and the process's first run did not, or the other way.
    """
    global _exact_rates, _globals
    from neuron import coreneuron, h

    first = integration.exact_rates if _exact_rates is None else _exact_rates
    if first != integration.exact_rates and plain.has_tables(cell, inputs):
        raise InputError(
            f"integration.exact_rates {integration.exact_rates}: CoreNEURON has begun with {first} in this process and "
            "stays with it; take another process, or engine 'neuron' or 'batched'"
        )
    _exact_rates = first
    shared = dict(getattr(cell, "globals", {}))
    if _globals not in (None, shared):
        raise InputError(
            "globals: CoreNEURON has begun with another cell's in this process and stays with them; take another "
            "process, or engine 'neuron' or 'batched'"
        )
    _globals = shared
    held = plain.attach(inputs)
    pc = h.ParallelContext()
    pc.set_gid2node(_GID, pc.id())
    detector = h.NetCon(cell.soma(0.5)._ref_v, None, sec=cell.soma)
    pc.cell(_GID, detector)
    plain.prepare(integration)
    h.CVode().cache_efficient(True)
    recorder = Recorder(probes, coarse, duration_ms)
    coreneuron.enable, coreneuron.verbose = True, 0
    try:
        fresh.restore(cell, inputs.synapses)
        h.finitialize(v_init_mv)
        return recorder.integrate(integration, lambda start_ms, stop_ms: plain.queue(inputs, start_ms, stop_ms))
    finally:
        coreneuron.enable = False
        pc.gid_clear()
        del held, detector  # an exception's traceback would keep them, and NEURON then refuses the next trial's gid
        _renew_event_pool(v_init_mv)


def _renew_event_pool(v_init_mv: float) -> None:
    """Have NEURON make its pool of queued events anew, as it does when it finds another number of threads.

    CoreNEURON takes events off NEURON's queue and does not give them back: 100 bytes an input spike (NEURON 9.0.2).
    """
    from neuron import h

    pc = h.ParallelContext()
    pc.nthread(2, False)
    h.finitialize(v_init_mv)
    pc.nthread(1, False)
