"""Blocks that are solved together, against the same equations in NumPy; loops and arrays; what nobody may compute."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate.engine.batched import expression as x
from apical.simulate.engine.batched import initial, support, syntax
from apical.simulate.engine.batched.solving import Solver
from apical.simulate.mechanisms import translators
from apical.simulate.schema import InputError

HEAD = """NEURON { SUFFIX made NONSPECIFIC_CURRENT i RANGE w }
DEFINE N 3
PARAMETER { p = 3 w[N] }
ASSIGNED { v a b i r[N] }
STATE { c o d y[N] }
"""
DT_MS = 0.5
BEGIN = {"c": 0.7, "o": 0.2, "d": 0.1, "y[0]": 1.0, "y[1]": 2.0, "y[2]": 3.0}
BEGIN |= {"p": 3.0, "w[0]": 0.5, "w[1]": 0.25, "w[2]": 0.125, "a": 0.0, "b": 0.0, "i": 0.0}
BEGIN |= {f"r[{k}]": 0.0 for k in range(3)}


def solved(blocks: str, method: str, half_steps: bool = False) -> dict[str, float]:
    """The variables after one step of block `s`, from BEGIN."""
    text = f"{HEAD}BREAKPOINT {{ SOLVE s{f' METHOD {method}' if method else ''} i = 0 }}\n{blocks}"
    mechanism = syntax.parse(text, "made.mod")
    values = {f"made.{name}": number for name, number in BEGIN.items()} | {"v": -60.0, "t": 0.0, "dt": DT_MS}
    execution = Solver(mechanism, {name: x.symbol(name) for name in values})
    execution.solve("s", mechanism.solved["s"], half_steps)
    found = x.evaluate(execution.values.values(), values)
    return {name.removeprefix("made."): float(value) for name, value in zip(execution.values, found, strict=True)}


def backward_euler(slopes, begin: list[float], step_ms: float) -> np.ndarray:
    from scipy.optimize import fsolve

    return fsolve(lambda y: y - begin - step_ms * np.array(slopes(y)), begin, xtol=1e-13)


@pytest.mark.parametrize("half_steps", [False, True])
def test_derivimplicit_is_backward_euler(half_steps):
    """Of second order: half a step, and as far again."""
    block = "DERIVATIVE s { a = c*o  c' = 1 - a - c*c*c  o' = exp(-c) - o }"
    found = solved(block, "derivimplicit", half_steps)
    begin = np.array([0.7, 0.2])
    step_ms = DT_MS / 2 if half_steps else DT_MS
    there = backward_euler(lambda y: [1 - y[0] * y[1] - y[0] ** 3, np.exp(-y[0]) - y[1]], begin, step_ms)
    expected = 2 * there - begin if half_steps else there
    np.testing.assert_allclose([found["c"], found["o"]], expected, rtol=1e-10)
    assert found["a"] == pytest.approx(there[0] * there[1], rel=1e-10), "by the states that were found"
    assert (found["d"], found["dt"]) == (0.1, DT_MS)


def test_euler_takes_every_slope_from_before_the_step():
    found = solved("DERIVATIVE s { c' = o*p  o' = -c*c }", "euler", half_steps=True)
    assert found["c"] == pytest.approx(0.7 + DT_MS * 0.2 * 3) and found["o"] == pytest.approx(0.2 - DT_MS * 0.49)


def test_a_block_by_branches_is_solved_by_the_branch_taken():
    found = solved("DERIVATIVE s { if (v < 0) { c' = -c*c*c } else { c' = p } }", "derivimplicit")
    assert found["c"] == pytest.approx(backward_euler(lambda y: [-(y[0] ** 3)], [0.7], DT_MS)[0], rel=1e-10)


SCHEME = """KINETIC s {
    COMPARTMENT p { c o }
    ~ c <-> o (2, 0.5)
    ~ o <-> d (1.5, 0.25)
    a = f_flux - b_flux
    ~ c << (0.1)
    ~ d -> (0.3)
}"""


def test_a_linear_scheme_is_one_linear_system():
    found = solved(SCHEME, "sparse")
    volumes = np.diag([3.0, 3.0, 1.0])
    rates = np.array([[-2, 0.5, 0], [2, -2, 0.25], [0, 1.5, -0.55]])
    begin = np.array([0.7, 0.2, 0.1])
    expected = np.linalg.solve(volumes / DT_MS - rates, volumes @ begin / DT_MS + [0.1, 0, 0])
    np.testing.assert_allclose([found[name] for name in "cod"], expected, rtol=1e-13)
    assert found["a"] == pytest.approx(1.5 * expected[1] - 0.25 * expected[2], rel=1e-13)


def test_a_scheme_of_two_that_react_conserves_what_it_says():
    block = "KINETIC s { ~ c + 2 o <-> d (p, 0.5)  CONSERVE c + d = 0.8 }"
    found = solved(block, "sparse")
    there = backward_euler(
        lambda y: [-(flux := 3 * y[0] * y[1] ** 2 - 0.5 * y[2]), -2 * flux, flux], [0.7, 0.2, 0.1], DT_MS
    )
    np.testing.assert_allclose([found[name] for name in "cod"], there, rtol=1e-8)
    assert found["c"] + found["d"] == pytest.approx(0.8, abs=1e-14)


def test_a_rate_of_a_linear_scheme_takes_states_before_the_step():
    found = solved("KINETIC s { ~ c <-> d (o, 0)  ~ o -> (1) }", "sparse")
    assert found["c"] == pytest.approx(0.7 / (1 + DT_MS * 0.2), rel=1e-13)


def test_a_scheme_begins_in_its_steady_state():
    text = "BREAKPOINT { SOLVE s METHOD sparse i = 0 }\nINITIAL { c = 1 o = 0 d = 0 SOLVE s STEADYSTATE sparse }\n"
    text += "KINETIC s { ~ c <-> o (2, 0.5)  ~ o <-> d (1.5, 0.25)  CONSERVE c + o + d = 1 }"
    mechanism = syntax.parse(HEAD + text, "made.mod")
    found = initial.initialised(support._anywhere(mechanism), DT_MS, -60.0).numbers
    expected = np.array([1, 4, 24]) / 29  # detailed balance
    np.testing.assert_allclose([found[f"made.{name}"][0] for name in "cod"], expected, rtol=1e-9)


def test_arrays_and_loops():
    block = """PROCEDURE s() { LOCAL k
        a = 10
        FROM k = 0 TO N-1 { y[k] = y[k]*w[k]  r[N-1-k] = k }
        k = 0
        WHILE (k < N) { a = a + y[k]  k = k + 2 }
        b = y[N - 1]
    }"""
    found = solved(block, "")
    assert [found[f"y[{k}]"] for k in range(3)] == [0.5, 0.5, 0.375]
    assert [found[f"r[{k}]"] for k in range(3)] == [2, 1, 0]
    assert (found["a"], found["b"]) == (10.875, 0.375)


REFUSED = {
    "WHILE with a condition that is not known beforehand": "PROCEDURE s() {\n a = v\n |WHILE (a < 0) { a = a + 1 }\n}",
    "FROM with bounds that are not constant": "PROCEDURE s() {\n a = 1\n |FROM k = 0 TO v { a = k }\n}",
    "an index beyond r": "PROCEDURE s() {\n a = 1\n |r[3] = 2\n}",
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_is_refused(said):
    text = REFUSED[said]
    line = (HEAD + "\n" + text[: text.index("|")]).count("\n") + 1
    if said.startswith("an index"):
        line = next(
            n for n, each in enumerate(HEAD.split("\n"), 1) if f"{said[-1] if 'beyond' in said else 'y'}[" in each
        )
    with pytest.raises(InputError, match=rf"^made\.mod, line {line}: {said} is not supported by engine 'batched'"):
        solved(text.replace("|", "", 1), "")


@pytest.mark.parametrize("right", ["1 - c*c", "p*c*(1 - c)", "(1 - c)*(1 - c)", "-(c + 1)*c/p"])
def test_what_neuron_takes_for_linear_and_is_not_is_refused_for_every_engine(right):
    """NEURON's translation of c' = 1 - c*c with cnexp leaves c where it is, or worse, and says nothing."""
    with pytest.raises(InputError, match=r"^made\.mod, line 8: c' is not linear in c, and NEURON's .+derivimplicit$"):
        solved(f"DERIVATIVE s {{\n c' = {right}\n}}", "cnexp")


@pytest.mark.parametrize("right", ["1 - exp(c)", "-c/(c + 1)", "rate(c)"])
def test_what_neuron_solves_by_derivimplicit_is_solved_so(right):
    """The whole block, as nocmodl says."""
    more = "\nFUNCTION rate(z) { rate = 2*z }"
    found = [solved(f"DERIVATIVE s {{ o' = c - o  c' = {right} }}{more}", way) for way in ("cnexp", "derivimplicit")]
    assert found[0] == found[1]


@pytest.mark.parametrize("right", ["a - c", "(o*o - c)/(1 + exp(o))", "-c*o*(2 - o)", "p*(1 - c) - exp(v)*c"])
def test_what_is_linear_in_its_own_state_stays_as_it_is(right):
    mechanism = syntax.parse(
        HEAD + f"BREAKPOINT {{ SOLVE s METHOD cnexp }}\nDERIVATIVE s {{ c' = {right} }}", "made.mod"
    )
    assert mechanism.solved == {"s": "cnexp"}


EMPTY = ["", "/* a = 1; */", "// a = 1;\n  /* nor this */"]
RETURNS = ["return 0;", "return;", "return 0.; // done", "return (0);"]


@pytest.mark.parametrize("code", EMPTY)
@pytest.mark.parametrize("around", ["{}", "INITIAL {{\n{}\na = 1\n}}", "FUNCTION f() {{\n{}\nf = 1 }}"])
def test_verbatim_that_does_nothing_is_passed_over_and_said(code, around):
    text = HEAD + around.format(f"VERBATIM\n{code}\nENDVERBATIM")
    line = text[: text.index("VERBATIM")].count("\n") + 1
    assert syntax.parse(text, "made.mod").remarks == [
        f"made.mod, line {line}: a VERBATIM that does nothing is passed over"
    ]


@pytest.mark.parametrize("code", RETURNS)
def test_a_return_is_passed_over_at_the_end_of_a_procedure_only(code):
    block = f"VERBATIM\n{code}\nENDVERBATIM"
    assert len(syntax.parse(f"{HEAD}PROCEDURE q() {{ a = 1\n{block}\n}}", "made.mod").remarks) == 1
    for early in (
        f"PROCEDURE q() {{\n{block}\na = 1 }}",
        f"PROCEDURE q() {{ if (a) {{ if (v) {{\n{block}\n}} }} }}",
        f"FUNCTION f() {{ if (a) {{\n{block}\n}} }}",
        f"FUNCTION f() {{ f = 1\n{block}\n}}",
    ):
        called = f"{HEAD}{early}\nINITIAL {{ {'q()' if 'q()' in early else 'a = f()'} }}"
        with pytest.raises(InputError, match=r"^made\.mod, line 7: VERBATIM is not supported"):
            syntax.parse(called, "made.mod")


@pytest.mark.parametrize("code", ["a = 1;", "return 1;", "return a;", "if (a) return 0;", "return 0; a = 1;"])
def test_any_other_verbatim_is_refused_by_its_own_line(code):
    text = f"{HEAD}VERBATIM\nENDVERBATIM\nPROCEDURE q() {{\nVERBATIM\n{code}\nENDVERBATIM\n}}\nINITIAL {{ q() }}"
    with pytest.raises(InputError, match=r"^made\.mod, line 9: VERBATIM is not supported"):
        syntax.parse(text, "made.mod")


BODY = "NEURON { SUFFIX made NONSPECIFIC_CURRENT i %s }\nASSIGNED { v i a }\nBREAKPOINT { i = 0 %s }\n"


def test_advice_names_an_engine_that_takes_the_file():
    """CoreNEURON refuses a GLOBAL that is set, and what is no NMODL everybody does."""
    good = BODY % ("RANGE a", "a = v")
    assert translators.advice(good).startswith("give --engine coreneuron, or")
    assert translators.advice(BODY % ("GLOBAL a", "a = v")) == "give --engine neuron"
    assert translators.advice(BODY % ("POINTER a", "")) == "give --engine neuron"
    assert translators.advice(good.replace("a = v", "a = ")) == "NEURON's own translator refuses the file too"
