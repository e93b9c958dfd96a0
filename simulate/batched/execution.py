"""A block of NMODL run on expressions in place of numbers: what each variable is after it, in terms of before it."""

from __future__ import annotations

from collections.abc import Iterable

from . import expression as x
from .expression import Expression
from .syntax import Mechanism, Routine, Tree, kind, named, parts

OF_THE_SEGMENT = ("v", "t", "dt", "celsius", "area", "diam")  # the same name in every mechanism
NOTHING_TO_DO = {"LocalListStatement", "ConductanceHint", "TableStatement", "UnitState", "SolveBlock", "UpdateDt"}
EXPRESSIONS = {
    "WrappedExpression",
    "ParenExpression",
    "BinaryExpression",
    "UnaryExpression",
    "VarName",
    "Name",
    "Integer",
    "Double",
    "Float",
    "DoubleUnit",
    "FunctionCall",
}
DEEPEST = 20  # calls within calls; NMODL has no use for recursion
OLD = "the state before the step"


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

    def run(self, routine: Routine, arguments: Iterable[Expression] = ()) -> None:
        """Run a block; arguments: of NET_RECEIVE."""
        self._call(routine, arguments)

    def own(self, name: str) -> str:
        """How `values` calls a variable of the mechanism."""
        if name in OF_THE_SEGMENT or name in self.mechanism.ion_variables:
            return name
        return f"{self.mechanism.name}.{name}"

    def _call(self, routine: Routine, arguments: Iterable[Expression], result: str = "") -> Expression:
        if len(self._locals) == DEEPEST:
            raise self.mechanism.refuse("recursion", r"\b(FUNCTION|PROCEDURE)\b")
        frame = dict(zip(routine.arguments, arguments, strict=False))
        self._locals.append(frame | ({result: x.ZERO} if result else {}))
        self._statements(routine.body)
        return self._locals.pop().get(result, x.ZERO)

    def _statements(self, body: Tree) -> None:
        for statement in parts(body):
            match kind(statement):
                case "LocalListStatement":
                    self._locals[-1] |= {named(part): x.ZERO for part in parts(statement)}
                case "IfStatement":
                    self._if(parts(statement))
                case "ExpressionStatement":
                    self._expression_statement(parts(statement)[0])
                case other if other not in NOTHING_TO_DO:
                    raise self.mechanism.refuse(f"a statement of kind {other}", r"\bBREAKPOINT\b")

    def _expression_statement(self, node: Tree) -> None:
        match kind(node):
            case "BinaryExpression" if named(parts(node)[1]) == "=":
                self._assign(named(parts(node)[0]), self._value(parts(node)[2]))
            case "DiffEqExpression":
                self._advance(parts(node)[0])
            case "InitialBlock":
                raise self.mechanism.refuse("INITIAL in NET_RECEIVE", r"\bNET_RECEIVE\b")
            case other if other not in NOTHING_TO_DO:
                self._value(node)

    def _advance(self, equation: Tree) -> None:
        """A state's linear equation y' = a + b y over one step dt, solved as METHOD cnexp does."""
        state = named(parts(equation)[0])
        name = self.own(state)
        before, self.values[name] = self.values[name], x.symbol(OLD)
        slope = self._value(parts(equation)[2])
        b = x.derivative(slope, OLD)
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
            self.called.setdefault(value, f"{new}{self.mechanism.name}_{name}")
        if name in self._locals[-1]:
            self._locals[-1][name] = value
        else:
            self.values[self.own(name)] = value

    def _if(self, branches: list[Tree]) -> None:
        """IF, any number of ELSE IF, ELSE: each variable is what the branch taken leaves."""
        condition, body, *others = branches
        taken = self._value(condition)
        values, frame = dict(self.values), dict(self._locals[-1])
        self._statements(body)
        after, after_frame = self.values, self._locals[-1]
        self.values, self._locals[-1] = values, frame
        if others:
            first = parts(others[0])
            if kind(others[0]) == "ElseIfStatement":
                self._if([*first, *others[1:]])
            else:
                self._statements(first[0])
        merged = {n: x.select(taken, v, self.values.get(n, x.ZERO)) for n, v in after.items()}
        frame = {n: x.select(taken, v, self._locals[-1].get(n, x.ZERO)) for n, v in after_frame.items()}
        self.values, self._locals[-1] = self.values | merged, frame

    def _value(self, node: Tree) -> Expression:
        if kind(node) not in EXPRESSIONS:
            raise self.mechanism.refuse(f"an expression of kind {kind(node)}", r"\bBREAKPOINT\b")
        inner = parts(node)
        match kind(node):
            case "Integer" | "Double" | "Float" if kind(inner[0]) == "name":
                return x.constant(float(named(node)))
            case "BinaryExpression":
                return x.build(named(inner[1]), self._value(inner[0]), self._value(inner[2]))
            case "UnaryExpression":
                sign, value = named(inner[0]), self._value(inner[1])
                return x.negative(value) if sign == "-" else x.call("!", value)
            case "FunctionCall":
                return self._function(named(inner[0]), [self._value(part) for part in inner[1:]])
            case "VarName" | "Name" | "Integer":
                return self._variable(named(node))
        return self._value(inner[0])

    def _variable(self, name: str) -> Expression:
        for values in (self._locals[-1], self._constants):
            if name in values:
                return values[name]
        if self.own(name) not in self.values:
            raise self.mechanism.refuse(f"the variable {name}", rf"\b{name}\b")
        return self.values[self.own(name)]

    def _function(self, name: str, arguments: list[Expression]) -> Expression:
        if name in self.mechanism.routines:
            return self._call(self.mechanism.routines[name], arguments, name)
        if name == "at_time":  # of account for variable steps only
            return x.ZERO
        if name == "exprelr":
            near = x.call("<", x.call("fabs", arguments[0]), x.constant(1e-6))
            away = arguments[0] / x.call("expm1", arguments[0])
            return x.select(near, x.ONE - arguments[0] / x.constant(2), away)
        if name not in x.FUNCTIONS and name != "pow":
            raise self.mechanism.refuse(f"the function {name}", rf"\b{name}\s*\(")
        return x.call(name, *arguments)
