"""What NMODL declares is read as it stands; what generated code cannot say is refused by construct, file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from apical.simulate.engine.batched import support, syntax
from apical.simulate.engine.batched.syntax import Ion
from apical.simulate.mechanisms import nmodl
from apical.simulate.schema import InputError

WORDS = " ".join(said for said, _ in syntax.REFUSED.values() if said.isupper())
HEAD = f"""TITLE {WORDS} METHOD sparse
COMMENT
{WORDS} METHOD sparse ARTIFICIAL_CELL a[3]
ENDCOMMENT
NEURON {{ SUFFIX test }}  : {WORDS} COMMENT
? {WORDS} METHOD sparse SOLVE states ARTIFICIAL_CELL a[3]

"""
# Kind of node -> NMODL with it; the mark | stands before the word that the error has to find
SNIPPETS = {
    "NonLinearBlock": "\n|NONLINEAR k { ~ a + b = 1 }",
    "DiscreteBlock": "|DISCRETE k { a = 1 }",
    "BeforeBlock": "|BEFORE BREAKPOINT { a = 1 }",
    "AfterBlock": "|AFTER SOLVE { a = 1 }",
    "ConstructorBlock": "|CONSTRUCTOR { a = 1 }",
    "DestructorBlock": "|DESTRUCTOR { a = 1 }",
    "External": "NEURON { |EXTERNAL p }",
    "LonDiffuse": "DERIVATIVE k {\n  |LONGITUDINAL_DIFFUSION D { ca }\n}",
    "Include": '|INCLUDE "nowhere.inc"',
    "WatchStatement": "NET_RECEIVE (w) {\n  |WATCH (v > 3) 2\n}",
    "ForNetcon": "NET_RECEIVE (w) {\n  |FOR_NETCONS(w1) { w1 = 3 }\n}",
    "LagStatement": "PROCEDURE p() { |LAG x BY n }",
    "ProtectStatement": "PROCEDURE p() {\n  |PROTECT x = 3\n}",
}
# What is said -> NMODL
OTHERS = {
    "MUTEXLOCK": "PROCEDURE p() {\n  a = 1\n  |MUTEXLOCK\n  a = 2\n  MUTEXUNLOCK\n}",
    "METHOD runge": "BREAKPOINT {\n  SOLVE a METHOD cnexp\n  SOLVE b |METHOD runge\n}",
    "METHOD after_cvode": "BREAKPOINT { SOLVE b |METHOD after_cvode }",
    "SOLVE k METHOD cnexp": "KINETIC k { ~ a <-> b (1, 2) }\nBREAKPOINT {\n  |SOLVE k METHOD cnexp\n}",
    "SOLVE b METHOD sparse": "DERIVATIVE b { m' = 1 }\nBREAKPOINT {\n  |SOLVE b METHOD sparse\n}",
    "VERBATIM": "VERBATIM\nENDVERBATIM\nINITIAL {\n  a = 1\n  |VERBATIM\n  b = c ? 1 : 2;\n  ENDVERBATIM\n}",
    "SOLVE of a DERIVATIVE without METHOD": "DERIVATIVE s { m' = 1 }\nBREAKPOINT {\n  |SOLVE s\n}",
    "SOLVE within IF": "BREAKPOINT {\n  if (a) {\n    |SOLVE p\n  }\n}\nPROCEDURE p() { a = 1 }",
    "SOLVE outside of BREAKPOINT": "INITIAL {\n  |SOLVE k STEADYSTATE derivimplicit\n}",
    "FUNCTION_TABLE of other than one argument": "FUNCTION f() { f = 1 }\n|FUNCTION_TABLE k(v, c)",
    "a second derivative": "DERIVATIVE s {\n  m' = 1\n  |n'' = 1\n}",
    "POINTER p of VERBATIM": "NEURON {\n  RANGE a\n  |POINTER p\n}",
    "a block that follows BBCOREPOINTER p": "NEURON {\n  |BBCOREPOINTER p }\nASSIGNED { p }\nBREAKPOINT { a = p }",
    "a block that sets POINTER p": "NEURON { POINTER p }\nASSIGNED { p }\nBREAKPOINT {\n |p = 1\n}",
    "ARTIFICIAL_CELL": "NEURON { |ARTIFICIAL_CELL c }",
    "the unit constant c": "UNITS {\n  (mV) = (millivolt)\n  |c = (c) (m/s)\n}",
    "the unit constant F": "UNITS { F = 96485 (coulomb)\n  |F = (faraday) (volt) }",
    "the unit constant R": "UNITS { |R = (k-mole) (joule) }",
    "the unit constant N": "UNITS { |N = (faraday) (coulomb/mole) }",
}


def place(snippet: str) -> tuple[str, int]:
    """The whole text, and the line that the mark is in."""
    text = HEAD + snippet
    return text.replace("|", "", 1), text[: text.index("|", len(HEAD))].count("\n") + 1


def test_every_construct_is_here():
    assert SNIPPETS.keys() == syntax.REFUSED.keys()


@pytest.mark.parametrize(
    "said, snippet", [*((syntax.REFUSED[kind][0], text) for kind, text in SNIPPETS.items()), *OTHERS.items()]
)
def test_what_is_refused(said, snippet):
    text, line = place(snippet)
    with pytest.raises(InputError) as caught:
        syntax.parse(text, "test.mod")
    told = str(caught.value)
    assert told.startswith(f"test.mod, line {line}: {said} is not supported by engine 'batched'; ")
    assert "\n" not in told


def test_a_file_that_is_included_is_refused_too(tmp_path):
    (tmp_path / "there.inc").write_text("PROCEDURE p() { a = 1 }\n")
    with pytest.raises(InputError, match=r"^test\.mod, line 8: INCLUDE is not supported"):
        syntax.parse(f'{HEAD}INCLUDE "{tmp_path / "there.inc"}"\n', "test.mod")


def test_comments_may_say_anything():
    assert syntax.parse(HEAD, "test.mod").name == "test"


def test_without_comments_keeps_every_place():
    bare = nmodl.without_comments(HEAD)
    assert bare.split() == ["NEURON", "{", "SUFFIX", "test", "}"]
    assert [len(line) for line in bare.split("\n")] == [len(line) for line in HEAD.split("\n")]
    code = 'a = "no : comment" COMMENTED\n'
    assert nmodl.without_comments(f": a COMMENT of one line\n{code}COMMENT x\nENDCOMMENT").strip() == code.strip()


@pytest.mark.parametrize(
    "text, told",
    [
        (
            "NEURON { SUFFIX x }\nhello world\n",
            r"^x\.mod, line 2: the NMODL parser cannot read it \(.+\); NEURON",
        ),
        ("NEURON { SUFFIX x }\nINITIAL {\n  a = (1\n}\n", r"^x\.mod, line 4: the NMODL parser cannot read it"),
        ("\x00\x01", r"^x\.mod.*: the NMODL parser cannot read it"),
        ("", r"^x\.mod: has no NEURON block with a SUFFIX or POINT_PROCESS"),
        ("PARAMETER { a = 1 }", r"^x\.mod: has no NEURON block"),
    ],
)
def test_text_that_is_no_mechanism(text, told, capfd):
    with pytest.raises(InputError, match=told) as caught:
        syntax.parse(text, "x.mod")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", ""), "the parser keeps its own messages to itself"


def of_neuron(name: str) -> syntax.Mechanism:
    import neuron

    file = Path(neuron.__file__).parent / ".data" / "share" / "modfile" / f"{name}.mod"
    return syntax.parse(file.read_text(), file.name)


def test_hh():
    hh = of_neuron("hh")
    assert (hh.name, hh.point, hh.file) == ("hh", False, "hh.mod")
    assert hh.ions == [Ion("na", ("ena",), ("ina",)), Ion("k", ("ek",), ("ik",))]
    assert hh.ion_variables == {"ena": "na", "ina": "na", "ek": "k", "ik": "k"}
    assert (hh.currents, hh.electrode) == (["il"], [])
    assert hh.parameters == {"gnabar": 0.12, "gkbar": 0.036, "gl": 0.0003, "el": -54.3}
    assert {"gnabar", "minf", "ntau"} <= hh.ranges
    assert hh.states == ["m", "h", "n"]
    assert hh.assigned[:4] == ["v", "celsius", "ena", "ek"]
    assert hh.solved == {"states": "cnexp"}
    assert hh.blocks.keys() == {"BreakpointBlock", "InitialBlock"}
    assert hh.derivatives.keys() == {"states"}
    assert {name: routine.arguments for name, routine in hh.routines.items()} == {"rates": ("v",), "vtrap": ("x", "y")}


def test_stim():
    stim = of_neuron("stim")
    assert (stim.name, stim.point, stim.currents, stim.electrode) == ("IClamp", True, [], ["i"])
    assert stim.parameters == {"del": 0, "dur": 0, "amp": 0}
    assert (stim.states, stim.solved) == ([], {})


def test_exp2syn():
    synapse = of_neuron("exp2syn")
    assert (synapse.name, synapse.point, synapse.currents) == ("Exp2Syn", True, ["i"])
    assert synapse.parameters == {"tau1": 0.1, "tau2": 10, "e": 0}
    assert synapse.blocks["NetReceiveBlock"].arguments == ("weight",)
    assert (synapse.states, synapse.solved) == (["A", "B"], {"state": "cnexp"})


@pytest.mark.parametrize("file", nmodl.sources(), ids=lambda file: file.stem)
def test_every_shipped_mechanism_is_read(file):
    """Against what the reader of parameter files finds in the same text by its own means, for channels."""
    read = syntax.parse(file.read_text(), file.name)
    assert read.name == file.stem
    assert support.refusal([read.name]) is None
    if not read.point:
        settable = nmodl.mechanisms([file])[read.name].parameters
        assert settable.keys() == read.parameters.keys() & read.ranges


def test_numbers_and_names():
    text = """
        DEFINE N 5
        NEURON { SUFFIX x GLOBAL c USEION ca READ cai, eca WRITE ica VALENCE 2 THREADSAFE }
        INDEPENDENT { t FROM 0 TO 1 WITH 1 (ms) }
        UNITS { (mV) = (millivolt) }
        UNITSOFF
        CONSTANT { k = -3 (mV) j = 4 }
        PARAMETER { a = N  b = -3.5 (mV) <-5, 1e9>  c  d = 1e-3 (1)  f = .5 g = 3. v (mV) }
        LOCAL mexp, hexp
        STATE { m FROM 0 TO 1  h (mM) <1e-3> }
        UNITSON
    """
    read = syntax.parse(text, "x.mod")
    assert read.constants == {"N": 5, "k": -3, "j": 4}
    assert read.parameters == {"a": 5, "b": -3.5, "c": 0, "d": 1e-3, "f": 0.5, "g": 3, "v": 0}
    assert (read.states, read.assigned) == (["m", "h"], ["mexp", "hexp"])
    assert read.ions == [Ion("ca", ("cai", "eca"), ("ica",))]


# CODATA 2018, which nrnunits.lib of NEURON 9 cites
FARADAY_C, GAS_CONSTANT, ELEMENTARY_CHARGE_C = (
    1.602176634e-19 * 6.02214076e23,
    1.380649e-23 * 6.02214076e23,
    1.602176634e-19,
)


@pytest.mark.parametrize(
    "written, expected",
    [
        ("(faraday) (coulomb)", FARADAY_C),
        ("(faraday)   (coulombs)", FARADAY_C),
        ("(faraday) (C)", FARADAY_C),
        ("(faraday) (kilocoulombs)", FARADAY_C / 1e3),
        ("(faraday) (10000 coulomb)", FARADAY_C / 1e4),
        ("(faraday) (1e3 coulomb)", FARADAY_C / 1e3),
        ("(k-mole) (joule/degC)", GAS_CONSTANT),
        ("(k-mole) (millijoule/K)", GAS_CONSTANT * 1e3),
        ("(e) (coulomb)", ELEMENTARY_CHARGE_C),
        ("(pi) (1)", 3.141592653589793),
        ("96485.309 (coul)", 96485.309),
        (".0853 (mV/degC)", 0.0853),
        ("8 (joule)", 8),
    ],
)
def test_constants_of_units(written, expected):
    read = syntax.parse(f"NEURON {{ SUFFIX x }}\nUNITS {{ (mV) = (millivolt)\n F = {written} }}\n", "x.mod")
    assert read.constants == {"F": pytest.approx(expected, rel=1e-9)}
