"""Every command explains itself, with examples that it would take."""

from __future__ import annotations

import re
import shlex
from importlib.metadata import version

import pytest

COMMANDS = (
    "cells",
    "presets",
    "simulate",
    "validate",
    "mechanisms",
    "models",
    "take-cell",
    "engine show",
    "import-neuronio",
    "import-arrays",
    "import-nwb",
    "export-nwb",
    "import-sonata",
    "export-sonata",
    "inspect",
    "noise-floor",
    "fit",
    "population",
    "sweep",
    "predict",
    "export",
    "evaluate",
    "compare",
    "generalise",
    "look",
    "report",
    *(f"tasks make {each}" for each in ("toy", "spoken-digits", "listops", "pathfinder", "fashion", "characters")),
    *(f"tasks import {each}" for each in ("shd", "lra-text", "lra-retrieval", "lra-image")),
    *(f"tasks import {each}" for each in ("lra-listops", "lra-pathfinder", "enwik8")),
    "tasks show",
    "quickstart",
)


def command_of(name):
    import typer

    from apical.cli.app import app

    found = typer.main.get_command(app)
    for word in name.split():
        found = found.commands[word]
    return found


def test_these_are_all_commands():
    import typer

    from apical.cli.app import app

    assert set(typer.main.get_command(app).commands) == {name.split()[0] for name in COMMANDS}


@pytest.mark.parametrize("flag", ["", "--help", "-h"])
def test_the_overview_names_every_command(done, flag):
    overview = done(flag)
    for name in COMMANDS:
        assert re.search(rf"^  {name.split()[0]} +\w.+\.$", overview, re.MULTILINE), name
    assert "apical quickstart" in overview


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_usage_options_and_examples(done, name):
    told = done(f"{name} --help")
    assert told.startswith(f"Usage: apical {name} ")
    assert "\nOptions:\n" in told
    assert f"\n    apical {name}" in told.split("Examples:")[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_commands_that_parse(done, name):
    examples = re.findall(rf"^ +apical {name}(.*)$", done(f"{name} --help").split("Examples:")[1], re.MULTILINE)
    assert examples
    for example in examples:
        command_of(name).make_context(name, shlex.split(example))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name):
    for parameter in command_of(name).params:
        assert parameter.help, f"{name}: {parameter.name}"


def test_version(done):
    assert done("--version") == f"apical {version('apical')}\n"
