"""`apical mechanisms`: a table for people, JSON for machines, and the exit status."""

from __future__ import annotations

import json

import pytest

from apical.cli.__main__ import main
from apical.simulate.validation import own_mechanisms
from apical.simulate.validation.own_mechanisms import Survey

TAKEN = Survey(
    "a.mod", "A", "SUFFIX", {"coreneuron": "a.mod, line 3: no"}, {"batched": {"1": 1e-12, "2": 2e-12}}, ["r"]
)
REFUSED = Survey("b.mod", "B", "POINT_PROCESS", dict.fromkeys(own_mechanisms.ENGINES, "b.mod, line 5: never"))


@pytest.fixture
def found(monkeypatch):
    """What the survey is to find."""
    rows: list[Survey] = []
    monkeypatch.setattr(own_mechanisms, "survey", lambda folder, report, workers: iter(rows))
    return rows


def test_a_table(found, capsys):
    found += [TAKEN, Survey("c.mod", "", "")]
    assert main(["mechanisms", "folder"]) == 0
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["a.mod", "A", "yes", "no", "2e-12", "mV"] in printed and ["c.mod", "none"] in printed
    assert ["coreneuron:", "a.mod,", "line", "3:", "no"] in printed and ["remark:", "r"] in printed


def test_an_artificial_cell_is_named_as_one(found, capsys):
    found.append(Survey("d.mod", "D", "ARTIFICIAL_CELL", dict.fromkeys(own_mechanisms.ENGINES, "d.mod, line 1: D is")))
    assert main(["mechanisms", "folder"]) == 0
    assert "D, ARTIFICIAL_CELL" in capsys.readouterr().out


def test_a_file_that_no_engine_takes_is_a_failure(found, capsys):
    found += [TAKEN, REFUSED]
    assert main(["mechanisms", "folder", "--json"]) == 1
    said = capsys.readouterr()
    assert [row["taken_by"] for row in json.loads(said.out)] == [["neuron", "batched"], []]
    assert "apical mechanisms: b.mod: no engine takes it" in said.err


def test_a_folder_that_is_not_there(tmp_path, capsys):
    assert main(["mechanisms", str(tmp_path / "no")]) == 2
    assert "no such folder" in capsys.readouterr().err
