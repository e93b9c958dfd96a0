"""Expressions: folding keeps the value, derivatives are those of central differences, what is equal is one object."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apical.simulate.engine.batched import expression as x
from apical.simulate.engine.batched.derivative import derivative

A, B, C = x.symbol("a"), x.symbol("b"), x.symbol("c")
AT = {"a": 0.7, "b": 1.3, "c": -0.4}
INF = float("inf")


def same(found: x.Expression, expected: x.Expression) -> None:
    assert found is expected, f"{found} is not {expected}"


@pytest.mark.parametrize(
    "found, expected",
    [
        (A + 0, A),
        (x.ZERO + A, A),
        (A - 0, A),
        (A - A, x.ZERO),
        (x.ZERO - A, -A),
        (x.negative(-A), A),
        (A + -B, A - B),
        (-A + B, B - A),
        (A - -B, A + B),
        (-(A - B), B - A),
        (A * 0, x.ZERO),
        (x.ZERO * A, x.ZERO),
        (A * 1, A),
        (x.ONE * A, A),
        (A * -1, -A),
        (-A * -B, A * B),
        (A / 1, A),
        (A / A, x.ONE),
        (x.ZERO / A, x.ZERO),
        (A / -1, -A),
        (-A / B, -(A / B)),
        ((A * B) / B, A),
        ((A * B) / (B * C), A / C),
        ((A / C) / (B / C), A / B),
        (A / (B / C), A * C / B),
        (x.power(A, x.ZERO), x.ONE),
        (x.power(A, x.ONE), A),
        (x.power(A, x.constant(3)), A * A * A),
        (x.power(A, x.constant(-2)), x.ONE / (A * A)),
        (x.call("pow", A, x.constant(2)), A * A),
        (x.ONE - x.call("exp", A), -x.call("expm1", A)),
        (x.call("exp", A) - 1, x.call("expm1", A)),
        (x.select(A, B, B), B),
        (x.select(x.ONE, A, B), A),
        (x.select(x.ZERO, A, B), B),
        (x.call("&&", A, x.ZERO), x.ZERO),
        (x.call("&&", x.ONE, A), A),
        (x.call("||", A, x.ZERO), A),
        (x.call("||", x.ONE, A), x.ONE),
        (x.call("!", x.ZERO), x.ONE),
        (x.constant(2) + 3, x.constant(5)),
        (x.call("<", x.constant(2), x.constant(3)), x.ONE),
        (x.call("sqrt", x.constant(9)), x.constant(3)),
        (x.ONE / 0, x.constant(INF)),
    ],
)
def test_what_is_folded(found, expected):
    same(found, expected)


@pytest.mark.parametrize("exponent", [0.5, 9.0, 2.5, -9.0, INF])
def test_other_powers_stay(exponent):
    assert x.power(A, x.constant(exponent)).op == "^"


def test_equal_expressions_are_one_object():
    one, other = (x.call("exp", (A + 2) * B) / (C - A) for _ in range(2))
    same(one, other)
    assert x.call("exp", (A + 2) * C) is not x.call("exp", (A + 2) * B)
    assert len(x.walk([one, other, one * B])) == len(x.walk([one * B])), "what two roots share is walked once"


OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
LEAVES = st.sampled_from(["a", "b", "c", 0.0, 1.0, -1.0, 2.0, 0.5])
TREES = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        st.tuples(st.sampled_from(sorted(OPERATORS)), below, below),
        st.tuples(st.just("neg"), below),
        st.tuples(st.sampled_from(["exp", "expm1"]), below),
        st.tuples(st.just("^"), below, st.integers(-3, 3).map(float)),
        st.tuples(st.just("select"), st.tuples(st.sampled_from(["<", ">="]), below, below), below, below),
    ),
    max_leaves=12,
)


def built(tree) -> x.Expression:
    if isinstance(tree, float):
        return x.constant(tree)
    return x.symbol(tree) if isinstance(tree, str) else x.build(tree[0], *map(built, tree[1:]))


def number(tree) -> float:
    """The value of a tree as it is written; discards those that lose digits or divide by nothing."""
    if isinstance(tree, float):
        return tree
    if isinstance(tree, str):
        return AT[tree]
    op, *of = tree[0], *map(number, tree[1:])
    if op == "/":
        assume(of[1] != 0)
    if op == "^":
        assume(of[0] != 0 or of[1] >= 0)
    functions = {
        "neg": operator.neg,
        "^": operator.pow,
        "exp": np.exp,
        "expm1": np.expm1,
        "select": lambda condition, then, otherwise: then if condition else otherwise,
        "<": operator.lt,
        ">=": operator.ge,
    }
    found = float((OPERATORS | functions)[op](*of))
    assume(found == 0 or 0.03 < abs(found) < 30)
    return found


@settings(max_examples=300, deadline=None, derandomize=True)
@given(TREES)
def test_folding_keeps_the_value(tree):
    expected = number(tree)
    assert x.evaluate([built(tree)], AT)[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)


SMOOTH = {
    "exp": 0.7,
    "expm1": 0.7,
    "exp2": 0.7,
    "exp2m1": 0.7,
    "log": 0.7,
    "log10": 0.7,
    "sqrt": 0.7,
    "fabs": -0.7,
    "sin": 0.7,
    "cos": 0.7,
    "tan": 0.7,
    "asin": 0.4,
    "acos": 0.4,
    "atan": 0.7,
    "sinh": 0.7,
    "cosh": 0.7,
    "tanh": 0.7,
    "floor": 0.7,
    "ceil": 0.7,
    "trunc": 0.7,
}


def check_slope(root: x.Expression, values: dict[str, float]) -> None:
    """d/da against a central difference, whose error is of the order of h^2."""
    h = 1e-5
    slope = x.evaluate([derivative(root, "a")], values)[0]
    after, before = (x.evaluate([root], values | {"a": values["a"] + step})[0] for step in (h, -h))
    assert slope == pytest.approx((after - before) / (2 * h), rel=1e-6, abs=1e-8)


def test_every_function_has_its_slope_tested():
    assert SMOOTH.keys() == x.FUNCTIONS.keys()


@pytest.mark.parametrize("name", SMOOTH)
def test_slope_of_a_function(name):
    check_slope(x.call(name, A), {"a": SMOOTH[name]})
    check_slope(x.call(name, A * A * B), {"a": SMOOTH[name], "b": 1 / SMOOTH[name]})  # with the chain rule


@pytest.mark.parametrize("op", ["+", "-", "*", "/", "^"])
def test_slope_of_an_operator(op):
    for left, right in ((A, B), (B, A), (A, A * B), (A + 1, A + 2)):
        check_slope(x.build(op, left, right), {"a": 0.7, "b": 1.3})


@pytest.mark.parametrize("op", sorted(x.COMPARISONS | {"&&", "||"}))
def test_what_is_true_or_false_has_no_slope(op):
    same(derivative(x.call(op, A, B), "a"), x.ZERO)


@pytest.mark.parametrize("a", [0.2, 1.6])
def test_slope_of_a_choice_is_that_of_the_branch_taken(a):
    check_slope(x.select(x.call("<", A, x.ONE), A * A, x.call("exp", A)), {"a": a})
    check_slope(-x.select(x.call(">=", A, x.ONE), B, B * A), {"a": a, "b": 3})


def test_another_symbol_is_a_constant():
    same(derivative(x.call("exp", B) * C, "a"), x.ZERO)
    same(derivative(A * B, "a"), B)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(TREES)
def test_slope_of_any_expression(tree):
    root = built(tree)
    if any(node.op == "select" for node in x.walk([root])):
        return  # a choice may change within the difference
    number(tree)
    h = 1e-5
    values = [x.evaluate([root], AT | {"a": AT["a"] + step})[0] for step in (-2 * h, -h, h, 2 * h)]
    expected = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    assume(abs(expected) < 1e4)
    assert x.evaluate([derivative(root, "a")], AT)[0] == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_evaluate_takes_arrays():
    a = np.linspace(-2, 2, 9)
    root = x.select(x.call("!", x.call("<", A, x.ZERO)), x.call("exp", A), -A) + x.power(A, x.constant(2))
    expected = np.where(a >= 0, np.exp(a), -a) + a**2
    np.testing.assert_allclose(x.evaluate([root], {"a": a})[0], expected, rtol=1e-14)


def test_substitute_simplifies():
    found = x.substitute([A * B + C, x.power(A, B), x.select(x.call("<", A, B), A, C)], {"b": x.ZERO})
    assert found == [C, x.ONE, x.select(x.call("<", A, x.ZERO), A, C)]
    same(x.substitute([A / B], {"a": B * C})[0], C)
    assert x.symbols(found) == {"a", "c"}
