"""The derivative of an expression, as another one: of a current by the voltage, of a state's slope by the state."""

from __future__ import annotations

import math
from collections.abc import Callable

from . import expression as x
from .expression import Expression


def derivative(root: Expression, by: str) -> Expression:
    """d root / d symbol `by`; at a kink or a jump, that of one of its sides."""
    done: dict[int, Expression] = {}
    for node in x.walk([root]):
        of = node.of
        slopes = [done[id(part)] for part in of]
        if node.op == "symbol":
            found = x.ONE if node.name == by else x.ZERO
        elif node.op == "select":
            found = x.select(of[0], slopes[1], slopes[2])
        elif node.op == "put":
            found = x.call("put", *of[:2], *slopes[2:])
        elif all(slope is x.ZERO for slope in slopes) or node.op in x.COMPARISONS | x.LOGIC:
            found = x.ZERO
        elif node.op in ("+", "-"):
            found = x.build(node.op, *slopes)
        elif node.op == "neg":
            found = -slopes[0]
        elif node.op == "*":
            found = slopes[0] * of[1] + of[0] * slopes[1]
        elif node.op == "/":
            found = slopes[0] / of[1] - node / of[1] * slopes[1]
        elif node.op == "fmod":
            found = slopes[0] - x.call("trunc", of[0] / of[1]) * slopes[1]
        elif node.op == "element":
            found = x.call("element", of[0], *slopes[1:])
        elif node.op == "lookup":
            found = x.call("rise", *of) * slopes[0]
        elif node.op == "^":
            found = of[1] * x.power(of[0], of[1] - 1) * slopes[0] + node * x.call("log", of[0]) * slopes[1]
        else:
            found = _slope_of(node, of[0]) * slopes[0]
        done[id(node)] = found
    return done[id(root)]


def _slope_of(node: Expression, y: Expression) -> Expression:
    slopes: dict[str, Callable[[], Expression]] = {
        "exp": lambda: node,
        "expm1": lambda: node + 1,
        "exp2": lambda: node * math.log(2),
        "exp2m1": lambda: (node + 1) * math.log(2),
        "log": lambda: x.ONE / y,
        "log10": lambda: x.ONE / (y * math.log(10)),
        "sqrt": lambda: x.constant(0.5) / node,
        "fabs": lambda: x.select(x.call("<", y, x.ZERO), x.constant(-1), x.ONE),
        "sin": lambda: x.call("cos", y),
        "cos": lambda: -x.call("sin", y),
        "tan": lambda: x.ONE + node * node,
        "asin": lambda: x.ONE / x.call("sqrt", x.ONE - y * y),
        "acos": lambda: x.constant(-1) / x.call("sqrt", x.ONE - y * y),
        "atan": lambda: x.ONE / (y * y + 1),
        "sinh": lambda: x.call("cosh", y),
        "cosh": lambda: x.call("sinh", y),
        "tanh": lambda: x.ONE - node * node,
        "floor": lambda: x.ZERO,
        "ceil": lambda: x.ZERO,
        "trunc": lambda: x.ZERO,
        "rise": lambda: x.ZERO,
        "random123": lambda: x.ZERO,
    }
    return slopes[node.op]()
