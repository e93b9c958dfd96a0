"""The checks for a GPU, dry: the same commands at toy size, with this processor in its place; and what runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "gpu"


@pytest.fixture
def runner(monkeypatch):
    """benchmarks/gpu/run.py as a module."""
    monkeypatch.syspath_prepend(FOLDER)
    for name in ("run", "checks"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import run

    yield run
    for name in ("run", "checks"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def check(runner, name, program, limit_s=30, **options):
    return runner.Check(name, limit_s, [sys.executable, "-c", program], **options)


def test_each_has_its_limit_and_none_stops_another(runner, tmp_path):
    """The third begins a process with a session of its own, as compilers have here; it must not outlive the check."""
    child = "subprocess.Popen(['sleep', '300'], start_new_session=True)"
    hanging = f"import subprocess, time; print({child}.pid, flush=True); time.sleep(300)"
    chosen = [
        check(runner, "mechanisms", "print('compiled')", compiled=False),
        check(runner, "fails", "import nothing_of_this_name"),
        check(runner, "hangs", hanging, limit_s=1),
        check(runner, "counts", "print('pace 1.0'); print('pace   2.5')", key=r"^pace (.*)"),
        check(runner, "counters", "", needs="no-program-of-this-name"),
    ]
    found = {each.name: each for each in runner.run(chosen, tmp_path, {"PATH": "/usr/bin:/bin"}, 60)}
    assert {name: each.how for name, each in found.items()} == {
        "mechanisms": "0",
        "fails": "1",
        "hangs": "too long",
        "counts": "0",
        "counters": "left out: no no-program-of-this-name",
    }
    assert found["counts"].figure == "2.5"
    assert "ModuleNotFoundError" in (tmp_path / "fails.log").read_text()
    assert found["hangs"].s < 20
    pid = (tmp_path / "hangs.log").read_text().split()[-1]
    state = Path("/proc", pid, "stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_what_does_not_fit_is_left_out(runner, tmp_path):
    chosen = [check(runner, name, "") for name in ("first", "second")]
    found = runner.run(chosen, tmp_path, {"PATH": "/usr/bin:/bin"}, runner.LEAST_S - 1)
    assert [each.how for each in found] == ["left out: no time"] * 2


def test_names_are_told_and_an_unknown_one_is_refused(tmp_path):
    told = subprocess.run([sys.executable, FOLDER / "run.py", "nothing"], capture_output=True, text=True)
    assert told.returncode == 2
    assert "unknown: nothing" in told.stdout and "tests-batched" in told.stdout


@pytest.mark.slow
def test_a_part_of_the_dry_run(tmp_path):
    """On this processor; the whole takes minutes: benchmarks/gpu/README.md."""
    names = ["kernel", "end-to-end-2112", "side-by-side", "fit-elm-20", "recurrence", "elm-network", "population"]
    command = [sys.executable, FOLDER / "run.py", *names, "--dry-run", "--out", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    table = (tmp_path / "table.txt").read_text().splitlines()[1:]
    assert sorted(line.split()[0] for line in table) == sorted(names)
    assert all(line.split()[1] == "0" for line in table)
    assert "simulated s per s, kernel" in (tmp_path / "end-to-end-2112.log").read_text()
    assert "largest difference from the CPU: outputs" in (tmp_path / "elm-network.log").read_text()
