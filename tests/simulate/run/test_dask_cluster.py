"""Workers that are there already: docs/guides/scale_out.md, run on this machine as far as it goes without SLURM."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from apical.simulate import presets, schema
from apical.simulate.mechanisms.library import announce
from apical.simulate.run import dataset
from apical.simulate.run.dask_cluster import PER_WORKER, connected, spread
from apical.simulate.schema import InputError

PAGE = (Path(__file__).parents[3] / "docs" / "guides" / "scale_out.md").read_text()


@pytest.fixture
def small(swc):
    return presets.nmda().model_copy(update={"morphology": str(swc()), "seconds": 0.1, "seed": 5})


@pytest.fixture
def started(tmp_path):
    """The page's scheduler and workers, as processes of their own: name to process."""
    running = {}
    for line in re.findall(r"^dask (scheduler|worker) (.*)$", PAGE, re.M):
        more = ["--host", "127.0.0.1", "--no-dashboard", *(["--port", "0"] if line[0] == "scheduler" else [])]
        running[line[0]] = subprocess.Popen(
            [sys.executable, "-m", "dask", line[0], *line[1].split(), *more],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    deadline = time.monotonic() + 60
    while not (tmp_path / "scheduler.json").is_file() and time.monotonic() < deadline:
        time.sleep(0.1)
    yield running
    for process in running.values():
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_the_page_s_scheduler_and_workers(small, started, tmp_path, monkeypatch):
    """They make what our own make, though they run in another folder; when they go away, one line says so."""
    here = dataset.simulate(small, tmp_path / "here.zarr", 3)
    monkeypatch.chdir(tmp_path.parent)
    there = os.path.relpath(tmp_path / "there.zarr")
    seen = []
    dataset.simulate(small, there, 3, scheduler=str(tmp_path / "scheduler.json"), dashboard=seen.append)
    for name in ("input_spikes", "soma_v_mv", "output_spike_time_ms", "trial_crc32"):
        one, other = (schema.read(schema.open_dataset(path), name) for path in (here, there))
        assert (one == other).all() or name == "output_spike_time_ms"
    monkeypatch.setattr("apical.simulate.run.dask_cluster.CONNECT_S", 5)  # a busy machine takes more than one
    end = lambda progress: progress.done == 2 and os.kill(started["scheduler"].pid, signal.SIGKILL)  # noqa: E731
    with pytest.raises(InputError, match=r"scheduler .*scheduler.json: the connection is lost; .*--resume"):
        dataset.simulate(small, tmp_path / "lost.zarr", 50, scheduler=str(tmp_path / "scheduler.json"), report=end)
    left = dataset.simulate(small, tmp_path / "lost.zarr", resume=True, workers=2)
    assert (schema.read(schema.open_dataset(left), "trial_status") == schema.DONE).all()


def test_workers_are_quiet_from_start_to_end_and_leave_nothing_behind(tmp_path, monkeypatch):
    """Neither files, nor OMP_NUM_THREADS, which Dask sets to 1 in the process that starts workers: a fit may follow."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = dict(os.environ)
    level = "{__import__('logging').getLogger(name).level for name in ('distributed', 'tornado.application')}"
    with connected(1, None, announce) as client:
        assert list(client.run(eval, level).values()) == [{logging.CRITICAL}]
        assert any(tmp_path.iterdir())
    assert dict(os.environ) == before
    assert list(tmp_path.iterdir()) == []


def test_only_a_few_trials_are_in_flight(here):
    """However many there are: as many as the workers take, and as many again."""
    with connected(1, here, announce) as client:
        began, ended = [], []
        tasks = ((began.append(n) or n,) for n in range(200))
        for (n,), future in spread(client, abs, tasks):
            ended.append(n)
            assert future.result() == n
            assert len(began) - len(ended) < PER_WORKER
    assert sorted(ended) == list(range(200))


def test_the_page_s_slurm_cluster():
    """What goes to sbatch; without SLURM it is not sent."""
    heard_by = signal.getsignal(signal.SIGINT)
    pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed: pip install 'apical[cluster]'")
    signal.signal(signal.SIGINT, heard_by)  # which its import takes over, for every test after this one
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    page: dict = {"__name__": "page"}
    exec(compile(code, "docs/guides/scale_out.md", "exec"), page)
    with page["slurm_cluster"]() as cluster:
        script = cluster.job_script()
        assert cluster.scheduler_address.startswith("tcp://")
    for line in ("#SBATCH -p cpu", "#SBATCH --cpus-per-task=16", "#SBATCH -t 08:00:00", "XDG_CACHE_HOME"):
        assert line in script
    (worker,) = (line for line in script.splitlines() if "distributed.cli.dask_worker" in line)
    assert "--nthreads 1 " in worker and "--nworkers 16 " in worker
    assert worker.rstrip().endswith("--memory-limit 0")  # dask-jobqueue's own limit stands before it
