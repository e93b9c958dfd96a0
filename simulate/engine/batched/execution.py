"""A block of NMODL run on expressions in place of numbers: what each variable is after it, in terms of before it."""

from __future__ import annotations

from collections.abc import Iterable

from ...mechanisms.tree import Tree, everything, kind, named, parts
from . import expression as x
from .derivative import derivative
from .expression import Expression
from .statements import plain
from .syntax import Mechanism, Routine

OF_THE_SEGMENT = ("v", "t", "dt", "celsius", "area", "diam")  # the same name in every mechanism
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
OLD = "the state before the step"
MOST_TURNS = 10_000  # of a loop


class Execution:
    """A mechanism's variables as expressions, changed by the blocks that are run.

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
        self._uncertain = 0  # IFs around, of which the branch taken is not known beforehand
        self.sent: list[tuple[Expression, Expression]] | None = None  # delay, flag of each net_send, where one may be

    def run(self, routine: Routine, arguments: Iterable[Expression] = ()) -> dict[str, Expression]:
        """Run a block; arguments: of NET_RECEIVE, returned as the block leaves them.

        What it sets of an ion without WRITE it sets for itself only.
        """
        written = {name for ion in self.mechanism.ions for name in ion.write}
        only_read = self.mechanism.ion_variables.keys() & self.values.keys() - written
        kept = {name: self.values[name] for name in only_read}
        self._initial = routine is self.mechanism.blocks.get("InitialBlock")
        left = self._call(routine, arguments)
        self.values |= kept
        return left

    def own(self, name: str) -> str:
        """How `values` calls a variable of the mechanism."""
        of_ion = name in self.mechanism.ion_variables and name not in self.mechanism.own_currents
        if name in OF_THE_SEGMENT or of_ion:
            return name
        return f"{self.mechanism.name}.{name}"

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
                self._assign(self.variable(parts(node)[0]), self.number(parts(node)[2]))
            case "DiffEqExpression":
                self._advance(parts(node)[0])
            case "StatementBlock":
                self._statements(node)
            case "SolveBlock" if self._initial:
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
        dt = x.symbol("dt")
        if b is x.ZERO:
            self._assign(state, before + dt * a)
        else:
            self._assign(state, before + x.call("expm1", dt * b) * (before + a / b))

    def _assign(self, name: str, value: Expression) -> None:
        if value.of:
            new = "new_" if name in self.mechanism.states else ""
            self.called.setdefault(value, plain(f"{new}{self.mechanism.name}_{name}"))
        if name in self._locals[-1]:
            self._locals[-1][name] = value
        else:
            self.values[self.own(name)] = value

    def _if(self, branches: list[Tree]) -> None:
        """IF, any number of ELSE IF, ELSE: each variable is what the branch taken leaves."""
        condition, body, *others = branches
        taken = self._truth(condition)
        known = taken.op == "constant"
        self._uncertain += not known
        values, frame = dict(self.values), dict(self._locals[-1])
        if not known or taken.value:
            self._statements(body)
        after, after_frame = self.values, self._locals[-1]
        self.values, self._locals[-1] = values, frame
        if others and not (known and taken.value):
            first = parts(others[0])
            if kind(others[0]) == "ElseIfStatement":
                self._if([*first, *others[1:]])
            else:
                self._statements(first[0])
        self._uncertain -= not known
        merged = {n: x.select(taken, v, self.values.get(n, x.ZERO)) for n, v in after.items()}
        frame = {n: x.select(taken, v, self._locals[-1].get(n, x.ZERO)) for n, v in after_frame.items()}
        self.values, self._locals[-1] = self.values | merged, frame

    def _from(self, loop: list[Tree]) -> None:
        """FROM, turn by turn, with its counter as a constant."""
        counter, *bounds, body = loop
        numbers = [self.number(bound) for bound in bounds]
        if any(number.op != "constant" for number in numbers):
            raise self.mechanism.refuse("FROM with bounds that are not constant", r"\bFROM\s+\w+\s*=")
        first, last, by = [*(int(number.value) for number in numbers), 1][:3]
        frame, name = self._locals[-1], named(counter)
        outside = frame.get(name)
        for turn in range(first, last + 1, by):
            self._locals[-1][name] = x.constant(turn)
            self._statements(body)
        self._locals[-1].pop(name, None)
        if outside is not None:
            self._locals[-1][name] = outside

    def _while(self, condition: Tree, body: Tree) -> None:
        """WHILE, turn by turn, as long as whether it goes on is known beforehand."""
        for _ in range(MOST_TURNS):
            on = self._truth(condition)
            if on.op != "constant":
                break
            if not on.value:
                return
            self._statements(body)
        raise self.mechanism.refuse("WHILE with a condition that is not known beforehand", r"\bWHILE\b")

    def variable(self, node: Tree) -> str:
        """The variable that a name stands for, with the number of an array's element."""
        indexed = next((each for each in everything([node]) if kind(each) == "IndexedName"), None)
        if indexed is None:
            return named(node)
        name, index = named(indexed), self.number(parts(indexed)[1])
        size = self.mechanism.sizes.get(name, 0)
        if index.op != "constant" or not 0 <= index.value < size:
            what = f"an index of {name} that is not constant" if index.op != "constant" else f"an index beyond {name}"
            raise self.mechanism.refuse(what, rf"\b{name}\s*\[")
        return f"{name}[{int(index.value)}]"

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
                return self._variable(self.variable(node))
        return self._value(inner[0])

    def _variable(self, name: str) -> Expression:
        for values in (self._locals[-1], self._constants):
            if name in values:
                return values[name]
        if self.own(name) not in self.values:
            raise self.mechanism.refuse(f"the variable {name}", rf"\b{name}\b")
        return self.values[self.own(name)]

    def _function(self, name: str, given: list[Tree]) -> Expression:
        if name in self._running:
            raise self.mechanism.refuse(f"recursion of {name}", rf"\b(?:FUNCTION|PROCEDURE)\s+({name})\b")
        if name in self.mechanism.routines:
            return self._call(self.mechanism.routines[name], map(self.number, given), name)[name]
        if name == "at_time":  # of account for variable steps only
            return x.ZERO
        if name == "net_send" and self.sent is not None and not self._uncertain:
            self.sent.append((self.number(given[0]), self.number(given[1])))
            return x.ZERO
        if name == "state_discontinuity":  # as old files change a state in NET_RECEIVE
            self._assign(self.variable(given[0]), self.number(given[1]))
            return x.ZERO
        if name not in x.FUNCTIONS.keys() | {"pow", "exprelr"}:
            raise self.mechanism.refuse(f"the function {name}", rf"\b{name}\s*\(")
        arguments = [self.number(argument) for argument in given]
        if name == "exprelr":
            near = x.call("<", x.call("fabs", arguments[0]), x.constant(1e-6))
            away = arguments[0] / x.call("expm1", arguments[0])
            return x.select(near, x.ONE - arguments[0] / x.constant(2), away)
        return x.call(name, *arguments)
