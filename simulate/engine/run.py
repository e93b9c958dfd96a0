"""Which engine integrates a cell, and the call to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..mechanisms import translators
from ..mechanisms.nmodl import Source
from .interface import Inputs, Integration, Passed, Recording, unheard

if TYPE_CHECKING:
    from ..cell.built import Cell


FEW_TRIALS = 3  # of one worker: below, CoreNEURON is faster than engine 'batched' (docs/log.md)


def fastest(
    integration: Integration, mechanisms: Iterable[str], trials: float, own: Mapping[str, Source] | None = None
) -> Integration:
    """`integration` with the fastest engine that has these mechanisms, by name: of channels and of receptors.

    trials: how many each worker is to simulate. own: NMODL of those that the cell brings. Engine 'batched' from three
    trials on, where the step is fixed and every mechanism can be generated; else CoreNEURON, unless it cannot run one
    that the cell brings; else plain NEURON, as for a variable step.
    """
    own = own or {}
    engine = "coreneuron"
    if integration.dt_ms is None:
        engine = "neuron"
    elif trials >= FEW_TRIALS and _generated(mechanisms, own, integration.exact_rates):
        engine = "batched"
    elif any(map(translators.coreneuron_refusal, own.values())):
        engine = "neuron"
    return integration.model_copy(update={"engine": engine})


def _generated(mechanisms: Iterable[str], own: Mapping[str, Source], exact_rates: bool) -> bool:
    from .batched import support

    return support.refusal(list(mechanisms), own, exact_rates) is None


def run(
    cell: Cell,
    inputs: Inputs,
    probes: Sequence,
    duration_ms: float,
    v_init_mv: float,
    integration: Integration,
    coarse: Sequence = (),
) -> Recording:
    """Integrate one trial from rest at `v_init_mv` and record the voltage of NEURON segments.

    probes: segments recorded at every step; coarse: segments recorded at whole ms only.
    NEURON's state is global: nothing of a trial outlives this call but the cell itself.
    Raises Unstable, soon after it happens, where a recorded voltage runs away.
    """
    from . import coreneuron, neuron
    from .batched import engine

    if integration.engine == "auto":
        integration = fastest(integration, (), trials=1)
    chosen = {"coreneuron": coreneuron, "neuron": neuron, "batched": engine}[integration.engine]
    return chosen.run(cell, inputs, probes, duration_ms, v_init_mv, integration, coarse)


def run_many(
    cell: Cell,
    inputs: Sequence[Inputs],
    probes: Sequence,
    duration_ms: float,
    v_init_mv: float,
    integration: Integration,
    coarse: Sequence = (),
    device: str = "cpu",
    passed: Passed = unheard,
) -> Iterable[Recording | RuntimeError]:
    """Integrate trials that differ in their input spikes alone; in the order of `inputs`, see `run`.

    device: where engine 'batched' runs, 'cpu' or 'cuda'; passed: it calls this often. A trial that goes wrong gives its
    error, and others go on. When this returns, all are integrated: neither NEURON nor the device is needed any more.
    """
    if integration.engine == "batched":
        from .batched import engine

        return engine.ready(cell, inputs, probes, duration_ms, v_init_mv, integration, coarse, device)(passed)
    found: list[Recording | RuntimeError] = []
    for each in inputs:
        try:
            found.append(run(cell, each, probes, duration_ms, v_init_mv, integration, coarse))
        except RuntimeError as error:  # Unstable, or how NEURON says that it cannot go on
            found.append(error)
    return found
