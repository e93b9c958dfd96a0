"""`make` does its own set-up, and says in one line what it lacks. Nothing is installed here."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

TESTS = "OMP_NUM_THREADS=1 .venv/bin/pytest -n logical --dist loadfile"
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not there")


@pytest.fixture
def make(tmp_path):
    """Runs make in a folder that has only what it reads."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)

    # what a make that started these tests was told is not for this one
    told = {"MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "ARGS", "PYTHON", "CXX"}
    environment = {name: value for name, value in os.environ.items() if name not in told}

    def run(*arguments):
        return subprocess.run(["make", *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("test", "PYTHON=no-such-python"), "no-such-python is missing or too old: apical needs Python 3.11 or newer"),
        (("quickstart", "PYTHON=false"), "false is missing or too old: apical needs Python 3.11 or newer"),
        (("test", "CXX=no-such-compiler"), "no C++ compiler (no-such-compiler) for the ion channels"),
    ],
)
def test_what_is_missing_is_said_in_one_line(make, tmp_path, arguments, message):
    done = make(*arguments)
    assert done.returncode != 0
    said = done.stderr.splitlines()
    assert said[0].startswith(message)
    assert all(line.startswith("make") for line in said[1:])
    assert not (tmp_path / ".venv").exists()


def test_set_up_comes_first_and_once(make, tmp_path):
    planned = make("--dry-run", "test").stdout
    assert "-m venv .venv" in planned
    assert "-c constraints.txt -e '.[test]'" in planned
    assert planned.splitlines()[-1] == f"{TESTS} "

    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/.test-ready").touch()
    assert make("--dry-run", "test").stdout.splitlines() == [f"{TESTS} "]
    (tmp_path / "constraints.txt").write_text("torch==0")
    assert "pip install" in make("--dry-run", "test", "-W", "constraints.txt").stdout


def test_arguments_are_passed_on(make):
    command = make("--dry-run", "-o", ".venv/.test-ready", "test", 'ARGS=-m "slow or not slow"').stdout
    assert command == f'{TESTS} -m "slow or not slow"\n'


def test_every_dependency_is_pinned():
    pins = dict(re.findall(r"^([\w.-]+)==([\w.]+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    assert pins["torch"] == "2.13.0"  # no local tag such as +cpu: the pin holds for every build
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(name for extra in project["optional-dependencies"].values() for name in extra)]
    names = {re.match(r"[\w.-]+", requirement)[0] for requirement in asked} - {"apical"}
    normal = {re.sub(r"[-_.]+", "-", name).lower() for name in pins}
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in names} <= normal


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ((), "1 passed, 1 deselected"),
        (("-m", "slow"), "1 passed, 1 deselected"),
        (("-m", "slow or not slow"), "2 passed"),
    ],
)
def test_slow_tests_wait_until_asked_for(tmp_path, marks, expected):
    (tmp_path / "test_two.py").write_text(
        "import pytest\ndef test_quick(): pass\n@pytest.mark.slow\ndef test_slow(): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, "-v", *marks]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    said = subprocess.run([*command, tmp_path], cwd=tmp_path, env=environment, capture_output=True, text=True).stdout
    assert expected in said
    assert ("test_slow PASSED" in said) == bool(marks)
