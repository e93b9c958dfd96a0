"""The command line, run in this process, in a folder of its own with a small dataset."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest


class Answer(NamedTuple):
    """What a command returned and printed."""

    status: int
    out: str
    err: str


@pytest.fixture
def apical(capsys, monkeypatch, tmp_path):
    """Runs a command in `tmp_path`; arguments are one string, split at spaces."""
    from apical.cli.__main__ import main

    monkeypatch.chdir(tmp_path)

    def run(arguments: str) -> Answer:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["apical"])
        return Answer(main(arguments.split()), *capsys.readouterr())

    return run


@pytest.fixture
def done(apical):
    """Runs a command that must succeed; returns what it printed."""

    def run(arguments: str) -> str:
        answer = apical(arguments)
        assert answer.status == 0, answer.err
        return answer.out

    return run


@pytest.fixture
def refused(apical):
    """Runs a command that must refuse its input as the house does; returns its line."""

    def run(arguments: str) -> str:
        answer = apical(arguments)
        assert answer.status == 2, f"{arguments}: status {answer.status}"
        assert answer.out == ""
        assert answer.err.endswith("\n"), answer.err
        # on a busy machine a line of progress may come first: "Simulating 1 trial of 6 s: 0/1, 0:05 so far"
        lines = [line for line in answer.err.splitlines() if not re.search(r": .*\d:\d\d", line)]
        assert len(lines) == 1, answer.err
        line = lines[0]
        assert line.startswith("apical"), line
        return line

    return run


@pytest.fixture
def truth(make_dataset) -> Path:
    """truth.zarr: 6 trials of 1500 ms, 16 synapses; the trial that a fit holds out can be scored."""
    return make_dataset(seed=1)


@pytest.fixture
def fitted(truth, done, tmp_path, tmp_path_factory) -> Path:
    """A run and what comes of it beside truth.zarr: run/, prediction.zarr, scores.csv. Made once per session."""
    kept = tmp_path_factory.getbasetemp() / "fitted"
    if not kept.exists():
        done("fit truth.zarr --size 3 --steps 4 --batch 2 --out run --device cpu")
        done("predict run truth.zarr --out prediction.zarr --trials all --device cpu")
        done("evaluate truth.zarr prediction.zarr --out scores.csv")
        shutil.copytree(tmp_path, kept)
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    return tmp_path
