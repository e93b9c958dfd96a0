"""Variables of which NEURON has one for all places: taken where they are the same everywhere, else refused by line."""

from __future__ import annotations

import pytest

from apical.simulate.engine.batched import support
from apical.simulate.mechanisms.nmodl import Source

HEAD = """NEURON { SUFFIX made NONSPECIFIC_CURRENT i RANGE gbar GLOBAL a, w }
PARAMETER { gbar = 1 q = 2 }
ASSIGNED { v i a b celsius w[2] }
STATE { m }
LOCAL f
DERIVATIVE s { rates() m' = 1 - m*b }
"""
TAKEN = {
    "a set before it is used": "PROCEDURE rates() { a = v b = a }\nBREAKPOINT { SOLVE s METHOD cnexp i = m }",
    "a of the temperature": "INITIAL { a = q^((celsius - 20)/10) }\nPROCEDURE rates() { b = a }\n"
    "BREAKPOINT { SOLVE s METHOD cnexp i = m*a }",
    "a of the first voltage": "INITIAL { a = v }\nPROCEDURE rates() { b = 1 }\nBREAKPOINT { i = a }",
    "f once for all": "PROCEDURE rates() { b = 1 if (f == 0) { f = 3*q } }\n"
    "BREAKPOINT { SOLVE s METHOD cnexp rates() i = f*m }",
    "b is a place's own": "PROCEDURE rates() { b = v }\nBREAKPOINT { SOLVE s METHOD cnexp i = b }",
}
REFUSED = {
    "a": "PROCEDURE rates() {\n |a = v b = a }\nBREAKPOINT { SOLVE s METHOD cnexp i = m*a }",
    "f": "PROCEDURE rates() { b = 1 \n |f = m }\nBREAKPOINT { SOLVE s METHOD cnexp i = f }",
    "q": "PROCEDURE rates() { b = q\n |q = q + m }\nBREAKPOINT { SOLVE s METHOD cnexp i = m }",
    "w[1]": "PROCEDURE rates() { b = 1\n |w[1] = v }\nBREAKPOINT { SOLVE s METHOD cnexp i = w[1] }",
    "a of INITIAL": "INITIAL {\n |a = gbar }\nPROCEDURE rates() { b = 1 }\nBREAKPOINT { i = a }",
}


COUNTS = "NEURON { SUFFIX made NONSPECIFIC_CURRENT i }\nASSIGNED { v i n }\nSTATE { m }\n"
OF_BREAKPOINT = "a BREAKPOINT that sets n from what it was, which NEURON does twice in a step,"
TWICE = {
    "BREAKPOINT {\n |n = n + 1\n i = n }": OF_BREAKPOINT,
    "BREAKPOINT {\n i = n\n |n = v }": OF_BREAKPOINT,
    "BREAKPOINT { i = n }\nINITIAL {\n |n = n + 1 }": "INITIAL that sets n from what the run before has left of it",
}


@pytest.mark.parametrize("written", TWICE)
def test_what_counts_how_often_it_runs_is_refused(written):
    text = COUNTS + written
    line = text[: text.index("|")].count("\n") + 1
    told = str(support.refusal(["made"], {"made": Source(file="made.mod", text=text.replace("|", ""))}))
    assert told.startswith(f"made.mod, line {line}: {TWICE[written]} is not supported by engine 'batched'; ")


def test_what_is_set_once_and_then_stays_is_taken():
    text = COUNTS + "BREAKPOINT { if (n == 0) { n = 3 } if (t > 0.05) { n = 4 } i = m*n }\nINITIAL { m = 0 }"
    assert support.refusal(["made"], {"made": Source(file="made.mod", text=text)}) is None


@pytest.mark.parametrize("what", TAKEN)
def test_what_is_the_same_everywhere_is_taken(what):
    assert support.refusal(["made"], {"made": Source(file="made.mod", text=HEAD + TAKEN[what])}) is None


@pytest.mark.parametrize("what", REFUSED)
def test_what_goes_from_place_to_place_is_refused(what):
    text = HEAD + REFUSED[what]
    line = text[: text.index("|")].count("\n") + 1
    told = str(support.refusal(["made"], {"made": Source(file="made.mod", text=text.replace("|", ""))}))
    name = what.split()[0]
    assert told.startswith(f"made.mod, line {line}: {name}, which is no RANGE variable, so that one place sees what")
