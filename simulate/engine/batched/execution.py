"""A block of NMODL run on expressions in place of numbers: what each variable is after it, in terms of before it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...mechanisms.tree import Tree, kind, named, parts
from ...schema import InputError
from . import elements
from . import expression as x
from .derivative import derivative
from .evaluation import MOST_CHOSEN, Evaluation
from .expression import Expression
from .syntax import Routine

NOTHING_TO_DO = {
    "LocalListStatement",
    "ConductanceHint",
    "TableStatement",
    "UnitState",
    "SolveBlock",
    "UpdateDt",
    "Verbatim",
    "InitialBlock",  # within NET_RECEIVE, see events
}
OLD = "the state before the step"
MOST_TURNS = 10_000  # of a loop
GUARDED, MOST_GUARDED = 16, 128  # of one whose bounds change: as a rule, and where it cannot turn more often
COUNTS = np.arange(2048.0)  # what something that counts may be, to try bounds out


def named_alone(name: str) -> str:
    """A variable's name without the number of an array's element."""
    return name.partition("[")[0]


class Unsettled(InputError):
    """A loop of which nobody knows beforehand how often it turns, unless what never changes says it."""


class Execution(Evaluation):
    """A mechanism's variables, changed by the blocks that are run; see Evaluation."""

    _initial = False  # whether the block at hand is INITIAL

    def run(self, routine: Routine, arguments: Iterable[Expression] = ()) -> dict[str, Expression]:
        """Run a block; arguments: of NET_RECEIVE, returned as the block leaves them.

        What it sets of an ion without WRITE it sets for itself only.
        """
        written = {name for ion in self.mechanism.ions for name in ion.write}
        only_read = self.mechanism.ion_variables.keys() & self.values.keys() - written
        kept = {name: self.values[name] for name in only_read}
        before, self._initial = self._initial, routine is self.mechanism.blocks.get("InitialBlock")
        left = self._call(routine, arguments)
        self._initial = before
        self.values |= kept
        return left

    def _call(self, routine: Routine, arguments: Iterable[Expression], result: str = "") -> dict[str, Expression]:
        frame = dict(zip(routine.arguments, arguments, strict=False))
        self._locals.append(frame | ({result: x.ZERO} if result else {}))
        self._running.append(result)
        self._statements(routine.body)
        self._running.pop()
        return self._locals.pop()

    def _statements(self, body: Tree) -> None:
        outside: dict[str, Expression | None] = {}  # what the names of LOCAL mean around this block
        for statement in parts(body):
            match kind(statement):
                case "LocalListStatement":
                    for name in map(named, parts(statement)):
                        outside.setdefault(name, self._locals[-1].get(name))
                        self._locals[-1][name] = x.ZERO
                case "IfStatement":
                    self._if(parts(statement))
                case "FromStatement":
                    self._from(parts(statement))
                case "WhileStatement":
                    self._while(*parts(statement))
                case "ExpressionStatement":
                    self._expression_statement(parts(statement)[0])
                case other if other not in NOTHING_TO_DO:
                    self._other(statement)
        for name, value in outside.items():
            del self._locals[-1][name]
            if value is not None:
                self._locals[-1][name] = value

    def _expression_statement(self, node: Tree) -> None:
        match kind(node):
            case "BinaryExpression" if named(parts(node)[1]) == "=":
                self._set(parts(node)[0], self.number(parts(node)[2]))
            case "DiffEqExpression":
                self._advance(parts(node)[0])
            case "StatementBlock":
                self._statements(node)
            case "SolveBlock" if self._initial:
                self._other(node)
            case "LinEquation":
                self._other(node)
            case other if other not in NOTHING_TO_DO:
                self._value(node)

    def _other(self, statement: Tree) -> None:
        """A statement of one kind of block alone."""
        raise self.mechanism.refuse(f"a statement of kind {kind(statement)}", r"\bBREAKPOINT\b")

    def _advance(self, equation: Tree) -> None:
        """A state's linear equation y' = a + b y over one step dt, solved as METHOD cnexp does."""
        state = self.variable(parts(equation)[0])
        name = self.own(state)
        before, self.values[name] = self.values[name], x.symbol(OLD)
        slope = self.number(parts(equation)[2])
        b = derivative(slope, OLD)
        if OLD in x.symbols([b]):
            raise self.mechanism.refuse(f"cnexp for an equation that is not linear in {state}", rf"\b{state}\s*'")
        a = x.substitute([slope], {OLD: x.ZERO})[0]
        dt = self.values["dt"]
        if b is x.ZERO:
            self._assign(state, before + dt * a)
        else:
            self._assign(state, before + x.call("expm1", dt * b) * (before + a / b))

    def _set(self, node: Tree, value: Expression) -> None:
        """Assign to a variable, or to the one of an array's elements that is found out each time."""
        name, index = self._element(node)
        if index is None:
            self._assign(name, value)
            return
        size = self.mechanism.sizes.get(name, 0)
        for number in range(size):
            element = f"{name}[{number}]"
            before = self._variable(element)
            if size > MOST_CHOSEN:
                self._assign(element, elements.put(index, number, value, before))
            else:
                self._assign(element, x.select(x.call("==", index, x.constant(number)), value, before))

    def _if(self, branches: list[Tree]) -> None:
        """IF, any number of ELSE IF, ELSE: each variable is what the branch taken leaves."""
        condition, body, *others = branches
        taken = self._truth(condition)
        known = taken.op == "constant"
        values, frame = dict(self.values), dict(self._locals[-1])
        self._path.append(taken)
        if not known or taken.value:
            self._statements(body)
        self._path[-1] = x.call("!", taken)
        after, after_frame = self.values, self._locals[-1]
        self.values, self._locals[-1] = values, frame
        if others and not (known and taken.value):
            first = parts(others[0])
            if kind(others[0]) == "ElseIfStatement":
                self._if([*first, *others[1:]])
            else:
                self._statements(first[0])
        self._path.pop()
        merged = {n: x.select(taken, v, self.values.get(n, x.ZERO)) for n, v in after.items()}
        frame = {n: x.select(taken, v, self._locals[-1].get(n, x.ZERO)) for n, v in after_frame.items()}
        self.values, self._locals[-1] = self.values | merged, frame

    def _from(self, loop: list[Tree]) -> None:
        """FROM, turn by turn, with its counter as a constant."""
        counter, *bounds, body = loop
        numbers = [self.whole(bound) for bound in bounds]
        if any(number.op != "constant" for number in numbers):
            if len(numbers) == 2 and self._changes(numbers):
                self._from_while(loop, numbers[0])
                return
            raise Unsettled(self.mechanism.refuse("FROM with bounds that are not constant", r"\bFROM\s+\w+\s*="))
        first, last, by = [*(int(number.value) for number in numbers), 1][:3]
        frame, name = self._locals[-1], named(counter)
        outside = frame.get(name)
        for turn in range(first, last + 1, by):
            self._locals[-1][name] = x.constant(turn)
            self._statements(body)
        self._locals[-1].pop(name, None)
        if outside is not None:
            self._locals[-1][name] = outside

    def _changes(self, numbers: list[Expression]) -> bool:
        """Whether they follow what other blocks than INITIAL set, so that nobody knows them beforehand."""
        changing = {*self.mechanism.changing, *map(named_alone, self.mechanism.states)}
        own = f"{self.mechanism.name}."
        return any(named_alone(name.removeprefix(own)) in changing for name in x.symbols(numbers))

    def _from_while(self, loop: list[Tree], first: Expression) -> None:
        """FROM with bounds that change: some turns, each done where the counter is not beyond the bound by then.

        Where more would be done, what the loop sets becomes so large that the trial ends.
        """
        counter, _, bound, body = loop
        frame, name, on = self._locals[-1], named(counter), x.ONE
        outside, before = frame.get(name), self.values | frame
        turns = _most_turns(self.whole(bound) - first + 1)
        for turn in range(turns + 1):
            on = x.call("&&", on, x.call("<=", first + turn, self.whole(bound)))
            if turn < turns:
                self._locals[-1][name] = first + turn
                self._only_where(on, body)
        for values in (self.values, self._locals[-1]):
            for each, value in values.items():
                if value is not before.get(each) and each != name:
                    values[each] = x.select(on, x.constant(float("inf")), value)
        self._locals[-1].pop(name, None)
        if outside is not None:
            self._locals[-1][name] = outside

    def _only_where(self, taken: Expression, body: Tree) -> None:
        values, frame = dict(self.values), dict(self._locals[-1])
        self._path.append(taken)
        self._statements(body)
        self._path.pop()
        self.values = {n: x.select(taken, v, values.get(n, x.ZERO)) for n, v in self.values.items()}
        self._locals[-1] = {n: x.select(taken, v, frame.get(n, x.ZERO)) for n, v in self._locals[-1].items()}

    def _while(self, condition: Tree, body: Tree) -> None:
        """WHILE, turn by turn, as long as whether it goes on is known beforehand."""
        for _ in range(MOST_TURNS):
            on = self._truth(condition)
            if on.op != "constant":
                break
            if not on.value:
                return
            self._statements(body)
        raise Unsettled(self.mechanism.refuse("WHILE with a condition that is not known beforehand", r"\bWHILE\b"))


def _most_turns(turns: Expression) -> int:
    """How often a loop may turn; told from trying out where it depends on one variable and does not grow with it."""
    if len(names := x.symbols([turns])) == 1:
        (tried,) = x.evaluate([turns], dict.fromkeys(names, COUNTS))
        most = np.max(tried)
        if most <= MOST_GUARDED and most == np.max(np.split(tried, 2)[0]):
            return int(most)
    return GUARDED
