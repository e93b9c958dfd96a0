"""What the site's own extensions make of docstrings, commands and configurations."""

from __future__ import annotations

import doctest
import importlib.util
import inspect
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "extensions"


def extension(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["docstrings", "generated", "executed"])
def test_examples(name):
    assert doctest.testmod(extension(name)).failed == 0


def test_every_argument_of_a_public_function_is_described():
    import apical.analysis
    import apical.analysis.inside
    import apical.simulate
    import apical.surrogate
    import apical.surrogate.inside
    import apical.tasks

    doors = (apical.simulate, apical.surrogate, apical.surrogate.inside, apical.analysis, apical.analysis.inside)
    for door in (*doors, apical.tasks):
        for name in door.__all__:
            function = getattr(door, name)
            if not inspect.isfunction(function):
                continue
            arguments = list(inspect.signature(function).parameters)
            lines = extension("docstrings").with_fields(inspect.getdoc(function).split("\n"), arguments)
            told = [line.split(":")[1].removeprefix("param ") for line in lines if line.startswith(":param ")]
            assert sorted(told) == sorted(arguments), f"{door.__name__}.{name}"


def test_a_sentence_on_a_line_of_its_own_is_prose():
    lines = ["Draws x.", "", "x: lengths in um.", "Where there are none, nothing.", "Raises InputError for NaN."]
    expected = ["Draws x.", "", "Where there are none, nothing.", "", ":param x: lengths in um."]
    assert extension("docstrings").with_fields(lines, ["x"]) == [*expected, ":raises InputError: for NaN."]


def test_every_command_and_option_is_on_the_page():
    page = extension("generated").commands()
    for command in ("apical simulate", "apical engine show", "apical report"):
        assert f"\n## {command}\n" in page
    assert "| `--resume` | Go on with what is at `--out`. |" in page
    assert "apical simulate --out many.zarr --trials 600 --engine coreneuron\n" in page


def test_a_table_of_fields():
    page = extension("generated").fields("FitConfig")
    told = "stop after so many validations without a better one"
    assert f"| `patience` | `None` | int or None | {told} |" in page


def test_notebooks_are_kept_under_all_that_they_come_from(monkeypatch):
    executed = extension("executed")
    monkeypatch.setenv("APICAL_NOTEBOOK_TINY", "1")
    tiny = executed.key()
    assert tiny == executed.key()
    monkeypatch.delenv("APICAL_NOTEBOOK_TINY")
    assert executed.key() != tiny
    monkeypatch.setattr(executed, "NOTEBOOKS", executed.NOTEBOOKS[1:])
    monkeypatch.setenv("APICAL_NOTEBOOK_TINY", "1")
    assert executed.key() != tiny


def test_a_link_to_a_notebook_is_one_to_its_page():
    source = ["[one](../notebooks/01_simulate.py), [two](../../notebooks/02_fit.py)"]
    extension("executed").link(None, "", source)
    assert source == ["[one](notebooks/01_simulate.ipynb), [two](../notebooks/02_fit.ipynb)"]
