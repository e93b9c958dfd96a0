"""A built NEURON cell to one generated time step: its source, and the numbers that go with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ...mechanisms import nmodl
from .. import fresh
from . import circuit, contraction, events, membrane, program, source
from .source import Source

NEURONS_OWN = ("hh", "passive", "stim", "expsyn", "exp2syn")  # files of the wheel, which NEURON has built in


@dataclass(frozen=True)
class Step:
    """The generated step of a cell.

    source: text and tables. dt_ms: as asked for. connections: the synapses' NetCons in the order of their
    numbers, by synapse: (S,) lists of connection numbers. delays_ms: of each, until a spike does what it does.
    """

    source: Source
    circuit: circuit.Circuit
    dt_ms: float
    connections: list[list[int]]
    delays_ms: np.ndarray

    @property
    def event_times(self) -> bool:
        """Whether it matters when within a step an event arrives."""
        return self.source.event_times


@cache
def nmodl_of_mechanisms() -> dict[str, tuple[str, str]]:
    """Mechanism -> file and NMODL, of those shipped and those that NEURON has built in."""
    import neuron

    wheel = Path(neuron.__file__).parent / ".data" / "share" / "modfile"
    files = [*(wheel / f"{name}.mod" for name in NEURONS_OWN), *nmodl.sources()]
    return files_and_texts(nmodl.by_name(files))


def files_and_texts(sources: Mapping[str, nmodl.Source]) -> dict[str, tuple[str, str]]:
    return {name: (source.file, source.text) for name, source in sources.items()}


def build(
    cell,
    synapses,
    currents: list,
    v_init_mv: float,
    dt_ms: float,
    second_order: bool,
    single: bool,
    nmodl_of: dict[str, tuple[str, str]] | None = None,
    shared: bool = False,
) -> Step:
    """The step of a NEURON cell with its synapses and point currents, all of them placed.

    currents: NEURON point processes. single: 32-bit arithmetic, or else 64-bit. nmodl_of: mechanism -> file and text,
    of others than those shipped. shared: for a GPU, whose threads share a cell.
    Raises InputError for a mechanism, or a tree, that generated code cannot say.
    """
    from neuron import h

    fresh.restore(cell, synapses)
    h.finitialize(v_init_mv)
    fresh.restore_variables(cell, synapses)  # which the blocks that NEURON has just run have set
    tree = circuit.read(cell.sections(), cell.soma(0.5))
    rounds = None
    if shared:
        alike = [each and tuple(mechanism.name() for mechanism in each) for each in tree.segments]
        order, rounds = contraction.order(tree.parents, alike)
        tree = tree.renumbered(order)
    processes = [*(synapses.processes if synapses else ()), *currents]
    known = nmodl_of_mechanisms() | (nmodl_of or {})
    groups = membrane.read(tree, processes, known, getattr(cell, "pointing", {}), getattr(cell, "tables", {}))
    events.read_weights(groups, synapses.connections if synapses else ())
    programs: list[program.Program] = []
    for group in groups:
        under = next((each for each in programs if each.group is group.under), None)
        programs.append(program.write(group, dt_ms, v_init_mv, second_order, under))
    place = {name: (number, at) for number, each in enumerate(programs) for at, name in enumerate(each.group.names)}
    connections: list[tuple[int, int, float]] = []
    of_synapse: list[list[int]] = []
    for at_synapse in synapses.connections if synapses else ():
        of_synapse.append([])
        for connection in at_synapse:
            of_synapse[-1].append(len(connections))
            connections.append((*place[connection.syn().hname()], float(connection.weight[0])))
    real = "float" if single else "double"
    made = source.write(tree, rounds, programs, connections, dt_ms, v_init_mv, second_order, real, cell.name)
    delays_ms = np.array([programs[number].delay_ms[at] for number, at, _ in connections], float)
    return Step(made, tree, dt_ms, of_synapse, delays_ms)


def times_ms(dt_ms: float, duration_ms: float) -> np.ndarray:
    """Time at the start of each step from 0, and at the end of the last, added up as NEURON does (steps + 1,)."""
    halves = np.full(2 * round(duration_ms / dt_ms + 0.5), dt_ms / 2)
    return np.concatenate([[0.0], np.cumsum(halves)[1::2]])
