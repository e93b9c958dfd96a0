"""Many trials side by side: code generated from the cell and its mechanisms' NMODL, see the package batched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ...cores import batches_beside
from .. import neuron as plain
from .. import streams
from ..interface import Inputs, Integration, Passed, Recording, Together, Unstable, unheard
from . import devices, memory, step, trials
from .step import Step


def run(
    cell, inputs: Inputs, probes, duration_ms: float, v_init_mv: float, integration: Integration, coarse=()
) -> Recording:
    """Integrate one trial; see run.run. It takes as long as many side by side."""
    (found,) = ready(cell, [inputs], probes, duration_ms, v_init_mv, integration, coarse)(unheard)
    if isinstance(found, Unstable):
        raise found
    return found


def ready(
    cell,
    inputs: Sequence[Inputs],
    probes,
    duration_ms: float,
    v_init_mv: float,
    integration: Integration,
    coarse=(),
    device: str = "cpu",
) -> Callable[[Passed], Iterator[Recording | Unstable]]:
    """Trials that differ in their input spikes alone, up to where the device is needed; see run.run_many.

    Call what it gives for the rest, which does without NEURON.
    """
    if any(each.synapses is not inputs[0].synapses or each.currents != inputs[0].currents for each in inputs):
        raise ValueError("inputs: expected trials side by side to have the same synapses and currents")
    held = plain.attach(inputs[0])
    made = build(cell, inputs[0], held, v_init_mv, integration, device)
    return trials.ready(
        made,
        [each.events_ms for each in inputs],
        probes,
        coarse,
        duration_ms,
        devices.named(device, made.source),
        [streams.of_trial(each.events_ms) for each in inputs] if made.source.stream_rows.size else (),
    )


def build(
    cell, inputs: Inputs, currents: list, v_init_mv: float, integration: Integration, device: str = "cpu"
) -> Step:
    """The generated step of a cell. currents: the point processes of `inputs`, placed."""
    assert integration.dt_ms is not None
    plain.use_tables(not integration.exact_rates)
    return step.build(
        cell,
        inputs.synapses,
        currents,
        v_init_mv,
        integration.dt_ms,
        integration.second_order,
        integration.precision == "float32",
        step.files_and_texts(cell.nmodl),
        shared=device != "cpu",
    )


def side_by_side(made: Step, duration_ms: float, n_coarse: int, device: str) -> Together:
    """How many trials run in one go: as a vector register of a processor holds, or keep a GPU busy, and memory too."""
    there = devices.named(device, made.source)
    each = memory.need(made, 1, n_coarse, duration_ms)
    if device != "cpu":
        in_hand = replace(each, host=each.host * batches_beside(device))
        fit = memory.trials_that_fit(in_hand, there, memory.host_bytes())
        return Together(fit, "what memory holds or keeps it busy")
    lanes = there[0].lanes
    fit = int(there[0].free_bytes() * memory.OF_HOST // each.host)
    return Together(lanes) if fit >= lanes else Together(max(fit, 1), "more would not fit into the memory")
