"""Lowered expressions compute the same numbers from their tables, and leave nothing to a step that never changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apical.simulate.engine.batched import expression as x
from apical.simulate.engine.batched.lowering import Lowered, Tables, lower

V, M, P, Q, ALIKE = (x.symbol(name) for name in ("v", "m", "test.p", "test.q", "test.alike"))
CONSTANTS = {
    "test.p": np.array([0.7, 1.3, 2.0]),
    "test.q": np.array([0.5, 0.9, 0.8]),
    "test.alike": np.array([1.5, 1.5, 1.5]),
}
AT = {"v": np.array([0.3, 1.1, 0.6]), "m": np.array([0.9, 0.4, 1.2])}


def lowered(*outputs: x.Expression, called=None) -> tuple[Lowered, dict[str, np.ndarray]]:
    """With its tables read back, beside numbers of another that were there before."""
    tables = Tables()
    tables.add_numbers(np.arange(5))
    found = lower(outputs, CONSTANTS, tables, called or {})
    numbers = np.concatenate(tables.numbers)
    return found, {name: numbers[at : at + 3] for name, at in found.tables.items()}


def check(*outputs: x.Expression) -> list[x.Expression]:
    found, read = lowered(*outputs)
    expected = x.evaluate(outputs, AT | CONSTANTS)
    for value, should in zip(x.evaluate(found.outputs, AT | read), expected, strict=True):
        np.testing.assert_allclose(value, should, rtol=1e-9, atol=1e-9)
    nodes = x.walk(found.outputs)
    fixed = {id(node): node.op == "constant" or node.name in read for node in nodes if not node.of}
    for node in nodes:
        if node.of:
            fixed[id(node)] = False
            assert not all(fixed[id(part)] for part in node.of), "left to be computed at every step"
            assert node.op not in ("exp", "expm1")
            assert not (node.op == "/" and fixed[id(node.of[1])])
        assert node.name not in CONSTANTS
    return found.outputs


LEAVES = st.sampled_from([V, M, P, Q, ALIKE, x.ONE, x.constant(-1), x.constant(2), x.constant(0.5)])
ANY = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        st.builds(x.build, st.sampled_from(["+", "-", "*", "/"]), below, below),
        st.builds(x.negative, below),
        st.builds(lambda a: x.call("exp", a), below),
        st.builds(lambda a: x.ONE - x.call("exp", a), below),
        st.builds(lambda a: x.power(a, x.constant(2)), below),
        st.builds(lambda a, b, c, d: x.select(x.call("<", a, b), c, d), below, below, below, below),
    ),
    max_leaves=15,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(ANY, min_size=1, max_size=3))
def test_the_same_numbers(outputs):
    nodes = x.walk(outputs)
    for value in x.evaluate(nodes, AT | CONSTANTS):
        value = np.abs(np.asarray(value, float))
        assume(((value == 0) | ((value > 1e-2) & (value < 1e2))).all())  # else digits are lost by any order
    for node in nodes:
        if node.op == "<":
            below, above = x.evaluate(node.of, AT | CONSTANTS)
            assume((np.abs(np.subtract(below, above)) > 1e-6).all())
    check(*outputs)


@pytest.mark.parametrize(
    "argument",
    [
        V / P,
        -(V - Q) / P,
        (V + 40) / 5,
        (x.constant(40) - V) / ALIKE,
        (V * Q + 2) * P - 3,
        Q * (P + (-V)) / 2,
        x.constant(1) - (V - 2) * -1,
    ],
)
@pytest.mark.parametrize("function", ["exp", "expm1"])
def test_an_exponential_of_an_affine_argument_is_one_product_and_one_sum(argument, function):
    (output,) = check(x.call(function, argument))
    assert output.op == {"exp": "exp2", "expm1": "exp2m1"}[function]
    assert sorted(node.op for node in x.walk([output]) if node.of)[:-1] in (["*"], ["*", "+"], ["*", "-"])


def test_digits_of_a_small_exponential_are_kept():
    """1 - exp(-dt / tau) of a slow state: every digit of expm1, whose limit is its argument."""
    (output,) = check(x.ONE - x.call("exp", V * -1e-14))
    assert x.evaluate([output], {"v": 1.0})[0] == pytest.approx(1e-14, rel=1e-12)


def test_divisions_by_constants_are_products():
    outputs = check(V / P, V / 5, (V + M) / (P * Q), M / (V * 4))
    assert [output.op for output in outputs] == ["*", "*", "*", "/"]


def test_constant_factors_are_gathered_in_front():
    (output,) = check(P * (V * Q) * 3)
    assert output.op == "*" and output.of[1] is V


def test_one_number_everywhere_stands_in_the_code():
    (output,) = check(V + ALIKE * 2)
    assert output is V + 3
    assert lowered(V + ALIKE)[0].tables == {}


def test_equal_numbers_share_a_table():
    found, read = lowered(V * (P + 1), M * (x.ONE + P), V - P)
    assert len(read) == 2
    assert {tuple(numbers) for numbers in read.values()} == {(1.7, 2.3, 3.0), (0.7, 1.3, 2.0)}
    assert found.tables["test_p"] >= 5, "after what was there before"


def test_what_is_constant_altogether_comes_from_a_table():
    (output,) = check(x.call("exp", P) + 1)
    assert output.op == "symbol"


def test_one_place_has_tables_too():
    """So that cells of one shape have one text."""
    tables = Tables()
    found = lower([V * P], {"test.p": np.array([0.7])}, tables, {})
    assert found.tables == {"test_p": 0} and found.outputs == [x.symbol("test_p") * V]


def test_names_stay_with_what_is_still_computed():
    tau, gone, unused = x.call("exp", V / P), P * Q, V * M * 3
    found, _ = lowered(tau * gone, called={tau: "tau", gone: "gone", unused: "unused"})
    assert list(found.called.values()) == ["tau"]
    assert next(iter(found.called)) in x.walk(found.outputs)


def test_indices():
    tables = Tables()
    assert [tables.add_indices([4, 5, 6]), tables.add_indices([]), tables.add_indices(np.array([7]))] == [0, 3, 3]
    assert np.concatenate(tables.indices).tolist() == [4, 5, 6, 7]
