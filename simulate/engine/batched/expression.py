"""Arithmetic as a graph: expressions that fold constants and evaluate themselves.

Equal expressions are one object, so what two mechanisms both compute is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from . import special

FUNCTIONS: dict[str, Callable] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "exp2": np.exp2,
    "exp2m1": lambda x: np.expm1(x * np.log(2)),
    "log": np.log,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "fabs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
}
OPERATORS: dict[str, Callable] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "&&": np.logical_and,
    "||": np.logical_or,
    "!": np.logical_not,
}
LOOKUPS: dict[str, Callable] = {"lookup": special.lookup, "rise": special.rise}  # (place, table)
ELEMENTS: dict[str, Callable] = {"element": special.element, "put": special.put}  # see elements.py
REMAINDER: dict[str, Callable] = {"fmod": np.fmod}
COMPUTED = OPERATORS | REMAINDER | FUNCTIONS | LOOKUPS | ELEMENTS | {"random123": special.random123}
COMPARISONS = {"<", "<=", ">", ">=", "==", "!="}
LOGIC = {"&&", "||", "!"}
MULTIPLIED = range(9)  # exponents up to which a power is a product


@dataclass(frozen=True, eq=False)
class Expression:
    """One operation on others. Make one by `constant`, `symbol` and the operators below, never by its class.

    op: an operator, the name of a function, 'neg', 'select' (condition, then, else), 'constant', 'symbol', or 'table'
    of `numbers`, which 'lookup' and 'rise' read, once lowered 'placed': where it begins, and its last number's place.
    An 'element' of others, which an index names, is once lowered one of an 'array' of that name and size.
    """

    op: str
    of: tuple[Expression, ...] = ()
    value: float = 0.0
    name: str = ""
    numbers: tuple[float, ...] = ()

    def __add__(self, other: Expression | float) -> Expression:
        return add(self, _of(other))

    def __sub__(self, other: Expression | float) -> Expression:
        return subtract(self, _of(other))

    def __mul__(self, other: Expression | float) -> Expression:
        return multiply(self, _of(other))

    def __truediv__(self, other: Expression | float) -> Expression:
        return divide(self, _of(other))

    def __neg__(self) -> Expression:
        return negative(self)


_known: dict[tuple, Expression] = {}


def _make(
    op: str,
    of: tuple[Expression, ...] = (),
    value: float = 0.0,
    name: str = "",
    numbers: tuple[float, ...] = (),
) -> Expression:
    if op in COMPUTED and all(part.op == "constant" for part in of):
        with np.errstate(all="ignore"):
            folded = float(COMPUTED[op](*(part.value for part in of)))
        return constant(folded)
    key = (op, tuple(map(id, of)), value, name, numbers)
    return _known.setdefault(key, Expression(op, of, value, name, numbers))


def constant(value: float) -> Expression:
    return _make("constant", value=float(value))


def symbol(name: str) -> Expression:
    return _make("symbol", name=name)


def table(numbers: Iterable[float]) -> Expression:
    return _make("table", numbers=tuple(map(float, numbers)))


def placed(at: int, last: int) -> Expression:
    return _make("placed", value=at, name=str(last))


def array(name: str, size: int) -> Expression:
    return _make("array", value=size, name=name)


def _of(value: Expression | float) -> Expression:
    return value if isinstance(value, Expression) else constant(value)


ZERO, ONE = constant(0.0), constant(1.0)


def negative(a: Expression) -> Expression:
    if a.op == "constant":
        return constant(-a.value)
    if a.op == "neg":
        return a.of[0]
    return subtract(a.of[1], a.of[0]) if a.op == "-" else _make("neg", (a,))


def add(a: Expression, b: Expression) -> Expression:
    if a is ZERO:
        return b
    if b is ZERO:
        return a
    if b.op == "neg":
        return subtract(a, b.of[0])
    if a.op == "neg":
        return subtract(b, a.of[0])
    return _make("+", (a, b))


def subtract(a: Expression, b: Expression) -> Expression:
    if a is b:
        return ZERO
    if b is ZERO:
        return a
    if a is ZERO:
        return negative(b)
    if b.op == "neg":
        return add(a, b.of[0])
    if a.op == "neg":
        return negative(add(a.of[0], b))
    if a is ONE and b.op == "exp":  # 1 - exp(x) keeps no digit of a small x in 32 bits
        return negative(_make("expm1", b.of))
    if b is ONE and a.op == "exp":
        return _make("expm1", a.of)
    return _make("-", (a, b))


def multiply(a: Expression, b: Expression) -> Expression:
    if ZERO in (a, b):
        return ZERO
    if a is ONE:
        return b
    if b is ONE:
        return a
    if a.op == "constant" and a.value == -1:
        return negative(b)
    return _sign_apart(multiply, a, b) or _make("*", (a, b))


def divide(a: Expression, b: Expression) -> Expression:
    if a is ZERO:
        return ZERO
    if b is ONE:
        return a
    if a is b:
        return ONE
    if (signed := _sign_apart(divide, a, b)) is not None:
        return signed
    if common := {id(factor) for factor in _factors(a)} & {id(factor) for factor in _factors(b)}:
        return divide(_without(a, common), _without(b, common))
    if a.op == b.op == "/" and a.of[1] is b.of[1]:  # (x/t) / (y/t), as a gate's steady state from its equation
        return divide(a.of[0], b.of[0])
    if b.op == "/":
        return divide(multiply(a, b.of[1]), b.of[0])
    return _make("/", (a, b))


def _sign_apart(
    operate: Callable[[Expression, Expression], Expression], a: Expression, b: Expression
) -> Expression | None:
    """A product or quotient with the sign of a part, or a second part of -1, in front; None where there is none."""
    if a.op == "neg":
        return negative(operate(a.of[0], b))
    if b.op == "neg":
        return negative(operate(a, b.of[0]))
    return negative(a) if b.op == "constant" and b.value == -1 else None


def _factors(a: Expression) -> list[Expression]:
    return [factor for part in a.of for factor in _factors(part)] if a.op == "*" else [a]


def _without(a: Expression, factors: set[int]) -> Expression:
    """The product `a` without one of each of these factors."""
    product = ONE
    gone: set[int] = set()
    for factor in _factors(a):
        if id(factor) in factors - gone:
            gone.add(id(factor))
        else:
            product = multiply(product, factor)
    return product


def power(a: Expression, b: Expression) -> Expression:
    if b.op == "constant" and abs(b.value) in MULTIPLIED:
        product = ONE
        for _ in range(int(abs(b.value))):
            product = multiply(product, a)
        return product if b.value >= 0 else divide(ONE, product)
    return _make("^", (a, b))


def call(name: str, *of: Expression) -> Expression:
    """A function of FUNCTIONS, or a comparison, '&&', '||', '!'."""
    if name in ("&&", "||"):
        for known, other in (of, of[::-1]):
            if known.op == "constant":
                return known if bool(known.value) == (name == "||") else other
    return power(*of) if name == "pow" else _make(name, of)


def select(condition: Expression, then: Expression, otherwise: Expression) -> Expression:
    if then is otherwise:
        return then
    if condition.op == "constant":
        return then if condition.value else otherwise
    return _make("select", (condition, then, otherwise))


BUILD: dict[str, Callable[..., Expression]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "^": power,
    "neg": negative,
    "select": select,
}


def build(op: str, *of: Expression) -> Expression:
    """The operation `op` of other expressions, simplified where that changes nothing."""
    return BUILD[op](*of) if op in BUILD else call(op, *of)


def walk(roots: Iterable[Expression]) -> list[Expression]:
    """Everything that `roots` need, each once, after what it needs itself."""
    found: dict[int, Expression] = {}
    waiting = [(root, False) for root in reversed(list(roots))]
    while waiting:
        node, ready = waiting.pop()
        if id(node) in found:
            continue
        if ready:
            found[id(node)] = node
        else:
            waiting.append((node, True))
            waiting += [(part, False) for part in reversed(node.of)]
    return list(found.values())


def symbols(roots: Iterable[Expression]) -> set[str]:
    return {node.name for node in walk(roots) if node.op == "symbol"}


def rewrite(
    roots: Iterable[Expression], change: Callable[[Expression, tuple[Expression, ...]], Expression]
) -> list[Expression]:
    """`roots` with every operation made anew by `change(operation, its parts as changed)`."""
    roots = list(roots)
    done: dict[int, Expression] = {}
    for node in walk(roots):
        done[id(node)] = change(node, tuple(done[id(part)] for part in node.of))
    return [done[id(root)] for root in roots]


def substitute(roots: Iterable[Expression], values: Mapping[str, Expression]) -> list[Expression]:
    """`roots` with symbols replaced."""

    def change(node: Expression, of: tuple[Expression, ...]) -> Expression:
        if node.op == "symbol":
            return values.get(node.name, node)
        return build(node.op, *of) if of else node

    return rewrite(roots, change)


def evaluate(roots: Iterable[Expression], values: Mapping[str, np.ndarray | float]) -> list[np.ndarray | float]:
    """Numbers for `roots`, given numbers for their symbols."""
    roots = list(roots)
    done: dict[int, np.ndarray | float] = {}
    with np.errstate(all="ignore"):
        for node in walk(roots):
            of = [done[id(part)] for part in node.of]
            found: np.ndarray | float
            if node.op == "constant":
                found = node.value
            elif node.op == "symbol":
                found = values[node.name]
            elif node.op == "table":
                found = np.array(node.numbers)
            elif node.op == "neg":
                found = -of[0]
            elif node.op == "select":
                found = np.where(*of)
            else:
                found = COMPUTED[node.op](*of)
            done[id(node)] = found
    return [done[id(root)] for root in roots]
