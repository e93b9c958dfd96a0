"""SIGKILL at any moment, of a worker or of the whole run: with --resume the store's bytes are an undisturbed run's."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from operator import itemgetter
from pathlib import Path

import psutil
import pytest

from apical.simulate import schema

NEURONS = {  # the first takes no time; the last two run in batches, of which there are more than one
    "lif": "lif --seconds 1 --trials 10",
    "cell": "nmda --seconds 0.2 --morphology {swc} --trials 10",
    "side by side": "nmda --seconds 0.5 --morphology {swc} --trials 10 "
    "--engine batched --set integration.precision=float64",
    "beside a GPU": "nmda --seconds 0.1 --morphology {swc} --trials 128 --device cuda",
}
PRETENDED = Path(__file__).parents[3] / "benchmarks" / "gpu" / "pretend"  # a CuPy whose GPU is this processor
A_GPU = {"PYTHONPATH": str(PRETENDED), "PRETENDED_TILES": "1"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, lasting_swc):
    """For a neuron: the arguments of a run, what it makes, and how long it takes."""

    @cache
    def of(neuron: str) -> tuple[list[str], dict[str, bytes], float]:
        arguments = NEURONS[neuron].format(swc=lasting_swc).split()
        out = tmp_path_factory.mktemp(neuron) / "whole.zarr"
        began = time.monotonic()
        finish(start(arguments, out))
        return arguments, contents(out), time.monotonic() - began

    return of


def start(arguments: list[str], out: Path, *more: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "apical.cli", "simulate", *arguments, "--workers", "2", "--out", out, *more],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | (A_GPU if "cuda" in arguments else {}),
    )


def finish(run: subprocess.Popen) -> str:
    """What the run says on standard error, after it has ended well."""
    _, said = run.communicate(timeout=300)
    assert run.returncode == 0, said
    return said


def contents(path: Path) -> dict[str, bytes]:
    """Every file of a store; of its own metadata not when and by which commit it was made."""
    found = {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    metadata = json.loads(found["zarr.json"])
    del metadata["attributes"]["provenance"]
    return found | {"zarr.json": json.dumps(metadata).encode()}


def kill_a_worker(run: subprocess.Popen, choose: Callable[[list[psutil.Process]], psutil.Process]) -> bool:
    """SIGKILL one of the run's processes that work, the oldest of which comes first; whether there was one."""
    with suppress(psutil.NoSuchProcess, IndexError):
        workers = [p for p in psutil.Process(run.pid).children() if "spawn_main" in "".join(p.cmdline())]
        choose(sorted(workers, key=psutil.Process.create_time)).kill()
        return True
    return False


def check(seed: int, undisturbed: tuple, out: Path) -> None:
    """Kill the run or workers of it at moments that the seed fixes, then let it finish."""
    arguments, whole, took_s = undisturbed
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 3)):
        run = start(arguments, out, "--resume")
        for _ in range(chance.randint(0, 2)):
            time.sleep(chance.uniform(0, took_s / 2))
            kill_a_worker(run, chance.choice)
        time.sleep(chance.uniform(0, took_s))
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        if out.exists():
            schema.open_dataset(out, complete=False)
    finish(start(arguments, out, "--resume"))
    found = contents(out)
    assert found.keys() == whole.keys()
    assert [name for name in whole if found[name] != whole[name]] == []


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bytes(undisturbed, tmp_path):
    check(0, undisturbed("lif"), tmp_path / "a.zarr")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 9))
def test_killed_at_random_moments(undisturbed, tmp_path, seed):
    check(seed, undisturbed("cell"), tmp_path / "a.zarr")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
def test_killed_while_trials_run_side_by_side(undisturbed, tmp_path, seed):
    check(seed, undisturbed("side by side"), tmp_path / "a.zarr")


@pytest.mark.slow
def test_killed_with_three_batches_in_hand(undisturbed, tmp_path):
    check(2, undisturbed("beside a GPU"), tmp_path / "a.zarr")


@pytest.mark.slow
def test_killed_workers_are_replaced_and_their_trials_run_again(undisturbed, tmp_path):
    arguments, whole, _ = undisturbed("lif")
    out = tmp_path / "a.zarr"
    run = start(arguments, out)
    killed = 0
    while run.poll() is None and killed < 2:
        done = len(list(out.glob("soma_v_mv/c/*")))
        # The oldest: Dask waits a minute at the end for one that was killed while it was starting
        killed += done > 2 + 3 * killed and kill_a_worker(run, itemgetter(0))
        time.sleep(0.02)
    said = finish(run)
    assert killed == 2
    assert "Traceback" not in said and "distributed" not in said
    assert contents(out) == whole
