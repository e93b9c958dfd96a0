"""The generated source: one time step of one cell in C++, written to be read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import expression as x
from .circuit import Circuit
from .expression import Expression
from .lowering import Tables, lower
from .program import CHANGE_OF_V, Program

HERE = Path(__file__).parent
HEADERS = ("lanes.h", "tile.h")
BINDING = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4, "+": 5, "-": 5, "*": 6}
UNIT_FACTOR_US = 1e-5  # a capacitance of 1 uF/cm2 over 1 um2 in nF, and 1 nF/ms is 1 uS


@dataclass
class Source:
    """text: of the generated file. tables: what it reads. n_rows: rows of a tile.

    first_values (n_rows,): what each row begins with.
    """

    text: str
    numbers: np.ndarray
    indices: np.ndarray
    first_values: np.ndarray


@dataclass
class _Rows:
    """Where the variables stand in a tile."""

    first: list[np.ndarray] = field(default_factory=list)

    def add(self, first: np.ndarray) -> int:
        """Rows that begin with `first`; those of a place side by side, so that a processor foresees what comes next."""
        self.first.append(np.asarray(first, float).ravel())
        return sum(map(len, self.first[:-1]))


def write(
    circuit: Circuit,
    programs: list[Program],
    connections: list[tuple[int, int, float]],
    dt_ms: float,
    v_init_mv: float,
    second_order: bool,
    single: bool,
    name: str,
) -> Source:
    """The source of one step. connections: (program, place, weight) of each. single: 32-bit, or else 64-bit."""
    tables, rows, literal = Tables(), _Rows(), _Literal(single)
    n, halves = len(circuit.g_us), 2 if second_order else 1
    capacitance = halves * circuit.cm_uf_per_cm2 * circuit.area_um2 * UNIT_FACTOR_US / dt_ms
    names = {
        "NODES": rows.add(np.outer(np.ones(n), [v_init_mv, 0, 0])),
        "CHAINS": rows.add(np.zeros(2 * len(circuit.head))),
        "G": tables.add_numbers(circuit.g_us),
        "DIAGONAL": tables.add_numbers(circuit.axial_us + capacitance),
        "LEVELS": len(circuit.level) - 1,
        "LEVEL": tables.add_indices(circuit.level),
        "HEAD": tables.add_indices(circuit.head),
        "TAIL": tables.add_indices(circuit.tail),
        "PARENT": tables.add_indices(circuit.parent),
        "BEYOND_FIRST": tables.add_indices(circuit.beyond_first),
        "BEYOND": tables.add_indices(circuit.beyond),
        "BRANCHINGS": sum(segment is None for segment in circuit.segments),
        "BRANCHING": tables.add_indices([i for i, segment in enumerate(circuit.segments) if segment is None]),
        "SECOND_ORDER": int(second_order),
        "CONNECTION_KIND": tables.add_indices([kind for kind, _, _ in connections]),
        "CONNECTION_PLACE": tables.add_indices([place for _, place, _ in connections]),
        "CONNECTION_WEIGHT": tables.add_numbers(np.array([weight for _, _, weight in connections])),
    }
    groups = [_Group(program, tables, rows, literal, circuit, dt_ms) for program in programs]
    order = "second order (Crank-Nicolson, staggered gates)" if second_order else "first order (implicit Euler)"
    text = "\n".join(
        [
            f"// One time step of {name}: dt {dt_ms:g} ms, {order}, {32 if single else 64}-bit.",
            "// Generated from the cell and the NMODL of its mechanisms; units: mV, ms, nA, uS, mM.",
            f"typedef {'float' if single else 'double'} real;",
            *(f"static const int {key} = {value};" for key, value in names.items()),
            '#include "tile.h"',
            "",
            *(line for group in groups for line in group.functions()),
            "// An input spike at one place.",
            "FUNCTION void receive(const Tile& t, int lane, int connection) {",
            "    const int i = t.indices[CONNECTION_PLACE + connection];",
            "    const real weight = t.numbers[CONNECTION_WEIGHT + connection];",
            "    switch (t.indices[CONNECTION_KIND + connection]) {",
            *(line for number, group in enumerate(groups) for line in group.receive(number)),
            "    }",
            "}",
            "",
            "template <bool advance> FUNCTION void states_that_need_the_voltage(const Tile& t, real time_ms) {",
            *(f"    advance_{group.name}(t, time_ms);" for group in groups if group.waits),
            "}",
            "",
            "template <bool advance> FUNCTION void currents(const Tile& t, real time_ms) {",
            "    EACH(i, BRANCHINGS) {  // no membrane",
            "        const int node = t.indices[BRANCHING + i];",
            "        RHS(node) = spread((real)0);",
            "        D(node) = spread(t.numbers[DIAGONAL + node]);",
            "    }",
            *(line for group in groups for line in group.calls()),
            "}",
            "",
        ]
    )
    return Source(text, np.concatenate(tables.numbers), np.concatenate(tables.indices), np.concatenate(rows.first))


class _Literal:
    """Numbers as C++ writes them."""

    def __init__(self, single: bool) -> None:
        self._suffix = "f" if single else ""
        self._limit = 3e38 if single else 1e308

    def __call__(self, value: float) -> str:
        value = max(-self._limit, min(self._limit, value))
        text = f"{value:.9g}" if self._suffix else repr(value)
        text = text if set(text) & set(".en") else text + ".0"
        return f"({text}{self._suffix})" if value < 0 else text + self._suffix


class _Group:
    """The functions of one group."""

    def __init__(
        self, program: Program, tables: Tables, rows: _Rows, literal: _Literal, circuit: Circuit, dt_ms: float
    ) -> None:
        self.program, self.tables, self.literal = program, tables, literal
        group = program.group
        self.name, self.point, self.n = group.name, group.point, len(group.node)
        self.row = {name: number for number, name in enumerate(program.kept)}
        first = rows.add(
            np.stack([*program.kept.values(), *[np.empty(self.n)] * (not self.row)], axis=1)[:, : len(self.row)]
        )
        self.at = f"const int at = {first} + {len(self.row)} * i;"
        self.node = tables.add_indices(group.node)
        self.half_ms, self.dt_ms = literal(dt_ms / 2), literal(dt_ms)
        self.waits = group.point and not program.alone and bool(program.advanced)
        # Of the places at one node, which add to the same current, each is of another round
        seen: dict[int, int] = {}
        turn = np.array([seen.setdefault(node, -1) for node in group.node]) if group.point else np.zeros(self.n)
        for i, node in enumerate(group.node if group.point else ()):
            seen[node] += 1
            turn[i] = seen[node]
        order = np.argsort(turn, kind="stable")
        self.rounds = np.searchsorted(turn[order], np.arange(turn.max() + 2)).tolist()
        self.order = tables.add_indices(order) if len(self.rounds) > 2 else None

    def functions(self) -> list[str]:
        """Advance and currents, in one function where the states need not wait for each other."""
        program = self.program
        mechanisms = ", ".join(mechanism.name for mechanism in program.group.mechanisms) or "no mechanism"
        found = [f"// {mechanisms}: {self.n} {'place' if self.n == 1 else 'places'}"]
        if self.waits:
            found += self._function(f"advance_{self.name}", "", program.advanced, {}, False)
        early = {} if self.waits or program.alone else program.advanced
        late = program.advanced if program.alone else {}
        template = "template <bool advance> "
        return found + self._function(f"currents_{self.name}", template, early, late, True)

    def _function(self, name: str, template: str, early: dict, late: dict, currents: bool) -> list[str]:
        """early: variables that advance before the currents are computed, late: after."""
        program = self.program
        after = program.after_currents if currents else {}
        outputs = [
            *early.values(),
            *([program.current, program.conductance] if currents else []),
            *after.values(),
            *late.values(),
        ]
        lowered = lower(outputs, program.constants, self.tables, program.called)
        ready, used = lowered.outputs, x.symbols(lowered.outputs)
        from_early, rest = ready[: len(early)], ready[len(early) :]
        writer = _Writer(self.literal, lowered.called)
        begin, end = ("first", "last") if self.point else ("0", str(self.n))
        lines = [
            f"{template}FUNCTION void {name}(const Tile& t, real time_ms{', int first, int last' if self.point else ''}) {{"
        ]
        if self.point:
            lines.append("    for (int place = first + t.first; place < last; place += t.stride) {")
            lines.append(
                f"        const int i = {f't.indices[{self.order} + place]' if self.order is not None else 'place'};"
            )
        else:
            lines.append(f"    EACH(i, {self.n}) {{")
        if "v" in used or CHANGE_OF_V in used or currents:
            lines.append(f"        const int node = t.indices[{self.node} + i];")
        if self.row:
            lines.append(f"        {self.at}")
        if "v" in used:
            lines.append("        const V v = VOLTAGE(node);")
        lines += [
            f"        const real {symbol} = t.numbers[{at} + i];"
            for symbol, at in lowered.tables.items()
            if symbol in used
        ]
        lines += [
            f"        V {_plain(variable)} = ROW(at + {row});" for variable, row in self.row.items() if variable in used
        ]
        if early and currents:
            lines.append("        if (advance) {")
        if early:
            indent = "            " if currents else "        "
            free = x.symbols(from_early)
            if "t" in free:
                lines.append(f"{indent}const V t_ms = spread(time_ms);")
            if CHANGE_OF_V in free:
                lines.append(f"{indent}const V dv = RHS(node);")
            values, statements = writer.block(from_early, indent, name_all=True)
            lines += statements
            for variable, value in zip(early, values, strict=True):
                lines.append(f"{indent}ROW(at + {self.row[variable]}) = {_plain(variable)} = {value};")
            if currents:
                lines.append("        }")
        if currents:
            if "t" in x.symbols(rest):
                lines.append(f"        const V t_ms = spread(time_ms + {self.half_ms});")
            writer = _Writer(self.literal, lowered.called)
            values, statements = writer.block(rest, "        ")
            lines += statements
            sign = "+=" if self.point else "="
            diagonal = "" if self.point else "t.numbers[DIAGONAL + node] + "
            current, conductance, *others = values
            lines.append(f"        RHS(node) {sign} {_spread(current)};")
            lines.append(f"        D(node) {sign} {_spread(diagonal + conductance)};")
            for variable, value in zip([*after, *late], others, strict=True):
                lines.append(f"        ROW(at + {self.row[variable]}) = {_spread(value)};")
        return [*lines, "    }", "}", ""]

    def calls(self) -> list[str]:
        if not self.point:
            return [f"    currents_{self.name}<advance>(t, time_ms);"]
        found = []
        for first, last in zip(self.rounds, self.rounds[1:], strict=False):
            found += ["    TOGETHER;", f"    currents_{self.name}<advance>(t, time_ms, {first}, {last});"]
        return found

    def receive(self, number: int) -> list[str]:
        received = {n: value for n, value in self.program.received.items()}
        if not received:
            return []
        lowered = lower(list(received.values()), self.program.constants, self.tables, {})
        used = x.symbols(lowered.outputs)
        writer = _Writer(self.literal, {}, "real")
        values, statements = writer.block(lowered.outputs, "            ", name_all=True)
        lines = [f"        case {number}: {{  // {self.name}", f"            {self.at}"]
        if "v" in used:
            lines.append(f"            const real v = AT(NODES + 3 * t.indices[{self.node} + i], lane);")
        lines += [
            f"            const real {symbol} = t.numbers[{at} + i];"
            for symbol, at in lowered.tables.items()
            if symbol in used
        ]
        lines += [f"            const real {_plain(n)} = AT(at + {self.row[n]}, lane);" for n in self.row if n in used]
        lines += statements
        lines += [
            f"            AT(at + {self.row[n]}, lane) = {value};" for n, value in zip(received, values, strict=True)
        ]
        return [*lines, "            break;", "        }"]


def _plain(name: str) -> str:
    return {"t": "t_ms"}.get(name, name.replace(".", "_"))


def _spread(value: str) -> str:
    return f"spread({value})"


class _Writer:
    """Expressions as statements: what is used twice, or has a name in the NMODL, is computed once under a name."""

    def __init__(self, literal: _Literal, called: dict[Expression, str], kind: str = "V") -> None:
        self._literal, self._called, self._kind = literal, called, kind
        self._text: dict[int, tuple[str, int]] = {}  # expression -> its text and how tightly it binds
        self._taken: set[str] = set()

    def block(self, outputs: Iterable[Expression], indent: str, name_all: bool = False) -> tuple[list[str], list[str]]:
        """The texts of `outputs`, each a name where `name_all`, and the statements that come before."""
        outputs, statements = list(outputs), []
        order = x.walk(outputs)
        uses: dict[int, int] = {}
        for node in order:
            for part in node.of:
                uses[id(part)] = uses.get(id(part), 0) + 1
        for node in outputs:
            uses[id(node)] = uses.get(id(node), 0) + 1
        logical = x.COMPARISONS | x.LOGIC
        for node in order:
            text, binding = self._expression(node)
            named = node.of and (uses[id(node)] > 1 or node in self._called) and node.op not in logical
            if named or (name_all and node in outputs):
                name = self._name(self._called.get(node, "shared"))
                statements.append(f"{indent}const {self._kind} {name} = {text};")
                text, binding = name, 9
            self._text[id(node)] = text, binding
        return [self._text[id(node)][0] for node in outputs], statements

    def _name(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        self._taken.add(name)
        return name

    def _expression(self, node: Expression) -> tuple[str, int]:
        of = [self._text[id(part)] for part in node.of]
        if node.op == "constant":
            return self._literal(node.value), 9
        if node.op == "symbol":
            return _plain(node.name), 9
        if node.op == "/":
            return f"quotient({of[0][0]}, {of[1][0]})" if self._kind == "V" else f"({of[0][0]}) / ({of[1][0]})", 6
        if node.op in BINDING:
            binding = BINDING[node.op]
            left = of[0][0] if of[0][1] >= binding else f"({of[0][0]})"
            right = of[1][0] if of[1][1] > binding else f"({of[1][0]})"
            return f"{left} {node.op} {right}", binding
        if node.op in ("neg", "!"):
            return f"{'-' if node.op == 'neg' else '!'}{of[0][0] if of[0][1] > 7 else f'({of[0][0]})'}", 7
        name = {"^": "pow_", "select": "select"}.get(node.op, f"{node.op}_")
        return f"{name}({', '.join(text for text, _ in of)})", 9
