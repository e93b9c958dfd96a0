"""What stands in the membrane of a built NEURON cell: its mechanisms, where they stand, and their numbers there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from ...cell.function_tables import Numbers
from ...schema import InputError
from . import syntax
from .circuit import Circuit
from .evaluation import DRAWN_OF_IT, STREAM
from .rate_tables import RateTables
from .syntax import Mechanism

ADVANCED = 64  # the bit of NEURON's ion_style that says that the reversal potential follows the concentrations


@dataclass
class Group:
    """The places, I of them, where the same mechanisms stand together: segments, or one kind of point process.

    mechanisms: in the order in which NEURON advances them. node (I,): of each place. point: whether a point process.
    values: variable as `Execution` calls it -> its numbers before INITIAL (I,). charge: of each ion, with `advanced` of
    those whose reversal potential follows the concentrations. names: of the point processes.
    under: of point processes that use ions or POINTERs, the group of their segments, with the place of each in it (I,).
    wanted, added: of a group of segments, concentrations and variables that such point processes follow, and ions whose
    current they add to. connected: which places have a connection (I,). pointing: POINTER -> the variable that it
    points to. tables: those of its mechanisms.
    """

    name: str
    mechanisms: list[Mechanism]
    node: np.ndarray
    point: bool
    values: dict[str, np.ndarray] = field(default_factory=dict)
    charge: dict[str, float] = field(default_factory=dict)
    advanced: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)
    under: Group | None = None
    place_under: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    wanted: set[str] = field(default_factory=set)
    added: set[str] = field(default_factory=set)
    connected: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    pointing: dict[str, str] = field(default_factory=dict)
    tables: RateTables = field(default_factory=RateTables)


def read(
    circuit: Circuit,
    processes: Iterable,
    sources: Mapping[str, tuple[str, str]],
    pointing: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    tables: Mapping[str, Mapping[str, Numbers]] = MappingProxyType({}),
) -> list[Group]:
    """The groups of a cell after `finitialize`: those of segments, largest last, then point processes by kind.

    processes: the point processes. sources: mechanism -> file and NMODL. pointing: see Cell.
    tables: the numbers of FUNCTION_TABLEs.
    Raises InputError for a mechanism that generated code cannot say; see syntax.
    """
    order = _order()

    def mechanism(name: str) -> Mechanism:
        if name not in sources:
            raise InputError(f"mechanism {name}: its NMODL is not known to engine 'batched'; give --engine neuron")
        file, text = sources[name]
        return syntax.parse(text, file)

    together: dict[tuple, list[int]] = {}
    for node, segment in enumerate(circuit.segments):
        if segment is not None:
            stand = {each.name() for each in segment}
            here = [name for name in order if name in stand and not name.endswith("_ion")]
            here.sort(key=lambda name: not writes_concentration(mechanism(name)))
            pointed = tuple(sorted(pointing.get(segment.sec.name(), {}).items()))
            together.setdefault((tuple(here), pointed), []).append(node)
    found = []
    for number, ((names, pointed), nodes) in enumerate(sorted(together.items(), key=lambda item: len(item[1]))):
        group = Group(f"segments_{number}", [mechanism(name) for name in names], np.array(nodes), False)
        group.pointing = dict(pointed)
        _read_values(group, [circuit.segments[node] for node in nodes], None)
        found.append(group)
    home = {node: group for group in found for node in group.node.tolist()}
    kinds: dict[tuple, list] = {}
    number_of: dict[str, int] = {}
    for number, process in enumerate(processes, start=1):
        number_of[process.hname()] = number
        name = process.hname().partition("[")[0]
        pointed = tuple(sorted(pointing.get(process.hname(), {}).items()))
        under = home[circuit.node_of(process.get_segment())].name if mechanism(name).ions or pointed else ""
        kinds.setdefault((name, under, pointed), []).append(process)
    for number, ((name, under, pointed), alike) in enumerate(kinds.items()):
        node_of = {process.hname(): circuit.node_of(process.get_segment()) for process in alike}
        alike.sort(key=lambda process: node_of[process.hname()])
        called = [process.hname() for process in alike]
        places = np.array([node_of[each] for each in called])
        its_name = "_".join(filter(None, (name, under, str(number) if pointed else "")))
        group = Group(its_name, [mechanism(name)], places, True, names=called)
        group.pointing = dict(pointed)
        _read_values(group, [circuit.segments[node] for node in places], alike)
        if mechanism(name).streams:
            group.values[f"{name}.{STREAM[0]}"] = np.array([number_of[each] for each in called], float)
        if under:
            _put_on(group, home[places[0]])
        found.append(group)
    _find_differing(found)
    for group in found:
        group.tables.given = tables
    return found


def _find_differing(groups: list[Group]) -> None:
    """Note which variables are not the same at all places: of the mechanisms that have tables, one for all places."""
    everywhere: dict[str, set[float]] = {}
    for group in groups:
        for name, numbers in group.values.items() if group.tables.used else ():
            everywhere.setdefault(name, set()).update(numbers.tolist())
    differing = {name for name, numbers in everywhere.items() if len(numbers) > 1}
    for group in groups:
        group.tables.differing |= differing


def ion_names(ion: str) -> tuple[str, str, str]:
    """Its reversal potential, and its concentrations inside and outside."""
    return f"e{ion}", f"{ion}i", f"{ion}o"


def _put_on(group: Group, under: Group) -> None:
    """Have point processes that use ions follow, and add to, those of their segments.

    NEURON has the reversal potential follow a concentration that a mechanism writes, where anything reads both. What it
    says of a section is of the first segment alone, so it counts where a mechanism of all segments reads the potential.
    """
    place = {node: number for number, node in enumerate(under.node.tolist())}
    group.under, group.place_under = under, np.array([place[node] for node in group.node.tolist()])
    under.wanted |= {*group.pointing.values()}
    written = {name for mechanism in under.mechanisms for ion in mechanism.ions for name in ion.write}
    read = {name for mechanism in under.mechanisms for ion in mechanism.ions for name in ion.read}
    group.advanced.clear()
    for ion in group.mechanisms[0].ions:
        reversal, *concentrations = ion_names(ion.name)
        changing = written.intersection(concentrations)
        if changing and reversal in ion.read and (ion.name in under.advanced or reversal not in read):
            group.advanced.add(ion.name)
        under.wanted |= changing if ion.name in group.advanced else changing.intersection(ion.read)
        under.added |= {ion.name} if f"i{ion.name}" in ion.write else set()


def _order() -> list[str]:
    """Names of all density mechanisms in the order in which NEURON has them."""
    from neuron import h

    kinds, name, names = h.MechanismType(0), h.ref(""), []
    for number in range(int(kinds.count())):
        kinds.select(number)
        kinds.selected(name)
        names.append(name[0])
    return names


def writes_concentration(mechanism: Mechanism) -> bool:
    """NEURON advances such mechanisms before the others."""
    return any(name in (f"{ion.name}i", f"{ion.name}o") for ion in mechanism.ions for name in ion.write)


def _read_values(group: Group, segments: list, processes: list | None) -> None:
    from neuron import h

    group.values |= {
        "area": np.array([segment.area() for segment in segments]),
        "diam": np.array([segment.diam for segment in segments]),
        "celsius": np.full(len(segments), float(h.celsius)),
    }
    for mechanism in group.mechanisms:
        if mechanism.streams:
            own = [f"{mechanism.name}.{each}" for each in (DRAWN_OF_IT, *STREAM)]
            group.values |= dict.fromkeys(own, np.zeros(len(segments)))
        if getattr(h, f"usetable_{mechanism.name}", 0):
            group.tables.used.add(mechanism.name)
        known = mechanism.ion_variables
        for name in [*mechanism.parameters, *mechanism.assigned, *mechanism.states]:
            if name in ("v", "t", "dt", "celsius", "area", "diam") or name in known:
                continue
            places = processes or [getattr(segment, mechanism.name) for segment in segments]
            base, _, index = name.rstrip("]").partition("[")
            source = f"{base}0" if name in mechanism.states else base
            start = mechanism.starts.get(base, 0.0)  # of a state; what is computed starts at 0
            if source in mechanism.ranges | mechanism.pointers:
                numbers = [_element(getattr(place, source), index) for place in places]
            elif name not in mechanism.assigned and hasattr(h, f"{source}_{mechanism.name}"):
                of_all = _element(getattr(h, f"{source}_{mechanism.name}"), index)
                numbers = [of_all] * len(segments)
            else:
                numbers = [mechanism.parameters.get(source, start)] * len(segments)
            group.values[f"{mechanism.name}.{name}"] = np.array(numbers)
        if group.point:
            group.values |= {to: group.values[name] for name, to in group.pointing.items()}
        group.values |= {f"{mechanism.name}.{name}": np.zeros(len(segments)) for name in mechanism.own_currents}
        for ion in mechanism.ions:
            group.charge[ion.name] = float(h.ion_charge(f"{ion.name}_ion"))
            styles = {int(h.ion_style(f"{ion.name}_ion", sec=segment.sec)) for segment in segments}
            if any(style & ADVANCED for style in styles):
                group.advanced.add(ion.name)
            for name in ion_names(ion.name):
                group.values[name] = np.array([float(getattr(segment, name)) for segment in segments])
            group.values[f"i{ion.name}"] = np.zeros(len(segments))


def _element(found, index: str) -> float:
    """A number of NEURON's, or the one of an array that `index` names."""
    return float(found[int(index)] if index and hasattr(found, "__getitem__") else found)
