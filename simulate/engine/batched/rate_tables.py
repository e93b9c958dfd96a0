"""TABLE: what a routine computes at points of its argument, once, and in between on the line through two of them.

NEURON makes a table before INITIAL where a file is thread-safe, else when the routine is first called, of what it finds
at one place. Here it has to come out the same whenever and wherever it is made; what does not is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ...cell.function_tables import Numbers
from ...mechanisms import translators
from ...mechanisms.tree import Tree
from ...schema import InputError
from . import between
from . import expression as x
from .execution import Execution
from .expression import Expression
from .syntax import Mechanism, Routine, Table

ARGUMENT = "the argument of a table"
WHERE = r"\b(TABLE)\b"


@dataclass
class RateTables:
    """Of the mechanisms of a group.

    used: mechanisms whose tables NEURON uses (`usetable_...` is not 0). differing: variables that differ between places
    of the cell. numbers: of every variable, at every place of the group, before the block at hand. made: the numbers of
    each table, and its ends, by mechanism and routine. followed: variable that one depends on -> mechanism. left_out:
    variable that INITIAL does not set at every place -> its refusal. given: numbers of FUNCTION_TABLEs, by mechanism.
    """

    used: set[str] = field(default_factory=set)
    differing: set[str] = field(default_factory=set)
    numbers: Mapping[str, np.ndarray] = field(default_factory=dict)
    made: dict[tuple[str, int], list[np.ndarray]] = field(default_factory=dict)
    followed: dict[str, Mechanism] = field(default_factory=dict)
    left_out: dict[str, InputError] = field(default_factory=dict)
    given: Mapping[str, Mapping[str, Numbers]] = field(default_factory=dict)

    def without_left_out(self, mechanism: Mechanism, values: dict[str, Expression]) -> dict[str, Expression]:
        """What INITIAL sets, less what making a table sets at one place; see `refuse_left_out`."""
        for name, value in values.items():
            if value.op == "symbol" and value.name in mechanism.unsaid:
                self.left_out[name] = mechanism.refuse(*mechanism.unsaid[value.name])
        return {name: value for name, value in values.items() if name not in self.left_out}

    def refuse_left_out(self, needed: Iterable[Expression]) -> None:
        """Refuse what follows a variable that is not what INITIAL seems to set."""
        for name in sorted(self.left_out.keys() & x.symbols(needed)):
            raise self.left_out[name]

    def refuse_changing(self, constants: Iterable[str]) -> None:
        """Refuse a table of other than `constants`. NEURON makes it again only where DEPEND names what has changed."""
        for name in sorted(self.followed.keys() - set(constants)):
            raise _refused(self.followed[name], name, "changes")


class Tabulated(Execution):
    """An execution that reads tables, where there are `tables`; see Execution."""

    tables: RateTables | None = None

    def _call(self, routine: Routine, arguments: Iterable[Expression], result: str = "") -> dict[str, Expression]:
        tables = self.tables
        if routine.table is None or tables is None or self.mechanism.name not in tables.used:
            return super()._call(routine, arguments, result)
        names = [each for name in routine.table.names for each in self._all_of(name)]
        numbers, rest = self._made(tables, routine, routine.table, names, result)
        (first,), (per_step,), *columns = numbers
        (argument,) = arguments
        at = (argument - float(first)) * float(per_step)
        found = [x.call("lookup", at, x.table(column)) for column in columns]
        for name, value in [*rest.items(), *zip(names, found, strict=False)]:
            self._assign_own(name, value)
        return {result: found[-1]}

    def _given(self, function: str, argument: Expression) -> Expression:
        """A FUNCTION_TABLE's value."""
        assert self.tables is not None
        numbers = self.tables.given[self.mechanism.name][function]
        found = between.points(argument, numbers.x, numbers.y)
        if found is None:
            what = f"FUNCTION_TABLE {function} of more than {between.MOST_UNEVEN} points, of uneven ones,"
            raise self.mechanism.refuse(what, rf"\bFUNCTION_TABLE\s+({function})\b")
        return found

    def _assign_own(self, name: str, value: Expression) -> None:
        self._locals.append({})
        self._assign(name, value)
        self._locals.pop()

    def _all_of(self, name: str) -> list[str]:
        sizes = self.mechanism.sizes
        return [f"{name}[{index}]" for index in range(sizes[name])] if name in sizes else [name]

    def _made(
        self, tables: RateTables, routine: Routine, written: Table, names: list[str], result: str
    ) -> tuple[list[np.ndarray], dict[str, Expression]]:
        """Its first point, points per unit, and a column of each output; what else the routine sets."""
        as_they_were = {name: x.symbol(name) for name in self.values}
        found, rest = self._tabulated(tables, routine, written, names, result, as_they_were)
        key = self.mechanism.name, id(routine)
        if self._initial:
            now, rest = self._tabulated(tables, routine, written, names, result, dict(self.values))
            if translators.thread_safe(self.mechanism.text) and not _same(found, now):
                raise self.mechanism.refuse("a TABLE of what INITIAL sets, before which NEURON makes it,", WHERE)
            found = now
        if not _same(found, tables.made.setdefault(key, found)):
            raise self.mechanism.refuse("a TABLE of what is set after it was made", WHERE)
        return found, rest

    def _tabulated(
        self,
        tables: RateTables,
        routine: Routine,
        written: Table,
        names: list[str],
        result: str,
        values: dict[str, Expression],
    ) -> tuple[list[np.ndarray], dict[str, Expression]]:
        inside = type(self)(self.mechanism, dict(values))
        inside.tables = tables
        ends = inside.numbers_of(written.first, written.last, written.intervals)
        left = Execution._call(inside, routine, [x.symbol(ARGUMENT)], result)
        after = inside.values
        outputs = [after[self.own(name)] for name in names] + ([left[result]] if not names else [])
        if translators.thread_safe(self.mechanism.text) and any(node.op == "lookup" for node in x.walk(outputs)):
            raise self.mechanism.refuse("a TABLE within a TABLE, which NEURON makes after it,", WHERE)
        first, last, intervals = (float(each) for each in self._evaluated(tables, ends, {}))
        if first == last or not intervals >= 1:
            raise self.mechanism.refuse("a TABLE that has no length", WHERE)
        step = (last - first) / intervals
        points = np.add.accumulate([first, *[step] * int(intervals)])
        columns = self._evaluated(tables, outputs, {ARGUMENT: points})
        found = [np.array([first]), np.array([1 / step])]
        found += [np.broadcast_to(column, points.shape) for column in columns]
        return found, self._beside(tables, {n: v for n, v in after.items() if v is not values[n]}, names)

    def numbers_of(self, *nodes: Tree) -> list[Expression]:
        """What expressions are outside of all routines."""
        self._locals.append({})
        found = [self.number(node) for node in nodes]
        self._locals.pop()
        return found

    def _evaluated(
        self, tables: RateTables, of: list[Expression], beside: Mapping[str, np.ndarray]
    ) -> list[np.ndarray | float]:
        """Numbers of expressions, which are the same at all places."""
        known: dict[str, np.ndarray | float] = dict(beside)
        for name in sorted(x.symbols(of) - beside.keys()):
            numbers = tables.numbers.get(name)
            if numbers is None or name in tables.differing or not (numbers == numbers[0]).all():
                raise _refused(self.mechanism, name, "is not the same everywhere")
            known[name] = float(numbers[0])
            if not self._initial:
                tables.followed[name] = self.mechanism
        return x.evaluate(of, known)

    def _beside(self, tables: RateTables, new: dict[str, Expression], names: list[str]) -> dict[str, Expression]:
        """What the routine sets besides, as NEURON leaves it: a GLOBAL is what it was when the table was made.

        Another one is set at one place alone.
        """
        found = {}
        shared = self.mechanism.shared | self.mechanism.parameters.keys() - self.mechanism.ranges
        for own in new.keys() - set(map(self.own, names)):
            name = own.removeprefix(f"{self.mechanism.name}.")
            if name.partition("[")[0] in shared and ARGUMENT not in x.symbols([new[own]]):
                (value,) = self._evaluated(tables, [new[own]], {})
                found[name] = x.constant(float(value))
            else:
                what = f"{name}, which a TABLE leaves out, so that it is not set everywhere,"
                found[name] = self.unsaid(what, rf"\b({name.partition('[')[0]})\s*(?:\[[^]]*\]\s*)?=(?!=)")
        return found


def _same(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(some, others, strict=True))


def _refused(mechanism: Mechanism, name: str, why: str) -> Exception:
    short = name.removeprefix(f"{mechanism.name}.")
    return mechanism.refuse(f"a TABLE of {short}, which {why},", WHERE)
