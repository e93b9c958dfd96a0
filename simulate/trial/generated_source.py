"""What engine 'batched' runs for a configuration: its source, and where source and library are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..processes import apart
from ..schema import InputError

if TYPE_CHECKING:
    from ..config import Simulation


class Generated(NamedTuple):
    """text: C++ of a time step. folder: of that file, of the headers that it includes, and of the library."""

    text: str
    folder: Path


def generated(config: Simulation) -> Generated:
    """The code of a configuration's time step, compiled. The cell is built in a process of its own.

    Raises InputError for a neuron without a cell, a variable step, and what generated code cannot say.
    """
    if config.lif is not None:
        raise InputError("engine 'batched': a leaky integrate-and-fire neuron is solved exactly, nothing is generated")
    if config.integration.dt_ms is None:
        raise InputError("engine 'batched': needs a fixed step; give --dt")
    return apart(_generated, config)


def _generated(config: Simulation) -> Generated:
    from ..engine.batched import engine, library
    from ..engine.interface import Inputs
    from ..mechanisms.library import announce
    from .detailed import V_INIT_MV, DetailedNeuron

    integration = config.integration.model_copy(update={"engine": "batched"})
    neuron = DetailedNeuron(config.model_copy(update={"integration": integration}))
    made = engine.build(neuron.cell, Inputs(neuron.synapses), [], V_INIT_MV, integration)
    return Generated(made.source.text, library.compiled(made.source.text, announce))
