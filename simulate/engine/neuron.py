"""Plain NEURON: fixed or variable step. The reference that the other engines are compared with."""

from __future__ import annotations

import numpy as np

from . import fresh, streams
from .interface import Inputs, Integration, Pulse, Recording
from .pieces import Recorder


def run(
    cell, inputs: Inputs, probes, duration_ms: float, v_init_mv: float, integration: Integration, coarse=()
) -> Recording:
    """Integrate one trial; see run.run."""
    from neuron import h

    clamps = attach(inputs)
    recorder = Recorder(probes, coarse, duration_ms)
    prepare(integration)
    fresh.restore(cell, inputs.synapses)
    streams.begin(cell, inputs)
    h.finitialize(v_init_mv)
    try:
        return recorder.integrate(integration, lambda start_ms, stop_ms: queue(inputs, start_ms, stop_ms))
    finally:
        h.CVode().active(False)
        del clamps


def prepare(integration: Integration) -> None:
    """Set NEURON's step, order and tolerance, and whether it looks rates up in tables."""
    from neuron import h

    use_tables(not integration.exact_rates)
    h.secondorder = 2 if integration.second_order and integration.dt_ms else 0
    cvode = h.CVode()
    cvode.active(integration.dt_ms is None)
    if integration.dt_ms is None:
        cvode.atol(integration.tolerance)
    else:
        h.dt = integration.dt_ms
    h.ParallelContext().set_maxstep(10)
    for section in h.allsec():
        for mechanism in section(0.5):
            if hasattr(mechanism, "second_order"):  # a fused one that holds calcium
                setattr(section, f"second_order_{mechanism.name()}", h.secondorder / 2)


def use_tables(switch: bool) -> None:
    """Have mechanisms with a TABLE, hh among them, look rates up in it, or calculate them at every step.

    Those that the cell lacks count too: CoreNEURON keeps what its first run finds.
    """
    from neuron import h

    for point in (0, 1):
        kinds, name = h.MechanismType(point), h.ref("")
        for number in range(int(kinds.count())):
            kinds.select(number)
            kinds.selected(name)
            if hasattr(h, variable := f"usetable_{name[0]}"):
                setattr(h, variable, int(switch))


def has_tables(cell, inputs: Inputs) -> bool:
    """Whether a mechanism that stands on the cell has a TABLE."""
    from neuron import h

    stand = {mechanism.name() for section in cell.sections() for segment in section for mechanism in segment}
    stand |= {each.hname().partition("[")[0] for each in (inputs.synapses.processes if inputs.synapses else ())}
    return any(hasattr(h, f"usetable_{name}") for name in stand)


def queue(inputs: Inputs, start_ms: float, stop_ms: float) -> None:
    """Put the trial's input spikes from `start_ms` on and before `stop_ms` into NEURON's event queue."""
    if inputs.synapses is None:
        return
    for connections, times_ms in zip(inputs.synapses.connections, inputs.events_ms, strict=True):
        first, last = np.searchsorted(times_ms, (start_ms, stop_ms))
        for connection in connections:
            for t in times_ms[first:last].tolist():
                connection.event(t)


def attach(inputs: Inputs) -> list:
    """Place the point currents; the returned objects keep them alive."""
    from neuron import h

    placed = []
    for current in inputs.currents:
        if isinstance(current, Pulse):
            clamp = h.IClamp(current.site)
            clamp.delay, clamp.dur, clamp.amp = (
                current.start_ms,
                current.stop_ms - current.start_ms,
                current.amplitude_na,
            )
        else:
            clamp = h.EpspCurrent(current.site)
            clamp.onset, clamp.imax = current.onset_ms, current.peak_na
            clamp.tau_r, clamp.tau_d = current.rise_ms, current.decay_ms
        placed.append(clamp)
    return placed
