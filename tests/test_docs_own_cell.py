"""docs/your_own_cell.md, followed to the letter in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from apical.analysis.pages.inspect import summary
from apical.simulate.cell import biophysics, distance_rules
from apical.simulate.mechanisms import units

PAGE = (Path(__file__).parents[1] / "docs" / "your_own_cell.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"(?:[Ss]ave this as `(?P<file>[\w.]+)`[^`]*?\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)


@pytest.fixture
def shell(tmp_path):
    """Runs a line in an empty folder, in which `apical` and `python` are the ones that run this test."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, runs in {"apical": "-m apical.cli", "python": "-W error"}.items():
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {runs} "$@"\n')
        (commands / name).chmod(0o755)
    folder = tmp_path / "walk"
    folder.mkdir()
    environment = os.environ | {"PATH": f"{commands}:{os.environ['PATH']}"}

    def run(line: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["sh", "-ec", line],
            cwd=folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    run.folder = folder
    return run


@pytest.mark.slow  # its cell has mechanisms together that no shipped one has, so they are compiled where that is new
def test_the_walk(shell):
    blocks = list(BLOCK.finditer(PAGE))
    assert PAGE.count("\n```") == 2 * len(blocks)
    for block in blocks:
        if block["file"]:
            (shell.folder / block["file"]).write_text(block["text"], encoding="utf-8")
        elif block["kind"] == "bash":
            done = shell(block["text"])
            assert done.returncode == 0, done.stdout
        else:
            assert block["kind"] == "console"
            check_console(shell, block["text"])
    rate_hz = {name: summary(shell.folder / f"{name}.zarr")["output_rate_hz"]["mean"] for name in ("basket", "quieter")}
    assert 0 <= rate_hz["quieter"] < rate_hz["basket"]
    assert not (shell.folder / "slip.zarr").exists()


def check_console(shell, text: str) -> None:
    """Run what follows `$ ` and compare what it prints with what the page says, up to an ellipsis."""
    for command, said in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.M):
        printed = shell(command).stdout
        for line, expected in zip(printed.splitlines(), said.splitlines(), strict=True):
            assert line.startswith(expected.removesuffix("…")) if expected.endswith("…") else line == expected, printed


def test_the_reference_names_what_there_is():
    reference = PAGE[PAGE.index("## Reference") :]
    for name in (*biophysics.TABLES, *biophysics.Biophysics.model_fields):
        assert re.search(rf"`\[?{name}\]?`", reference), name
    for rule, kind in distance_rules.RULES.items():
        (row,) = re.findall(rf"^\| `{rule}` .*$", reference, re.M)
        assert all(f"`{field}`" in row for field in kind.model_fields if field != "rule"), row
    for name, known in units.QUANTITIES.items():
        if name not in ("permeability", "rate", "temperature"):  # of no shipped mechanism
            assert all(f"`{unit}`" in reference for unit in known), name
