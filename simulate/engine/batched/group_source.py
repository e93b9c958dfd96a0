"""The generated functions of one group: its places' currents and states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import expression as x
from .currents import CHANGE_OF_V
from .event_source import EventSource
from .expression import Expression
from .lowering import Lowered, lower
from .place_source import indented
from .statements import literal, plain


class GroupSource(EventSource):
    """Writes the functions of a group; see PlaceSource."""

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

    def _states_only(self) -> list[str]:
        advanced = self._program.advanced
        lowered = lower(list(advanced.values()), self._program.constants, self._tables, self._program.called)
        used = x.symbols(lowered.outputs)
        lines = [f"const int node = t.indices[{self._node} + i];", *self._begin(lowered.tables, used)]
        lines += self._advance(advanced, lowered.outputs, lowered, used)
        head = f"FUNCTION void advance_{self.name}(const Tile& t, real time_ms) {{"
        return [head, *indented([f"EACH(i, {self._n}, {self._before}) {{", *indented(lines), "}"]), "}", ""]

    def _currents(self, early: Mapping[str, Expression], late: Mapping[str, Expression]) -> list[str]:
        """early: states that advance before the currents, by what the step before has left; late: after them."""
        program = self._program
        kept = {**program.after_currents, **late}
        outputs = [*early.values(), program.current, program.conductance, *kept.values(), *program.added.values()]
        lowered = lower(outputs, program.constants, self._tables, program.called)
        rest = lowered.outputs[len(early) :]
        lines = [f"const int node = t.indices[{self._node} + i];"]
        used = x.symbols(lowered.outputs)
        lines += self._begin(lowered.tables, used)
        if early:
            lines.append("if (advance) {")
            lines += indented(self._advance(early, lowered.outputs[: len(early)], lowered, used))
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
                *indented([f"EACH(i, {self._n}, {self._before}) {{", *indented(lines), "}"]),
                "}",
                "",
            ]
        place = "place" if self._order is None else f"t.indices[{self._order} + place]"
        loop = "for (int place = first + t.first; place < last; place += t.stride) {"
        body = [loop, *indented([f"const int i = {place};", *lines]), "}"]
        return [f"{name}, int first, int last) {{", *indented(body), "}", ""]

    def _begin(self, tables: Mapping[str, int], used: set[str]) -> list[str]:
        """What a place's code reads first."""
        lines = [self._at] if self._row else []
        if self._row_under:
            lines.append(f"const int under = t.indices[{self._under} + i];")
        lines += [f"const V {plain(n)} = ROW(under + {row});" for n, row in self._row_under.items() if n in used]
        if "v" in used:
            lines.append("const V v = VOLTAGE(node);")
        lines += self._numbers(tables, used)
        return lines + [f"V {plain(n)} = ROW(at + {row});" for n, row in self._row.items() if n in used]

    def _advance(
        self, states: Mapping[str, Expression], outputs: Sequence[Expression], lowered: Lowered, used: set[str]
    ) -> list[str]:
        """used: what has been read, and has to follow."""
        free, lines = x.symbols(outputs), []
        if "t" in free:
            lines.append("const V t_ms = spread(time_ms);")
        if CHANGE_OF_V in free:
            lines.append(f"const V {CHANGE_OF_V} = RHS(node);")
        values, statements = self._writer(lowered).block(outputs, name_all=True)
        lines += statements
        names = {name: f"{plain(name)} = " if name in used else "" for name in states}
        return lines + [
            f"ROW(at + {self._row[n]}) = {names[n]}{value};" for n, value in zip(states, values, strict=True)
        ]
