"""A trial begins as the first one did: what mechanisms of a cell's own have set is set back."""

from __future__ import annotations

from types import SimpleNamespace

from apical.simulate.engine import fresh
from apical.simulate.mechanisms.nmodl import Source

TEXT = """NEURON { POINT_PROCESS Made RANGE level, kept, hidden, came NONSPECIFIC_CURRENT i }
PARAMETER { level = 1 kept = 2 }
ASSIGNED { v i came[3] }
BREAKPOINT { LOCAL hidden
 hidden = 1
 level = level + v
 came[1] = v
 i = kept*hidden }
"""


def test_what_blocks_set_and_later_weights_begin_anew():
    """What they do not set is left alone, and so is a RANGE that is none."""
    process = SimpleNamespace(hname=lambda: "Made[0]", level=1.0, kept=2.0, came=[0.0, 4.0, 0.0])
    weights = [3.0, 0.0, 0.0]
    connection = SimpleNamespace(weight=weights, wcnt=lambda: 3.0)
    synapses = SimpleNamespace(processes=[process], connections=[[connection]])
    cell = SimpleNamespace(nmodl={"Made": Source(file="made.mod", text=TEXT)})
    fresh.restore(cell, synapses)
    process.level, process.kept = 7.0, 8.0
    process.came[1:] = [5.0, 6.0]
    weights[:] = [4.0, 5.0, 6.0]
    fresh.restore(cell, synapses)
    assert process.came == [0.0, 4.0, 0.0]
    assert (process.level, process.kept, weights) == (1.0, 8.0, [4.0, 0, 0])


def test_a_cell_without_mechanisms_of_its_own_is_left_alone():
    fresh.restore(SimpleNamespace(nmodl={}))
