"""Blocks of NMODL run on expressions leave what a hand, NumPy or an integrator of SciPy's makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate.engine.batched import expression as x
from apical.simulate.engine.batched import syntax
from apical.simulate.engine.batched.evaluation import OF_THE_SEGMENT
from apical.simulate.engine.batched.execution import Execution
from apical.simulate.schema import InputError

V_MV = np.array([-90.0, -60.0, -40.0, 0.0, 30.0])
HEAD = "NEURON { SUFFIX test USEION k READ ek WRITE ik NONSPECIFIC_CURRENT i }\nPARAMETER { p = 3 }\n"
HEAD += "CONSTANT { two = 2 }\nASSIGNED { v a b c d ek ik i }\nSTATE { m h }\n"


def run(block: str, kind: str = "BreakpointBlock", more: str = "", arguments=(), **numbers) -> dict[str, np.ndarray]:
    """The number of each variable of the mechanism after a block, at V_MV; a to d, m and h are `numbers`, or else 0."""
    mechanism = syntax.parse(HEAD + more + block, "test.mod")
    begin = {"v": V_MV, "t": 0.0, "dt": 0.5, "celsius": 20.0, "ek": -80.0, "ik": 0.0, "p": 3.0}
    begin |= dict.fromkeys(("a", "b", "c", "d", "i", "m", "h"), 0.0) | numbers
    shared = {*OF_THE_SEGMENT, "ek", "ik"}
    values = {name if name in shared else f"test.{name}": value for name, value in begin.items()}
    execution = Execution(mechanism, {name: x.symbol(name) for name in values})
    blocks = mechanism.blocks | mechanism.derivatives
    execution.run(blocks[kind], arguments)
    found = x.evaluate(execution.values.values(), values | {"weight": 0.25})
    return {name.removeprefix("test."): value for name, value in zip(execution.values, found, strict=True)}


def after(statements: str, more: str = "", **numbers) -> dict[str, np.ndarray]:
    return run(f"BREAKPOINT {{ {statements} }}", more=more, **numbers)


@pytest.mark.parametrize(
    "written, expected",
    [
        ("-v^2", -(V_MV**2)),
        ("(-v)^2", V_MV**2),
        ("2^3^2", 512.0),  # NEURON too reads it from the right
        ("2^-1", 0.5),
        ("v - 3 - 2", V_MV - 5),
        ("48/4/3*2", 8.0),
        ("2 + 3*4", 14.0),
        ("-two*p", -6.0),
        ("2*-p", -6.0),
        ("v - -p", V_MV + 3),
        ("3 (mV) + v", V_MV + 3),
        ("(1e-3)*v", V_MV / 1000),
        (".5e1 + 1.", 6.0),
        ("v > -50", V_MV > -50),
        ("(v > -50)*2 + (v >= 0)", (V_MV > -50) * 2.0 + (V_MV >= 0)),
        ("(v < -70 || v > 20) - (v == 0)", (V_MV < -70) * 1.0 + (V_MV > 20) - (V_MV == 0)),
        ("!(v < 0 && v > -70) * 5", ~((V_MV < 0) & (V_MV > -70)) * 5.0),
        ("!p", 0.0),
        ("p && 0.5", 1.0),
        ("v != 0 && p", V_MV != 0),
        ("1 < 2 || v", 1.0),
        ("exp(v > 0)", np.where(V_MV > 0, np.e, 1)),
        ("pow(v, 3)", V_MV**3),
        ("pow(p, 1.5)", 3**1.5),
        ("fabs(v) + sqrt(p)", abs(V_MV) + 3**0.5),
        ("log10(100) + log(1) + floor(-1.5) + ceil(1.2)", 2.0),
        ("exprelr(v/10)", np.where(V_MV == 0, 1, (V_MV / 10) / np.where(V_MV == 0, 1, np.expm1(V_MV / 10)))),
        ("celsius + dt + t", 20.5),
    ],
)
def test_values(written, expected):
    np.testing.assert_allclose(after(f"a = {written}")["a"], expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", sorted(x.FUNCTIONS.keys() - {"expm1", "exp2", "exp2m1"}))
def test_functions_are_those_of_c(name):
    import math

    expected = getattr(math, name)(0.25)
    assert after(f"a = {name}(p/12)")["a"] == pytest.approx(expected, rel=1e-15)


BRANCHES = """
    if (v < -70) { a = 1  b = 10 }
    else if (v < -50) { a = 2 }
    else if (v < -10) { a = 3  if (v < -30) { c = 7 } else { c = 8 } }
    else { b = 20 }
    d = a + b
"""


def test_if_and_else_if_leave_what_the_branch_taken_leaves():
    found = after(BRANCHES, a=-1.0, b=-2.0)
    np.testing.assert_array_equal(found["a"], [1, 2, 3, -1, -1])
    np.testing.assert_array_equal(found["b"], [10, -2, -2, 20, 20])
    np.testing.assert_array_equal(found["c"], [0, 0, 7, 0, 0])
    np.testing.assert_array_equal(found["d"], [11, 0, 1, 19, 19])


def test_an_if_without_else_and_a_number_as_condition():
    np.testing.assert_array_equal(after("if (v) { a = 1 }")["a"], V_MV != 0)
    np.testing.assert_array_equal(after("IF (p - 3) { a = 1 } ELSE { a = 2 }")["a"], 2)
    np.testing.assert_array_equal(after("if (1) { a = v } else { a = 2 }")["a"], V_MV)


def test_a_branch_reads_what_was_there_before_it():
    found = after("a = v if (a > 0) { a = 2*a b = a } else { b = a a = 0 }")
    np.testing.assert_array_equal(found["a"], np.where(V_MV > 0, 2 * V_MV, 0))
    np.testing.assert_array_equal(found["b"], np.where(V_MV > 0, 2 * V_MV, V_MV))


def test_local_hides_the_name_around_it_and_ends_with_its_block():
    found = after(
        """
        LOCAL b, x
        b = 5  x = 1
        if (v > -50) { LOCAL x, y  x = 100  y = 1  b = b + x }
        { LOCAL b  b = 1000  c = b }
        a = b + x
        """,
        b=-1.0,
    )
    np.testing.assert_array_equal(found["a"], np.where(V_MV > -50, 106, 6))
    assert (found["b"], found["c"]) == (-1, 1000), "the mechanism's own b is as it was"


def test_functions_and_procedures():
    more = """
        FUNCTION f(v, k (mV)) (mV) { LOCAL a  a = g(v)  if (a > 0) { f = a/k } else { f = -k }  v = 0 }
        FUNCTION g(y) { g = y + p*d }
        FUNCTION nothing() { }
        PROCEDURE set(c) { LOCAL d  d = 4  a = c*d  raise() }
        PROCEDURE raise() { b = b + 1 }
    """
    found = after("c = f(v + 20, 2) set(7) raise() d = nothing() + 1", more, b=10.0, d=2.0)
    shifted = V_MV + 20 + 3 * 2
    np.testing.assert_array_equal(found["c"], np.where(shifted > 0, shifted / 2, -2))
    np.testing.assert_array_equal(found["a"], 28)
    np.testing.assert_array_equal(found["b"], 12)
    np.testing.assert_array_equal(found["d"], 1)
    np.testing.assert_array_equal(found["v"], V_MV)


def test_a_procedure_that_is_called_in_a_branch_acts_only_there():
    found = after("if (v > -50) { set() } else { c = 1 }", "PROCEDURE set() { a = a + 1  m = v }", a=4.0, m=9.0)
    np.testing.assert_array_equal(found["a"], np.where(V_MV > -50, 5, 4))
    np.testing.assert_array_equal(found["m"], np.where(V_MV > -50, V_MV, 9))


def test_what_is_only_read_of_an_ion_is_set_for_the_block_alone():
    found = after("ek = -100 ik = p*(v - ek)")
    np.testing.assert_array_equal(found["ik"], 3 * (V_MV + 100))
    assert found["ek"] == -80


def test_what_changes_nothing_here_is_passed_over():
    more = "PROCEDURE q(u) { TABLE b DEPEND celsius FROM -100 TO 100 WITH 200\n UNITSOFF b = u UNITSON }"
    found = after("CONDUCTANCE c USEION k at_time(5) q(v) c = 1 a = c", more)
    np.testing.assert_array_equal(found["a"], 1)
    np.testing.assert_array_equal(found["b"], V_MV)


def test_an_event_brings_its_weight():
    for body in ("m = m + weight*p", "state_discontinuity(m, m + weight*p)"):
        block = f"NET_RECEIVE(weight (uS)) {{ {body} }}"
        found = run(block, "NetReceiveBlock", arguments=[x.symbol("weight")], m=1.0)
        assert found["m"] == 1.75


# The right side of m' -> the same in Python, linear in m; dt is 0.5
LINEAR = {
    "(a - m)/b": lambda m, v: (0.8 - m) / 3,
    "a*(1 - m) - b*m": lambda m, v: 0.8 * (1 - m) - 3 * m,
    "-m/b": lambda m, v: -m / 3,
    "a": lambda m, v: 0.8,
    "a + v/100": lambda m, v: 0.8 + v / 100,
    "2*m": lambda m, v: 2 * m,
    "-(m - a)*rate(v)": lambda m, v: -(m - 0.8) * np.exp(v / 40),
    "rate(v) - (m - a)/b - m*p": lambda m, v: np.exp(v / 40) - (m - 0.8) / 3 - 3 * m,
    "a/b - 1e-7*m": lambda m, v: 0.8 / 3 - 1e-7 * m,
}


@pytest.mark.parametrize("written", LINEAR)
def test_cnexp_is_the_solution_of_the_equation(written):
    from scipy.integrate import solve_ivp

    more = "FUNCTION rate(v) { rate = exp(v/40) }\n"
    found = run(f"DERIVATIVE s {{ m' = {written} }}", "s", more, a=0.8, b=3.0, m=0.2)["m"]
    for value, v in zip(np.broadcast_to(found, V_MV.shape), V_MV, strict=True):
        solved = solve_ivp(lambda t, m, v=v: LINEAR[written](m, v), (0, 0.5), [0.2], rtol=1e-11, atol=1e-12)
        assert value == pytest.approx(solved.y[0, -1], rel=1e-8)


def test_states_advance_in_turn_and_by_branches():
    """Each by the values that stand there when its turn comes, as NEURON's translation of the same block does."""
    block = "DERIVATIVE s { if (v < -50) { m' = -m } else { m' = 0 }  c = m  h' = c - h  b = h }"
    found = run(block, "s", m=2.0, h=1.0)
    m = np.where(V_MV < -50, 2 * np.exp(-0.5), 2)
    np.testing.assert_allclose(found["m"], m, rtol=1e-14)
    np.testing.assert_allclose(found["h"], m + (1 - m) * np.exp(-0.5), rtol=1e-14)
    np.testing.assert_array_equal(found["b"], found["h"])


LEAVES = "VERBATIM\nreturn 0;\nENDVERBATIM"


def test_what_follows_a_return_is_done_where_it_was_not_taken():
    block = f"""PROCEDURE q() {{ a = 1
        if (v < -50) {{ b = 2 {LEAVES} }} else if (v > 0) {{ b = 3 }} else {{ b = 4 }}
        c = a + b
        if (v > 20) {{ c = 9 {LEAVES} }}
        d = 5 }}
    """
    found = after("q()", more=block, d=7.0)
    early = V_MV < -50
    late = V_MV > 20
    np.testing.assert_array_equal(found["b"], np.select([early, V_MV > 0], [2, 3], 4))
    np.testing.assert_array_equal(found["c"], np.select([early, late], [0, 9], np.where(V_MV > 0, 4, 5)))
    np.testing.assert_array_equal(found["d"], np.where(early | late, 7, 5))
    assert early.any() and late.any() and (~early & ~late).any()


def test_what_only_prints_is_passed_over_and_said():
    assert after('printf("%g", a)  a = 2')["a"] == 2
    assert syntax.parse(HEAD + 'PROCEDURE q() {\n printf("%g", 1) }', "test.mod").remarks == [
        f"test.mod, line {HEAD.count(chr(10)) + 2}: printf is passed over"
    ]


def test_fmod_has_the_sign_of_what_is_divided():
    np.testing.assert_allclose(after("a = fmod(v, 7)")["a"], np.fmod(V_MV, 7), rtol=1e-12, atol=1e-12)


REFUSED = {
    "recursion of f": "FUNCTION g(x) { g = x }\n|FUNCTION f(x) {\n  f = f(x - 1)*f(x)\n}\nDERIVATIVE s { a = f(3) }",
    "recursion of q": "PROCEDURE r() { q() }\n|PROCEDURE q() { r() }\nDERIVATIVE s { q() }",
    "the function net_send": "DERIVATIVE s {\n  a = 1\n  |net_send(3, 1)\n}",
    "the variable flag": "DERIVATIVE s {\n  a = 1\n\n  if (|flag == 1) { a = 2 }\n}",
    "the variable nowhere": "DERIVATIVE s {\n  a = exp(-|nowhere/p)\n}",
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_is_refused(said):
    text = f": flag, nowhere, f and q in a comment\n{REFUSED[said]}"
    line = (HEAD + text[: text.index("|")]).count("\n") + 1
    with pytest.raises(InputError, match=rf"^test\.mod, line {line}: {said} is not supported by engine 'batched'"):
        run(text.replace("|", "", 1), "s")
