"""TABLE in engine batched: numbers between two of a table's, and what of a TABLE is refused."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate.engine.batched import expression as x
from apical.simulate.engine.batched import program, support, syntax
from apical.simulate.engine.batched.derivative import derivative
from apical.simulate.mechanisms.nmodl import Source
from apical.simulate.schema import InputError

HEAD = """NEURON {
    SUFFIX made
    NONSPECIFIC_CURRENT i
    RANGE own, a
    GLOBAL all
}
PARAMETER { own = 1 }
ASSIGNED { v i a all minf }
STATE { m }
BREAKPOINT { SOLVE s METHOD cnexp
    i = m * v
}
DERIVATIVE s { rates(v) m' = minf - m }
"""
INITIAL = "INITIAL { rates(v) m = minf }\n"
# NMODL after HEAD, | before the word whose line is told -> what is said
REFUSED = {
    INITIAL + "PROCEDURE rates(u) {\n |TABLE minf FROM 0 TO 1 WITH 5\n minf = u * v }": "a TABLE of v, which changes,",
    INITIAL + "PROCEDURE rates(u) {\n |TABLE minf FROM m TO 1 WITH 5\n minf = u }": "a TABLE of m, which changes,",
    INITIAL + "PROCEDURE rates(u) {\n |TABLE minf FROM 1 TO own WITH 5\n minf = u }": "a TABLE that has no length",
    "INITIAL { a = 2 rates(v) }\nPROCEDURE rates(u) {\n |TABLE minf FROM 0 TO 1 WITH 5\n minf = u * a }": (
        "a TABLE of what INITIAL sets, before which NEURON makes it,"
    ),
    "INITIAL { rates(v) all = 2 }\nPROCEDURE rates(u) {\n |TABLE minf FROM 0 TO 1 WITH 5\n minf = u * all }": (
        "a TABLE of what is set after it was made"
    ),
    INITIAL + "PROCEDURE rates(u) {\n |TABLE minf FROM 0 TO 1 WITH 5\n minf = f(u) }\n"
    "FUNCTION f(u) { TABLE FROM 0 TO 1 WITH 5\n f = u }": "a TABLE within a TABLE, which NEURON makes after it,",
    "INITIAL { rates(v) m = a }\nPROCEDURE rates(u) {\n TABLE minf FROM 0 TO 1 WITH 5\n |a = 3 minf = u }": (
        "a, which a TABLE leaves out, so that it is not set everywhere,"
    ),
    "PROCEDURE two(u, w) {\n |TABLE minf FROM 0 TO 1 WITH 5\n minf = u }\nPROCEDURE rates(u) { minf = u }": (
        "a TABLE of other than one argument"
    ),
}


def of_nmodl(written: str, exact_rates: bool = False) -> InputError | None:
    text = HEAD + written.replace("|", "")
    return support.refusal(["made"], {"made": Source(file="made.mod", text=text)}, exact_rates)


@pytest.mark.parametrize("written", REFUSED)
def test_what_is_refused(written):
    line = (HEAD + written[: written.index("|")]).count("\n") + 1
    told = str(of_nmodl(written))
    assert told.startswith(f"made.mod, line {line}: {REFUSED[written]} is not supported by engine 'batched'; ")


def test_what_a_table_leaves_out_may_be_set_where_nothing_follows_it():
    rates = "PROCEDURE rates(u) {\n TABLE minf FROM 0 TO 1 WITH 5\n a = 3 minf = u / a }"
    assert of_nmodl(INITIAL + rates) is None


def test_exact_rates_have_no_table():
    for written in [*REFUSED][:7]:
        assert of_nmodl(written, exact_rates=True) is None


def test_a_table_of_what_differs_between_places_is_refused():
    """NEURON makes it of what it finds at one of them."""
    text = HEAD + INITIAL + "PROCEDURE rates(u) {\n TABLE minf FROM 0 TO 1 WITH 5\n minf = u * own }"
    group = support._anywhere(syntax.parse(text, "made.mod"))
    group.tables.used, group.tables.differing = {"made"}, {"made.own"}
    with pytest.raises(InputError, match=r"^made\.mod, line 16: a TABLE of own, which is not the same everywhere, is"):
        program.write(group, 0.025, -65.0, second_order=False)


def test_between_two_numbers_and_beyond_the_ends():
    looked_up = x.call("lookup", x.symbol("at") * 2, x.table([1.0, 3.0, 2.0]))
    at = np.array([-1.0, 0.0, 0.25, 0.5, 0.6, 1.0, 9.0, np.nan])
    (found,) = x.evaluate([looked_up], {"at": at})
    assert np.allclose(found, [1, 1, 2, 3, 2.8, 2, 2, np.nan], equal_nan=True)
    (slope,) = x.evaluate([derivative(looked_up, "at")], {"at": at[:-1]})
    assert slope.tolist() == [0, 0, 4, -2, -2, 0, 0]
