"""Random numbers of synapses: which files are of the idiom, NEURON's own numbers, and the streams of a trial."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from apical.simulate.engine import streams
from apical.simulate.engine.batched import support
from apical.simulate.engine.batched.special import random123
from apical.simulate.engine.interface import Inputs
from apical.simulate.mechanisms import random_streams
from apical.simulate.mechanisms.nmodl import Source

FILE = Path(__file__).parents[1] / "engine" / "batched" / "synapse_constructs" / "MadeRelease.mod"
TEXT = FILE.read_text()


def test_the_idiom():
    assert random_streams.of(TEXT) == ("seeds", "stream", {"pick"})
    direct = TEXT.replace("    _lpick = value;\n", "    return value;\n").replace("BBCOREPOINTER", "POINTER")
    assert random_streams.of(direct) == ("seeds", "stream", {"pick"})
    assert refusal(direct) == ""


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("_lpick = value;", "_lpick = 2*value;"), 75),
        (("        value = 0.0;\n", "        value = counter++;\n"), 75),
        (("nrnran123_dblpick", "nrnran123_negexp"), 75),
        (("stream, 0, 0)", "stream, 5, 0)"), 26),
        (('#include "nrnran123.h"\n', "#define use 1\n"), 10),
    ],
)
def test_what_is_not_of_the_idiom_is_refused_by_line(change, line):
    assert refusal(TEXT.replace(*change)).startswith(f"made.mod, line {line}: VERBATIM is not supported by engine")


def test_a_number_that_is_drawn_in_a_step_is_refused():
    """NEURON runs BREAKPOINT twice in a step, so that numbers would depend on how it finds dI/dv."""
    told = refusal(TEXT.replace("i = g * (v - e)", "i = g * (v - e) * pick()"))
    assert "a random number that is drawn outside of NET_RECEIVE is not supported" in told


def refusal(text: str) -> str:
    return str(support.refusal(["MadeRelease"], {"MadeRelease": Source(file="made.mod", text=text)}) or "")


def test_numbers_are_those_of_neuron():
    from neuron import h

    for ids in ((1, 0, 0), (7, 4000000000, 12345), (9000000, 65535, 65536)):
        random = h.Random()
        random.Random123(*ids)
        random.Random123_globalindex(0)
        random.uniform(0, 1)  # which draws one
        expected = [random.repick() for _ in range(9)]
        halves = [half for number in ids[1:] for half in (number >> 16, number & 0xFFFF)]
        np.testing.assert_allclose(random123(np.arange(1, 10), ids[0], *halves), expected, rtol=1e-15)


def test_a_trials_input_names_its_streams_and_a_synapse_its_own():
    events_ms = [np.array([1, 5]), np.array([2])]
    ids = streams.of_trial(events_ms)
    assert ids == streams.of_trial([each.astype(float) for each in events_ms])
    assert ids != streams.of_trial([np.array([1]), np.array([5, 2])]) != streams.of_trial(events_ms[::-1])
    named = []
    cell = SimpleNamespace(nmodl={"MadeRelease": Source(file="made.mod", text=TEXT)})
    processes = [SimpleNamespace(hname=lambda: "Exp2Syn[0]")]
    processes.append(SimpleNamespace(hname=lambda: "MadeRelease[3]", seeds=lambda *given: named.append(given)))
    streams.begin(cell, Inputs(SimpleNamespace(processes=processes), events_ms))
    assert named == [(2, *ids)]
