"""What expressions of NMODL are, in terms of what variables were before a block."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ...mechanisms.tree import Tree, everything, kind, named, parts
from . import elements
from . import expression as x
from .expression import Expression
from .statements import plain
from .syntax import IDLE, Mechanism, Routine

OF_THE_SEGMENT = ("v", "t", "dt", "celsius", "area", "diam")  # the same name in every mechanism
EXPRESSIONS = {
    "WrappedExpression",
    "ParenExpression",
    "BinaryExpression",
    "UnaryExpression",
    "VarName",
    "Name",
    "IndexedName",
    "Integer",
    "Double",
    "Float",
    "DoubleUnit",
    "FunctionCall",
}
UNIFORM = "uniform"  # how symbols of random numbers begin
DRAWN = {"scop_random": 0, "random_uniform": 1}  # between 0 and 1, and neither -> its arguments
MOST_CHOSEN = 16  # elements of an array of which the code chooses one by its number; of longer ones see elements.py
PASSED_OVER = {"at_time", *IDLE}  # the first is of account for variable steps only


STREAM = [f"random stream {number}" for number in range(5)]  # of a place: its number, and the trial's, 16 bits each
DRAWN_OF_IT = "random numbers drawn"


class Sent(NamedTuple):
    """An event of a mechanism's own: whether it is sent, how long after the event that sends it, ms, and its flag."""

    condition: Expression
    delay_ms: Expression
    flag: Expression


class Evaluation:
    """A mechanism's variables as expressions.

    values: name -> expression, of segment, ions and mechanism; a name of the mechanism's own has its name before it.
    called: expression -> what NMODL calls it, for generated code that can be read.
    """

    def __init__(
        self, mechanism: Mechanism, values: dict[str, Expression], called: dict[Expression, str] | None = None
    ) -> None:
        self.mechanism, self.values = mechanism, values
        self.called: dict[Expression, str] = {} if called is None else called
        self._constants = {name: x.constant(value) for name, value in mechanism.constants.items()}
        self._locals: list[dict[str, Expression]] = []
        self._running: list[str] = []  # the routines that have been called and have not ended
        self._path: list[Expression] = []  # the conditions of the branches that a statement stands in
        self.sent: list[Sent] | None = None  # by each net_send, where one may be
        self.draws = False  # whether random numbers may be drawn

    def unsaid(self, what: str, pattern: str, prefix: str = "unsaid") -> Expression:
        """A number that generated code cannot say, which is refused where anything follows from it."""
        name = f"{prefix} {self.mechanism.name} {len(self.mechanism.unsaid)}"
        self.mechanism.unsaid[name] = what, pattern
        return x.symbol(name)

    def _draw(self) -> Expression:
        """The next number of a place's random stream, in what an event does."""
        if not self.draws:
            return self.unsaid(
                "a random number that is drawn outside of NET_RECEIVE", r"\bnrnran123_dblpick\b", UNIFORM
            )
        names = [f"{self.mechanism.name}.{each}" for each in (DRAWN_OF_IT, *STREAM)]
        before, *stream = (self.values[name] for name in names)
        self.values[names[0]] = before + 1
        return x.call("random123", before, *stream)

    def own(self, name: str) -> str:
        """How `values` calls a variable of the mechanism."""
        of_ion = name in self.mechanism.ion_variables and name not in self.mechanism.own_currents
        if name in OF_THE_SEGMENT or of_ion:
            return name
        return f"{self.mechanism.name}.{name}"

    def _call(self, routine: Routine, arguments: Iterable[Expression], result: str = "") -> dict[str, Expression]:
        raise NotImplementedError  # a block's statements are an Execution's

    def _given(self, function: str, argument: Expression) -> Expression:
        raise NotImplementedError  # numbers are Tabulated's

    def _assign(self, name: str, value: Expression) -> None:
        if value.of:
            new = "new_" if name in self.mechanism.states else ""
            self.called.setdefault(value, plain(f"{new}{self.mechanism.name}_{name}"))
        if name in self._locals[-1]:
            self._locals[-1][name] = value
        else:
            self.values[self.own(name)] = value

    def variable(self, node: Tree) -> str:
        """The variable that a name stands for, with the number of an array's element."""
        name, index = self._element(node)
        if index is not None:
            raise self.mechanism.refuse(f"an index of {name} that is not constant", rf"\b{name}\s*\[")
        return name

    def _element(self, node: Tree) -> tuple[str, Expression | None]:
        """The variable that a name stands for; or the array, and the index, where that is not constant."""
        indexed = next((each for each in everything([node]) if kind(each) == "IndexedName"), None)
        if indexed is None:
            return named(node), None
        name, index = named(indexed), self.whole(parts(indexed)[1])
        if index.op != "constant":
            return name, index
        if not 0 <= index.value < self.mechanism.sizes.get(name, 0):
            raise self.mechanism.refuse(f"an index beyond {name}", rf"\b{name}\s*\[")
        return f"{name}[{int(index.value)}]", None

    def _read(self, node: Tree) -> Expression:
        name, index = self._element(node)
        if index is None:
            return self._variable(name)
        of_all = [self._variable(f"{name}[{number}]") for number in range(self.mechanism.sizes.get(name, 1))]
        return (elements.read if len(of_all) > MOST_CHOSEN else elements.chosen)(index, of_all)

    def whole(self, node: Tree) -> Expression:
        """An index, or a loop's bound, as NEURON reckons it: with the whole part of each variable in it."""
        inner = parts(node)
        if kind(node) in ("WrappedExpression", "ParenExpression"):
            return self.whole(inner[0])
        if kind(node) != "BinaryExpression":
            return x.call("trunc", self.number(node))
        left, operator, right = self.whole(inner[0]), named(inner[1]), self.whole(inner[2])
        if operator == "/":
            return (left - x.call("fmod", left, right)) / right  # without rounding
        return x.build(operator, left, right)

    def number(self, node: Tree) -> Expression:
        """An expression's value; what is true counts 1, as in C."""
        value = self._value(node)
        return x.select(value, x.ONE, x.ZERO) if value.op in x.COMPARISONS | x.LOGIC else value

    def _truth(self, node: Tree) -> Expression:
        """Whether it is not 0."""
        value = self._value(node)
        return value if value.op in x.COMPARISONS | x.LOGIC else x.call("!=", value, x.ZERO)

    def _value(self, node: Tree) -> Expression:
        if kind(node) not in EXPRESSIONS:
            raise self.mechanism.refuse(f"an expression of kind {kind(node)}", r"\bBREAKPOINT\b")
        inner = parts(node)
        match kind(node):
            case "Integer" | "Double" | "Float" if kind(inner[0]) == "name":
                return x.constant(float(named(node)))
            case "BinaryExpression":
                operator = named(inner[1])
                read = self._truth if operator in x.LOGIC else self.number
                return x.build(operator, read(inner[0]), read(inner[2]))
            case "UnaryExpression" if named(inner[0]) == "-":
                return x.negative(self.number(inner[1]))
            case "UnaryExpression":
                return x.call("!", self._truth(inner[1]))
            case "FunctionCall":
                return self._function(named(inner[0]), inner[1:])
            case "VarName" | "Name" | "IndexedName" | "Integer":
                return self._read(node)
        return self._value(inner[0])

    def _variable(self, name: str) -> Expression:
        for values in (self._locals[-1], self._constants):
            if name in values:
                return values[name]
        if self.own(name) not in self.values:
            raise self.mechanism.refuse(f"the variable {name}", rf"\b{name}\b")
        return self.values[self.own(name)]

    def _function(self, name: str, given: list[Tree]) -> Expression:
        if self.mechanism.streams and name in self.mechanism.streams.picks:
            return self._draw()
        if name in self._running:
            raise self.mechanism.refuse(f"recursion of {name}", rf"\b(?:FUNCTION|PROCEDURE)\s+({name})\b")
        if name in self.mechanism.routines:
            return self._call(self.mechanism.routines[name], map(self.number, given), name)[name]
        if name in self.mechanism.function_tables:
            return self._given(name, self.number(given[0]))
        if name in PASSED_OVER:
            return x.ZERO
        if name == "net_send" and self.sent is not None:
            condition = x.ONE
            for each in self._path:
                condition = x.call("&&", condition, each)
            self.sent.append(Sent(condition, self.number(given[0]), self.number(given[1])))
            return x.ZERO
        if DRAWN.get(name) == len(given):
            return self.unsaid(f"a random number ({name}) that decides", rf"\b{name}\s*\(", UNIFORM)
        if name == "state_discontinuity":  # as old files change a state in NET_RECEIVE
            self._assign(self.variable(given[0]), self.number(given[1]))
            return x.ZERO
        if name == "fmod":
            return x.call("fmod", *map(self.number, given))
        if name not in x.FUNCTIONS.keys() | {"pow", "exprelr"}:
            raise self.mechanism.refuse(f"the function {name}", rf"\b{name}\s*\(")
        arguments = [self.number(argument) for argument in given]
        if name == "exprelr":
            near = x.call("<", x.call("fabs", arguments[0]), x.constant(1e-6))
            away = arguments[0] / x.call("expm1", arguments[0])
            return x.select(near, x.ONE - arguments[0] / x.constant(2), away)
        return x.call(name, *arguments)
