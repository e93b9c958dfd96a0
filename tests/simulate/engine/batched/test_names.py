"""Mechanisms whose names run together in generated code: `a_b`'s c and `a`'s b_c."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate.engine.batched import program, syntax
from apical.simulate.engine.batched.group_source import GroupSource
from apical.simulate.engine.batched.lowering import Tables
from apical.simulate.engine.batched.membrane import Group
from apical.simulate.engine.batched.place_source import Rows
from apical.simulate.schema import InputError

CHANNEL = """
NEURON {{ SUFFIX {name} NONSPECIFIC_CURRENT i RANGE g }}
PARAMETER {{ g = 0.1 }}
ASSIGNED {{ v i {assigned} }}
STATE {{ {state} }}
INITIAL {{ {state} = 0 }}
BREAKPOINT {{ SOLVE states METHOD cnexp i = g * {state} * (v + 70) }}
DERIVATIVE states {{ {statements} {state}' = ({inf} - {state}) / 5 }}
"""
SECOND = CHANNEL.format(name="a_b", assigned="", state="c", statements="", inf="0.5")


def source(*texts: str) -> str:
    mechanisms = [syntax.parse(text, "test.mod") for text in texts]
    values = {"v": np.zeros(2), "area": np.ones(2), "diam": np.ones(2), "celsius": np.zeros(2)}
    for each in mechanisms:
        values |= {f"{each.name}.{name}": np.zeros(2) for name in (*each.assigned, *each.states)}
        values[f"{each.name}.g"] = np.array([0.1, 0.2])
    group = Group("segments_0", mechanisms, np.zeros(2, int), False, values, {}, set())
    made = program.write(group, dt_ms=0.025, v_init_mv=-70.0, second_order=True)
    return "\n".join(GroupSource(made, Tables(), Rows(by_variable=False), "float", 0.025, 0).functions())


def test_what_is_computed_hides_no_state():
    first = CHANNEL.format(name="a", assigned="b_c", state="n", statements="b_c = 1 / (1 + exp(-v / 9))", inf="b_c")
    text = source(first, SECOND)
    assert text.count("V a_b_c = ") == 1
    assert "V a_b_c = ROW(at + " in text  # a_b's state
    assert "const V a_b_c_2 = quotient(1.0f" in text  # what a calls b_c


def test_two_states_of_one_name_are_told():
    first = CHANNEL.format(name="a", assigned="", state="b_c", statements="", inf="0.3")
    with pytest.raises(InputError, match=r"a.* are both a_b_c in generated code; rename one"):
        source(first, SECOND)
