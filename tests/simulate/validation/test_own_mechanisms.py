"""`apical mechanisms`: each file of a folder is tried on each engine, and no file ends the survey."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from apical.simulate.mechanisms.nmodl import Source
from apical.simulate.processes import Died, TooLong, apart
from apical.simulate.schema import InputError
from apical.simulate.validation import one_compartment, own_mechanisms
from apical.simulate.validation.one_compartment import beside
from apical.simulate.validation.own_mechanisms import AGREE_MV, ENGINES, Survey, survey

CHANNEL = """NEURON { SUFFIX Kmade USEION k READ ek WRITE ik RANGE gbar %s }
PARAMETER { gbar = 0 (S/cm2) }
ASSIGNED { v (mV) ek (mV) ik (mA/cm2) %s }
STATE { n }
INITIAL { n = 0.5 }
BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar * n * (v - ek)
}
DERIVATIVE states {
    rates()
    n' = (ninf - n) / 5
}
PROCEDURE rates() {
    ninf = 1 / (1 + exp(-(v + 30) / 9))
VERBATIM
    return 0;
ENDVERBATIM
}
"""
SURVEYED = {
    "drive.mod": "NEURON { ARTIFICIAL_CELL Drive }\nNET_RECEIVE(w) { net_event(t) }\n",
    "global.mod": CHANNEL % ("GLOBAL ninf", "ninf"),
    "nothing.mod": "NEURON { SUFFIX nothing }\nFUNCTION f() { f = 1 }\n",
    "unknown.mod": CHANNEL.replace("(v - ek)", "(v - lost)") % ("GLOBAL ninf", "ninf"),
}


@pytest.mark.slow
def test_every_file_is_tried_on_every_engine(tmp_path):
    for name, text in SURVEYED.items():
        (tmp_path / name).write_text(text)
    told = []
    found = {each.file: each for each in survey(tmp_path, lambda *progress: told.append(progress))}
    assert told == [*((number, 4, name) for number, name in enumerate(SURVEYED)), (4, 4, "")]
    drive = found["drive.mod"]
    assert (drive.kind, drive.taken_by, drive.fault) == ("ARTIFICIAL_CELL", [], "")
    assert drive.refusals["neuron"].startswith("drive.mod, line 1: Drive is an ARTIFICIAL_CELL, which stands on no")
    assert found["global.mod"].taken_by == ["neuron", "batched"] and not found["global.mod"].fault
    (differences_mv,) = found["global.mod"].differences_mv.values()
    assert set(differences_mv) == {"1", "2"} and max(differences_mv.values()) < AGREE_MV
    assert found["global.mod"].refusals["coreneuron"].startswith("global.mod, line 16: VERBATIM is not supported")
    assert found["global.mod"].remarks == ["global.mod, line 16: a VERBATIM that does nothing is passed over"]
    assert not found["nothing.mod"].taken_by and not found["nothing.mod"].fault
    assert found["unknown.mod"].fault == "unknown.mod: no engine takes it"
    assert "unknown.mod, line 8: " in found["unknown.mod"].refusals["neuron"]


@pytest.mark.slow
def test_a_synapse_that_draws_random_numbers_draws_the_same_in_both_engines(tmp_path):
    file = Path(__file__).parents[1] / "engine" / "batched" / "synapse_constructs" / "MadeRelease.mod"
    (tmp_path / file.name).write_text(file.read_text())
    (found,) = survey(tmp_path, without=["coreneuron"])
    assert found.taken_by == ["neuron", "batched"]
    assert max(found.differences_mv["batched"].values()) < 1e-6


@pytest.mark.parametrize(
    ("fails", "taken", "why"),
    [
        ({"coreneuron": Died("")}, ["neuron", "batched"], "ends the process that runs it"),
        ({"coreneuron": Died(""), "batched": TooLong("")}, ["neuron"], "was stopped after 900 s"),
        ({engine: Died("") for engine in ENGINES}, [], "ends the process that runs it"),
    ],
)
def test_a_file_that_ends_its_process_ends_no_survey(tmp_path, monkeypatch, fails, taken, why):
    """The engine that it cannot be is left out, one after the other."""
    (tmp_path / "it.mod").write_text(CHANNEL % (", ninf", "ninf"))

    def tried(function, name, source, without, limit_s):
        for engine in ("coreneuron", "batched", "neuron"):
            if engine in fails and engine not in without:
                raise fails[engine]
        return {}, {}, []

    monkeypatch.setattr(own_mechanisms, "apart", tried)
    (found,) = survey(tmp_path)
    assert found.taken_by == taken
    assert list(found.refusals.values())[-1] == f"it.mod: {why}"


CHAOS = """NEURON { SUFFIX Chaos NONSPECIFIC_CURRENT i }
ASSIGNED { v (mV) i (mA/cm2) x }
INITIAL { x = 0.3 + v/1000 }
BREAKPOINT {
    SOLVE turn
    i = 2e-4*x*(v + 20)
}
PROCEDURE turn() { x = 3.9*x*(1 - x) + 1e-4*sin(v) }
"""


@pytest.mark.slow
def test_an_unstable_membrane_is_compared_while_plain_neuron_stays_with_itself(tmp_path):
    """The logistic map doubles what is apart in every step."""
    (tmp_path / "chaos.mod").write_text(CHAOS)
    (found,) = survey(tmp_path, without=["coreneuron"])
    assert found.taken_by == ["neuron", "batched"] and not found.fault
    assert len(found.remarks) == 2
    assert found.remarks[0].startswith("chaos.mod: unstable: begun 1e-09 mV beside, plain NEURON is ")


@pytest.mark.parametrize(("apart_mv", "steps"), [([0, 1e-9, 5e-4], 3), ([0, 2e-3, 0], 1), ([0, 0, float("nan")], 2)])
def test_how_long_two_runs_are_together(apart_mv, steps):
    v_mv = np.full(3, -70.0)
    assert one_compartment.steady_steps(v_mv, v_mv + apart_mv) == steps


def test_an_engine_that_differs_is_a_fault():
    close = Survey("a.mod", "A", "SUFFIX", {}, {"batched": {"1": 1e-9, "2": 1e-7}})
    assert close.fault == "" and close.plain()["taken_by"] == list(ENGINES)
    far = Survey("a.mod", "A", "SUFFIX", {}, {"batched": {"1": 1e-9, "2": 0.25}})
    assert far.fault == "a.mod: engine 'batched' is 0.25 mV from plain NEURON"
    wild = Survey("a.mod", "A", "SUFFIX", {}, {"batched": {"1": float("nan"), "2": 0.0}})
    assert wild.fault


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        ("USEION k READ ek WRITE ik", set()),
        ("USEION ca READ cai, cao WRITE ica", {"Leak_of_ca", "Pool_of_ca"}),
        ("USEION ca READ ica WRITE cai", {"Leak_of_ca"}),
        ("USEION cl READ icl VALENCE -1", {"Leak_of_cl"}),
    ],
)
def test_what_stands_beside_a_mechanism(used, expected):
    source = Source(file="a.mod", text=f"NEURON {{ SUFFIX A {used} }}")
    found = beside("A", source)
    assert found.keys() - {"A"} == expected
    assert "VALENCE" not in used or "VALENCE -1" in found["Leak_of_cl"].text


def test_a_process_is_given_a_time():
    with pytest.raises(TooLong, match=r"nothing was heard of a process for 0.2 s"):
        apart(time.sleep, 60, limit_s=0.2)


def test_no_folder_is_said_at_once(tmp_path):
    with pytest.raises(InputError, match=r"has no .mod file"):
        list(survey(tmp_path))
