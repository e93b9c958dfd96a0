"""A folder of a user's own NMODL: what is read of it, and every way in which it cannot be used, in one line."""

from __future__ import annotations

import pytest

from apical.simulate.cell import biophysics, compiling, pointers
from apical.simulate.engine.interface import Integration
from apical.simulate.engine.run import fastest
from apical.simulate.mechanisms import complaints, nmodl, own, translators
from apical.simulate.mechanisms.nmodl import Source
from apical.simulate.schema import InputError

CHANNEL = """COMMENT
NEURON { SUFFIX not_this_one }
ENDCOMMENT
NEURON {
    SUFFIX Kmade
    USEION k READ ek WRITE ik
    RANGE gbar, half
}
UNITS { (mV) = (millivolt) (S) = (siemens) (mA) = (milliamp) }
PARAMETER { gbar = 0.003 (S/cm2) half (mV) }
ASSIGNED { v (mV) ek (mV) ik (mA/cm2) }
STATE { n }
INITIAL { n = inf(v) }
BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar * n * (v - ek)
}
DERIVATIVE states { n' = (inf(v) - n) / 5 }
FUNCTION inf(v (mV)) { inf = 1 / (1 + exp(-(v - half) / 9)) }
"""
CELL = """name = "own channel"
source = "made up"
reconstructed_axon = "remove"
mechanisms = "mod"
[all]
Ra = 100
cm = 1
[soma]
ek = -85
Kmade = { gbar = "30 pS/um2", half = -30 }
[apical]
"""


@pytest.fixture
def folder(tmp_path):
    """A parameter file beside the folder of the channel that it names."""
    (tmp_path / "mod").mkdir()
    (tmp_path / "mod" / "kdr.mod").write_text(CHANNEL)
    (tmp_path / "cell.toml").write_text(CELL)
    return tmp_path


def refused(folder, cell=CELL, mechanisms=None, **files) -> str:
    for name, text in files.items():
        (folder / "mod" / f"{name}.mod").write_text(text)
    (folder / "cell.toml").write_text(cell)
    with pytest.raises(InputError) as error:
        biophysics.load(str(folder / "cell.toml"), mechanisms)
    assert "\n" not in str(error.value)
    return str(error.value).replace(str(folder), "")


def test_the_folder_counts_from_the_parameter_file(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    parameters = biophysics.load(str(folder / "cell.toml"))
    assert parameters.soma["Kmade"] == {"gbar": pytest.approx(0.003), "half": -30}
    assert parameters.nmodl == {"Kmade": Source(file="kdr.mod", text=CHANNEL)}


def test_only_what_stands_on_the_cell_is_taken(folder):
    """So a file that is broken, or a copy with another name, does not matter."""
    (folder / "mod" / "broken.mod").write_text("NEURON { SUFFIX Broken }\nBREAKPOINT { this is not NMODL")
    (folder / "mod" / "hoc.mod").write_text("NEURON { SUFFIX nothing }\nFUNCTION f() { f = 1 }")
    assert list(biophysics.load(str(folder / "cell.toml")).nmodl) == ["Kmade"]


def test_another_folder_takes_the_place_of_the_files(folder, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "kdr.mod").write_text(CHANNEL.replace("/ 5", "/ 6"))
    parameters = biophysics.load(str(folder / "cell.toml"), str(tmp_path / "other"))
    assert "/ 6" in parameters.nmodl["Kmade"].text


def test_a_shipped_name_belongs_to_the_cell_that_brings_it(folder):
    mine = CHANNEL.replace("Kmade", "Ih").replace("gbar", "gmine")
    (folder / "mod" / "kdr.mod").write_text(mine)
    (folder / "cell.toml").write_text(CELL.replace("Kmade", "Ih").replace("gbar", "gmine"))
    parameters = biophysics.load(str(folder / "cell.toml"))
    assert parameters.soma["Ih"]["gmine"] == pytest.approx(0.003)
    _, needed = compiling._needed(parameters, "neuron")
    assert needed.sources["Ih"].text == mine and "NaTa_t" not in needed.sources
    assert compiling._needed(biophysics.load("hay2011"), "neuron")[1] is None
    assert biophysics.load("hay2011").soma["Ih"]["gbar"] > 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('"mod"', '"mods"'), "line 4: mechanisms: mechanisms /mods: no such folder"),
        (
            ('"mod"', '"cell.toml"'),
            "line 4: mechanisms: mechanisms /cell.toml: is a file, expected a folder of .mod files",
        ),
        (('"mod"', '"."'), "line 4: mechanisms: mechanisms : has no .mod file; there are in /mod"),
        (('"mod"', "3"), "line 4: mechanisms: expected a folder of .mod files, got 3"),
        (("Kmade", "Kmado"), "line 10: soma.Kmado: mechanism 'Kmado' is not known: did you mean 'Kmade'?"),
        ((", half = -30", ""), "line 10: soma.Kmade.half: missing: give it in [soma] or in [all]"),
        (("ek = -85", ""), "line 8: soma.ek: missing: give it in [soma] or in [all]"),
        (
            ("half = -30", "half = '3 pS/um2'"),
            "line 10: soma.Kmade.half: '3 pS/um2' is in 'pS/um2', which does not fit",
        ),
        (('Kmade = { gbar = "30 pS/um2", half = -30 }', ""), "none of those in the folder is named (Kmade)"),
    ],
)
def test_what_a_parameter_file_says_wrongly_of_the_folder(folder, change, expected):
    assert expected in refused(folder, CELL.replace(*change))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("n' = (inf(v) - n) / 5", "n' = 1 - n*n"),
            "kdr.mod, line 18: n' is not linear in n, and NEURON's translation",
        ),
        (
            ("FUNCTION inf", 'INCLUDE "more.inc"\nFUNCTION inf'),
            "kdr.mod, line 19: INCLUDE of another file; write its text",
        ),
        (
            ("FUNCTION inf", "FUNCTION_TABLE measured(x)\nFUNCTION inf"),
            "kdr.mod, line 19: FUNCTION_TABLE measured has its numbers from a parameter file: give tables.Kmade",
        ),
        (
            ("FUNCTION inf", "KINETIC one { ~ n <-> n (1, 1) }\nKINETIC two { ~ n <-> n (1, 1) }\nFUNCTION inf"),
            "kdr.mod, line 20: a second KINETIC block, with which NEURON's translation counts reactions of the first",
        ),
        (
            ("RANGE gbar", "POINTER far RANGE gbar"),
            "kdr.mod, line 7: it sets POINTER far, a variable of another mechanism, or a number that stays",
        ),
    ],
)
def test_what_no_engine_may_run(folder, change, expected):
    text = CHANNEL.replace(*change).replace("    ik =", "    far = v ik =").replace("half (mV)", "half (mV) far = 1")
    assert expected in refused(folder, kdr=text)


POINTING = CHANNEL.replace("RANGE gbar, half", "RANGE gbar POINTER half, ek2, more\n POINTER of_c").replace(
    "(v - ek)", "(v - ek2*more)"
)


def test_a_pointer_is_a_parameter_that_is_asked_for(folder):
    """What only VERBATIM follows is none; one for which the file has a number has that."""
    text = POINTING.replace("half (mV)", "half (mV) more = 1").replace("ek (mV)", "ek (mV) ek2 (mV)")
    assert nmodl.mechanism(text).pointers == {"half": None, "more": 1.0, "ek2": None}
    assert nmodl.mechanism(text).parameters == {"gbar": "S/cm2", "half": "mV", "more": "1", "ek2": "mV"}
    assert "soma.Kmade.ek2: missing: give it in [soma]" in refused(folder, kdr=text)
    given = CELL.replace("half = -30", "half = -30, ek2 = '-80 mV'")
    (folder / "mod" / "kdr.mod").write_text(text)
    (folder / "cell.toml").write_text(given)
    found = biophysics.load(str(folder / "cell.toml"))
    assert pointers.of("Kmade", found.nmodl, found.soma["Kmade"]) == {"half": -30, "more": 1, "ek2": -80}
    assert pointers.of("pas", found.nmodl, {}) == {}


def test_a_cell_that_was_taken_over_is_without_what_pointers_point_to():
    sources = {"Kmade": Source(file="kdr.mod", text=POINTING)}
    with pytest.raises(InputError, match=r"^kdr\.mod, line 7: POINTER half is set by code of the model, which"):
        own.check_taken(["Kmade"], sources)


def test_a_name_that_neuron_has_is_refused(folder):
    said = refused(folder, CELL.replace("Kmade", "hh"), kdr=CHANNEL.replace("Kmade", "hh"))
    assert "kdr.mod, line 5: NEURON has a hh of its own; give yours another name" in said


def test_two_files_of_one_name_are_refused(folder):
    assert "copy.mod and kdr.mod are both of mechanism Kmade; keep one" in refused(folder, copy=CHANNEL)


def test_a_point_process_stands_in_no_region(folder):
    said = refused(folder, kdr=CHANNEL.replace("SUFFIX Kmade", "POINT_PROCESS Kmade"))
    assert "soma.Kmade: is a point process (kdr.mod), which stands at a place: name it as a receptor" in said


def test_reversal_potentials_of_any_ion_are_asked_for(folder):
    """One that follows the concentrations, since a mechanism there reads or writes one, cannot be set."""
    channel = CHANNEL.replace("USEION k READ ek WRITE ik", "USEION cl READ ecl WRITE icl VALENCE -1")
    channel = channel.replace("ik", "icl").replace("ek", "ecl")
    said = refused(folder, CELL.replace("ek = -85\n", ""), kdr=channel)
    assert "soma.ecl: missing" in said
    (folder / "cell.toml").write_text(CELL.replace("ek = -85", "ecl = '-0.07 V'"))
    assert biophysics.load(str(folder / "cell.toml")).soma["ecl"] == -70
    text = biophysics.text_of("hay2011")
    with pytest.raises(InputError, match=r"follows the ion's concentrations, of which \w+ uses one; leave it out"):
        biophysics.parse(text.replace("[soma]", "[soma]\neca = 140", 1), "mine")


def test_files_are_read_whatever_wrote_them(tmp_path):
    (tmp_path / "a.mod").write_bytes(b"\xef\xbb\xbf" + CHANNEL.replace("\n", "\r\n").encode())
    (tmp_path / "b.MOD").write_bytes(
        CHANNEL.replace("Kmade", "Kb").replace("COMMENT", "COMMENT 5 \xb5m", 1).encode("latin-1")
    )
    found = own.read(tmp_path)
    assert found["Kmade"].text == CHANNEL and "5 µm" in found["Kb"].text
    assert nmodl.mechanism(CHANNEL).unset == ("half",)


GLOBAL = CHANNEL.replace("RANGE gbar, half", "RANGE gbar, half GLOBAL ninf").replace("ASSIGNED {", "ASSIGNED { ninf")
GLOBAL = (
    GLOBAL.replace("{ n' = (inf(v) - n) / 5 }", "{ rates(v) n' = (ninf - n) / 5 }")
    + "PROCEDURE rates(v) { ninf = inf(v) }\n"
)
REFUSED_BY_CORENEURON = [
    (GLOBAL, 'kdr.mod, line 7: CoreNEURON\'s translator refuses it ("ninf" variable should be defined as a RANGE'),
    (CHANNEL.replace("STATE { n }", "STATE { n START 0.5 }"), "kdr.mod, line 12: START is passed over by CoreNEURON"),
    (CHANNEL.replace("cnexp", "derivimplicit"), "kdr.mod, line 15: METHOD derivimplicit has first order in CoreNEURON"),
    (CHANNEL + "VERBATIM\nENDVERBATIM\n", "kdr.mod, line 20: VERBATIM is not supported by engine 'coreneuron'"),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED_BY_CORENEURON)
def test_what_coreneuron_refuses_blocks_only_coreneuron(folder, text, expected):
    (folder / "mod" / "kdr.mod").write_text(text)
    parameters = biophysics.load(str(folder / "cell.toml"))
    assert translators.coreneuron_refusal(parameters.nmodl["Kmade"]).startswith(expected)
    with pytest.raises(InputError, match="give --engine neuron, or --engine auto"):
        compiling._needed(parameters, "coreneuron")
    assert not compiling._needed(parameters, "neuron")[1].coreneuron
    chosen = [fastest(Integration(), ["Kmade"], trials, parameters.nmodl).engine for trials in (1, 3)]
    assert chosen == ["neuron", "batched"]


def test_auto_takes_coreneuron_for_few_trials_where_it_can(folder):
    parameters = biophysics.load(str(folder / "cell.toml"))
    assert fastest(Integration(), ["Kmade"], 1, parameters.nmodl).engine == "coreneuron"
    assert compiling._needed(parameters, "coreneuron")[1].coreneuron


SAID = {  # as the translator of NEURON 9.0 and GCC put it
    "syntax error:\n Illegal expression:\n Error: Illegal block at line 15 in file Kmade.mod\nBREAKPOINT {": (
        "kdr.mod, line 15: Error: Illegal block"
    ),
    "/x/Kmade.cpp:235:18: error: ‘undefd’ was not declared in this scope\n  235 |    ik = gbar * ( v - undefd ) ;": (
        "kdr.mod, line 16: ‘undefd’ was not declared in this scope"
    ),
    "Translating Kmade.mod into /x/Kmade.cpp\nWarning: x undefined.\nError: Couldn't open it\nmake: *** ": (
        "kdr.mod: Couldn't open it"
    ),
    "/x/Other.cpp:2:3: error: of a file that is not the user's": "",
}


@pytest.mark.parametrize("output", SAID)
def test_a_compilers_complaint_has_the_files_line(output):
    source = Source(file="kdr.mod", text=CHANNEL.replace("(v - ek)", "(v - undefd)"))
    said = complaints.of_a_file(output, {"Kmade": source})
    assert said.startswith(SAID[output]) and bool(said) == bool(SAID[output])
