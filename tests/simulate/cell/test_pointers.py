"""POINTERs to variables of other mechanisms: as plain NEURON has them, and where there can be none, in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from apical.simulate.cell import biophysics, compiling
from apical.simulate.engine.batched import program, support, syntax
from apical.simulate.mechanisms import nmodl
from apical.simulate.schema import InputError

from .pointing_by_hand import CELL, FILES


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mod").mkdir()
    for name, text in FILES.items():
        (tmp_path / "mod" / f"{name}.mod").write_text(text)
    (tmp_path / "cell.toml").write_text(CELL)
    return tmp_path


@pytest.mark.slow
def test_engines_are_the_cell_that_is_built_by_hand(tmp_path):
    """To a state, and to what a BREAKPOINT sets, of mechanisms before and after; of channels and of a synapse."""
    script = Path(__file__).with_name("pointing_by_hand.py")
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["spikes"] >= 5 and found["moved_mv"] > 10
    assert {(engine, order) for engine, each in found["differences_mv"].items() for order in each} == {
        (engine, order) for engine in ("neuron", "batched") for order in "12"
    }
    assert max(mv for each in found["differences_mv"].values() for mv in each.values()) < 1e-7


def test_a_parameter_file_names_the_variable(folder):
    found = biophysics.load(str(folder / "cell.toml"))
    assert found.apical["Zlate"] == {"g": 1e-4, "drive": "Middle.c", "gate": "Middle.open"}
    assert found.receptors["mine"].parameters == {"block": "Middle.c", "share": "Middle.once"}
    assert found.groups() == {}, "nothing is fused, since the variables would have other names"
    assert biophysics.Biophysics.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ('drive = "NaTa_t.m"', 'drive = "NaTa_t.gm"'),
            "line 15: soma.Early.drive: variable of NaTa_t 'gm' is not known: did you mean 'm'?",
        ),
        (
            ('drive = "NaTa_t.m"', 'drive = "Zlate.m"'),
            "line 15: soma.Early.drive: mechanism at the same place 'Zlate' is not known",
        ),
        (('drive = "NaTa_t.m"', 'drive = "Early.m"'), "line 15: soma.Early.drive: points to Early itself; name a"),
        (
            ('drive = "NaTa_t.m"', 'drive = "m"'),
            "line 15: soma.Early.drive: is a POINTER: expected a number, or a variable as in 'Pool.c', got 'm'",
        ),
        (("g = 1e-4, e = -70", 'g = "Middle.c", e = -70'), "line 10: all.pas.g: expected a number"),
        (('block = "Middle.c"', 'block = "Middle.d"'), "line 21: receptors.mine.block: variable of Middle 'd' is not"),
        (('block = "Middle.c"', 'block = "Syn.s"'), "line 21: receptors.mine.block: points to Syn itself; name"),
    ],
)
def test_what_there_is_not_to_point_to(folder, change, expected):
    (folder / "cell.toml").write_text(CELL.replace(*change))
    with pytest.raises(InputError) as error:
        biophysics.load(str(folder / "cell.toml"))
    assert expected in str(error.value) and "\n" not in str(error.value)


def test_coreneuron_is_refused_by_line(folder):
    with pytest.raises(InputError, match=r"^early\.mod, line 2: POINTER is not supported by engine 'coreneuron'; give"):
        compiling.compiled(biophysics.load(str(folder / "cell.toml")), "coreneuron")


def test_variables_of_a_mechanism():
    text = (
        "NEURON { SUFFIX a USEION ca READ cai WRITE ica RANGE g, inf, ica POINTER far GLOBAL q }\n"
        "PARAMETER { g q far } ASSIGNED { inf w[3] cai ica } STATE { m (mM) <1e-3> h FROM 0 TO 1 START 0.3 c[4] }\n"
        "BREAKPOINT { ica = g*m*far }\n"
    )
    assert nmodl.mechanism(text).variables == ("g", "h", "inf", "m")


def of_nmodl(text: str, pointing: dict[str, str], under=None) -> str:
    group = support._anywhere(syntax.parse(text, "made.mod"))
    group.pointing = pointing
    group.values |= {to: np.ones(1) for to in pointing.values()}
    with pytest.raises(InputError) as error:
        program.write(group, 0.025, -65.0, second_order=False, under=under)
    return str(error.value)


def test_an_initial_that_may_look_too_early_is_refused():
    text = FILES["zlate"]
    told = of_nmodl(text, {"Zlate.drive": "Middle.c", "Zlate.gate": "Middle.open"})
    assert told.startswith(
        "made.mod, line 2: INITIAL that follows POINTER drive to Middle.c, which NEURON may initialise later, is not"
    )


def test_what_a_synapse_cannot_follow():
    told = of_nmodl(FILES["syn"].replace("-s / tau", "-s / tau * block"), {"Syn.block": "Middle.c"})
    assert told.startswith("made.mod, line 2: a point process of which a state or an event follows Middle.c is not")
    under = SimpleNamespace(kept={"Middle.open": np.ones(1)}, after_currents={"Middle.open": None}, constants={})
    told = of_nmodl(FILES["syn"], {"Syn.block": "Middle.open"}, under)
    assert told.startswith(
        "made.mod, line 2: POINTER block of a point process to Middle.open, which a BREAKPOINT sets, is"
    )


def test_a_table_of_what_a_pointer_follows_is_refused():
    """It changes, though the file itself sets it nowhere."""
    text = FILES["early"].replace(
        "{ m' = (drive - m) / 3 }",
        "{ m' = (rate(v) - m) / 3 }\nFUNCTION rate(u) { TABLE FROM 0 TO 1 WITH 5 rate = u * drive }",
    )
    group = support._anywhere(syntax.parse(text, "made.mod"))
    group.pointing, group.tables.used = {"Early.drive": "Middle.c"}, {"Early"}
    group.values["Middle.c"] = np.ones(1)
    with pytest.raises(InputError, match=r"^made\.mod, line 9: a TABLE of drive, which changes, is not"):
        program.write(group, 0.025, -65.0, second_order=False)
