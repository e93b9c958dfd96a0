"""What readers of reconstructions disagree on: the documentation's table is what they say, each in its version."""

from __future__ import annotations

import runpy
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READ = runpy.run_path(str(ROOT / "benchmarks" / "morphology_readers.py"))
PAGE = (ROOT / "docs" / "cell.md").read_text(encoding="utf-8")


def cells(line: str) -> list[str]:
    return [each.strip() for each in line.strip("|").split("|")]


def table() -> tuple[list[str], dict[str, list[str]]]:
    """The readers with their versions, and what each says of each file."""
    lines = PAGE[PAGE.index("| | NEURON ") :].partition("\n\n")[0].splitlines()
    rows = [cells(line) for line in lines]
    return rows[0][1:], {row[0]: row[1:] for row in rows[2:]}


def test_every_file_is_in_the_table():
    assert list(table()[1]) == list(READ["FILES"])


@pytest.mark.slow
@pytest.mark.parametrize("reader", READ["READERS"])
def test_a_reader_says_what_the_table_has(reader, tmp_path):
    heads, rows = table()
    (column,) = [number for number, head in enumerate(heads) if head.split()[0] == reader]
    try:
        installed = version(READ["READERS"][reader])
    except PackageNotFoundError:
        pytest.skip(f"{reader} is not installed")
    if installed != heads[column].split()[1]:
        pytest.skip(f"{reader} is {installed} here, {heads[column].split()[1]} in the table")
    for what, text in READ["FILES"].items():
        path = tmp_path / f"case.{what[:3].lower()}"
        path.write_text(text)
        assert READ["told"](reader, path) == rows[what][column], what
