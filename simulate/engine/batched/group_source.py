"""The generated functions of one group: its places' currents and states, and what an event does to one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...schema import InputError
from . import expression as x
from .expression import Expression
from .lowering import Lowered, Tables, lower
from .program import CHANGE_OF_V, Program
from .statements import Writer, literal, plain

INDENT = "    "


class Rows:
    """The rows of a tile, of which each holds one variable of one place.

    by_variable: whether those of a variable stand side by side, so that neighbouring threads, of neighbouring places,
    use neighbouring numbers; or those of a place, so that a processor foresees what a loop over places reads.
    first: what they begin with.
    """

    def __init__(self, by_variable: bool) -> None:
        self.by_variable = by_variable
        self.first: list[np.ndarray] = []

    def __len__(self) -> int:
        return sum(map(len, self.first))

    def add(self, first: np.ndarray) -> int:
        """Where rows that begin with `first` (places, variables) begin."""
        self.first.append(np.asarray(first, float).ravel("F" if self.by_variable else "C"))
        return len(self) - len(self.first[-1])


class GroupSource:
    """Writes the functions of the group of `program`; what they read goes into `tables`, what they keep into `rows`.

    before: places of groups before it, see EACH in tile.h. under: of the group that it stands on.
    waits: whether its states must have advanced before the events of the next step arrive.
    """

    def __init__(
        self,
        program: Program,
        tables: Tables,
        rows: Rows,
        real: str,
        dt_ms: float,
        before: int,
        under: GroupSource | None = None,
    ) -> None:
        self._program, self._tables, self._real, self._dt_ms, self._before = program, tables, real, dt_ms, before
        group = program.group
        self.name, self._point, self._n = group.name, group.point, len(group.node)
        self._names = {plain(name): name for name in program.kept}
        for name in program.kept.keys() - self._names.values():
            other = self._names[plain(name)]
            raise InputError(f"mechanisms: {name} and {other} are both {plain(name)} in generated code; rename one")
        first = np.array([*program.kept.values()]).reshape(len(program.kept), self._n).T  # (places, variables)
        per_place, per_variable = (1, self._n) if rows.by_variable else (len(program.kept), 1)
        self._row = {name: number * per_variable for number, name in enumerate(program.kept)}  # from the place's first
        self._first, self._per_place = rows.add(first), per_place
        self._at = f"const int at = {self._first} + {per_place} * i;"
        self._node = tables.add_indices(group.node)
        self.waits = group.point and not program.alone and bool(program.advanced)
        turn = turns(group.node) if group.point else np.zeros(self._n, int)
        order = np.argsort(turn, kind="stable")
        self._rounds = np.searchsorted(turn[order], np.arange(turn.max() + 2)).tolist()
        self._order = tables.add_indices(order) if len(self._rounds) > 2 else None
        self._row_under: dict[str, int] = {}  # from its segment's first
        if under and (followed_or_added := program.followed | program.added.keys()):
            self._row_under = {name: under._row[name] for name in sorted(followed_or_added)}
            self._under = tables.add_indices(program.group.place_under * under._per_place + under._first)

    def functions(self) -> list[str]:
        """States and currents: in one function, which reads what they share once, unless the states have to wait."""
        program = self._program
        mechanisms = ", ".join(mechanism.name for mechanism in program.group.mechanisms) or "no mechanism"
        lines = [f"// {mechanisms}: {self._n} place{'s' * (self._n > 1)}"]
        if self.waits:
            lines += self._states_only()
        advanced: Mapping[str, Expression] = {} if self.waits else program.advanced
        early, late = ({}, advanced) if program.alone else (advanced, {})
        return lines + self._currents(early, late)

    def calls(self) -> list[str]:
        """What calls its currents: places at one node one after another, since they add to the same current."""
        if not self._point:
            return [f"currents_{self.name}<advance>(t, time_ms);"]
        rounds = zip(self._rounds, self._rounds[1:], strict=False)
        return [
            line
            for first, last in rounds
            for line in ("TOGETHER;", f"currents_{self.name}<advance>(t, time_ms, {first}, {last});")
        ]

    def receive(self, kind: int) -> list[str]:
        """The case of an event; `kind` is the group's number."""
        received = self._program.received
        if not received:
            return []
        lowered = lower(list(received.values()), self._program.constants, self._tables, {})
        values, statements = self._writer(lowered, "real").block(lowered.outputs, name_all=True)
        used = x.symbols(lowered.outputs)
        lines = [self._at]
        if "t" in used:
            lines.append("const real t_ms = t.event_ms;")
        if "v" in used:
            lines.append(f"const real v = AT(OF_NODE(t.indices[{self._node} + i], 0), lane);")
        lines += self._numbers(lowered.tables, used)
        lines += [f"const real {plain(n)} = AT(at + {row}, lane);" for n, row in self._row.items() if n in used]
        lines += statements
        lines += [f"AT(at + {self._row[n]}, lane) = {value};" for n, value in zip(received, values, strict=True)]
        return [f"case {kind}: {{  // {self.name}", *_indented([*lines, "break;"]), "}"]

    def _states_only(self) -> list[str]:
        advanced = self._program.advanced
        lowered = lower(list(advanced.values()), self._program.constants, self._tables, self._program.called)
        used = x.symbols(lowered.outputs)
        lines = [f"const int node = t.indices[{self._node} + i];", *self._begin(lowered.tables, used)]
        lines += self._advance(advanced, lowered.outputs, lowered)
        head = f"FUNCTION void advance_{self.name}(const Tile& t, real time_ms) {{"
        return [head, *_indented([f"EACH(i, {self._n}, {self._before}) {{", *_indented(lines), "}"]), "}", ""]

    def _currents(self, early: Mapping[str, Expression], late: Mapping[str, Expression]) -> list[str]:
        """early: states that advance before the currents, by what the step before has left; late: after them."""
        program = self._program
        kept = {**program.after_currents, **late}
        outputs = [*early.values(), program.current, program.conductance, *kept.values(), *program.added.values()]
        lowered = lower(outputs, program.constants, self._tables, program.called)
        rest = lowered.outputs[len(early) :]
        lines = [f"const int node = t.indices[{self._node} + i];"]
        lines += self._begin(lowered.tables, x.symbols(lowered.outputs))
        if early:
            lines.append("if (advance) {")
            lines += _indented(self._advance(early, lowered.outputs[: len(early)], lowered))
            lines.append("}")
        if "t" in x.symbols(rest):
            lines.append(f"const V t_ms = spread(time_ms + {literal(self._dt_ms / 2, self._real)});")
        (current, conductance, *values), statements = self._writer(lowered).block(rest)
        lines += statements
        if self._point:
            lines += [f"RHS(node) += spread({current});", f"D(node) += spread({conductance});"]
        else:
            lines.append(f"RHS(node) = spread({current});")
            lines.append(f"D(node) = spread(t.numbers[DIAGONAL + node] + {conductance});")
        lines += [f"ROW(at + {self._row[n]}) = spread({value});" for n, value in zip(kept, values, strict=False)]
        of_ions = zip(program.added, values[len(kept) :], strict=True)
        lines += [f"ROW(under + {self._row_under[n]}) += spread({value});  // {n}" for n, value in of_ions]
        name = f"template <bool advance> FUNCTION void currents_{self.name}(const Tile& t, real time_ms"
        if not self._point:
            return [
                f"{name}) {{",
                *_indented([f"EACH(i, {self._n}, {self._before}) {{", *_indented(lines), "}"]),
                "}",
                "",
            ]
        place = "place" if self._order is None else f"t.indices[{self._order} + place]"
        loop = "for (int place = first + t.first; place < last; place += t.stride) {"
        body = [loop, *_indented([f"const int i = {place};", *lines]), "}"]
        return [f"{name}, int first, int last) {{", *_indented(body), "}", ""]

    def _begin(self, tables: Mapping[str, int], used: set[str]) -> list[str]:
        """What a place's code reads first."""
        lines = [self._at] if self._row else []
        if self._row_under:
            lines.append(f"const int under = t.indices[{self._under} + i];")
        lines += [f"const V {n} = ROW(under + {row});" for n, row in self._row_under.items() if n in used]
        if "v" in used:
            lines.append("const V v = VOLTAGE(node);")
        lines += self._numbers(tables, used)
        return lines + [f"V {plain(n)} = ROW(at + {row});" for n, row in self._row.items() if n in used]

    def _numbers(self, tables: Mapping[str, int], used: set[str]) -> list[str]:
        return [f"const real {name} = t.numbers[{at} + i];" for name, at in tables.items() if name in used]

    def _writer(self, lowered: Lowered, kind: str = "V") -> Writer:
        return Writer(self._real, lowered.called, {*self._names, *self._row_under, *lowered.tables}, kind)

    def _advance(self, states: Mapping[str, Expression], outputs: Sequence[Expression], lowered: Lowered) -> list[str]:
        free, lines = x.symbols(outputs), []
        if "t" in free:
            lines.append("const V t_ms = spread(time_ms);")
        if CHANGE_OF_V in free:
            lines.append(f"const V {CHANGE_OF_V} = RHS(node);")
        values, statements = self._writer(lowered).block(outputs, name_all=True)
        lines += statements
        return lines + [
            f"ROW(at + {self._row[n]}) = {plain(n)} = {value};" for n, value in zip(states, values, strict=True)
        ]


def turns(node: np.ndarray) -> np.ndarray:
    """How many earlier places are at the same node, for each place.

    >>> turns(np.array([5, 7, 5, 5])).tolist()
    [0, 0, 1, 2]
    """
    seen: dict[int, int] = {}
    found = []
    for each in node.tolist():
        seen[each] = seen.get(each, -1) + 1
        found.append(seen[each])
    return np.array(found)


def _indented(lines: Sequence[str]) -> list[str]:
    return [INDENT + line for line in lines]
