"""What can go wrong in a run: one line that says it, nothing lost, and --resume makes the rest."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import zarr

from apical.simulate import cluster, config, dataset, schema, store, worker
from apical.simulate.schema import InputError
from apical.simulate.trial import Trial

RUN = "--seconds 0.1 --workers 2"


@pytest.fixture
def small(swc):
    return config.nmda().model_copy(update={"morphology": str(swc()), "seconds": 0.12, "seed": 5})


class QuickCell:
    """Stands for a cell of two segments: trials take no time, and `faults` names those that go wrong."""

    def __init__(self, configuration, faults=()):
        self.config, self.faults = configuration, dict(faults)
        self.tree, self.length_um = np.array(["basal", "apical"]), np.ones(2)
        segments = [SimpleNamespace(section=0, x=0.5, distance_um=10.0)] * 2
        self.cell = SimpleNamespace(segments=segments, close=lambda: None)
        self.synapses = SimpleNamespace(
            sign=np.array([1, 1, -1, -1], "i1"), receptor=np.array(["A"] * 4), segment=np.array([0, 1, 0, 1])
        )

    def run(self, trial):
        rng = np.random.default_rng([self.config.seed, trial])
        time_ms = np.arange(0, self.config.duration_ms + 0.1, 0.25)
        v_mv = -70 + rng.random(len(time_ms))
        if trial in self.faults:
            v_mv[time_ms >= 50] = self.faults[trial]
        return Trial(rng.random((4, self.config.duration_ms)) < 0.1, time_ms, v_mv)


def workers_here():
    from distributed import LocalCluster

    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "memory_limit": 0, "protocol": "tcp"}
    return LocalCluster(**options, dashboard_address="127.0.0.1:0")


@pytest.fixture
def here(monkeypatch):
    """Address of a scheduler with a worker in this process, whose trials take no time; `faults` is for the test."""
    faults = {}
    monkeypatch.setattr(worker, "_experiment", lambda configuration: QuickCell(configuration, faults))
    with workers_here() as running:
        yield SimpleNamespace(address=running.scheduler_address, faults=faults)


def contents(path: Path) -> dict[str, bytes]:
    """Every file of a store but the one that says when it was made."""
    files = (file for file in path.rglob("*") if file.is_file() and file != path / "zarr.json")
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def test_a_trial_that_goes_wrong_numerically_is_marked_and_the_rest_is_whole(small, here, tmp_path):
    good = dataset.simulate(small, tmp_path / "good.zarr", 5, scheduler=here.address)
    here.faults.update({1: np.nan, 3: 1e4, 4: -np.inf})
    seen = []
    path = dataset.simulate(small, tmp_path / "bad.zarr", 5, scheduler=here.address, report=seen.append)
    faults = {each.trial: each.outcome.fault for each in seen}
    assert faults == {
        0: "",
        1: "soma voltage nan mV at 50 ms",
        2: "",
        3: "soma voltage 1e+04 mV at 50 ms",
        4: "soma voltage -inf mV at 50 ms",
    }
    assert schema.read(schema.open_dataset(path), "trial_status").tolist() == [1, 2, 1, 2, 2]
    same = [name for name, found in contents(path).items() if found == contents(good)[name]]
    assert {name for name in contents(good) if "/c/0" in name or "/c/2" in name} <= set(same)
    dataset.simulate(small, path, 5, scheduler=here.address, resume=True, report=seen.append)
    assert len(seen) == 5  # failed ones would fail again


def test_an_error_of_neuron_is_a_failed_trial_too(small, here, tmp_path, monkeypatch):
    def run(self, trial, run=QuickCell.run):
        if trial == 1:
            raise RuntimeError("hocobj_call error: CVode failed")
        return run(self, trial)

    monkeypatch.setattr(QuickCell, "run", run)
    seen = []
    path = dataset.simulate(small, tmp_path / "a.zarr", 3, scheduler=here.address, report=seen.append)
    assert {each.trial: each.outcome.fault for each in seen}[1] == "NEURON: hocobj_call error: CVode failed"
    ds = schema.open_dataset(path)
    assert schema.read(ds, "trial_status").tolist() == [1, 2, 1]
    assert np.isnan(schema.read(ds, "soma_v_mv", 1)).all()


@pytest.mark.parametrize(
    "number, said",
    [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the disk is full"), (errno.EIO, "Input/output")],
)
def test_what_cannot_be_written_ends_the_run_and_resume_goes_on(small, here, tmp_path, monkeypatch, number, said):
    good = dataset.simulate(small, tmp_path / "good.zarr", 6, scheduler=here.address)
    room = [20]  # files until the disk is full: in the middle of the fourth trial

    def replace(self, target, replace=Path.replace):
        if "full.zarr/" in str(self):
            room[0] -= 1
            if room[0] < 0:
                raise OSError(number, os.strerror(number))
        return replace(self, target)

    path = tmp_path / "full.zarr"
    with monkeypatch.context() as full:
        full.setattr(Path, "replace", replace)
        with pytest.raises(InputError, match=rf"trial \d cannot be written \(.*{said}.*--resume"):
            dataset.simulate(small, path, 6, scheduler=here.address)
    done = schema.read(schema.open_dataset(path, complete=False), "trial_status")
    assert 0 < (done == schema.DONE).sum() < 6
    dataset.simulate(small, path, 6, scheduler=here.address, resume=True)
    assert contents(path) == contents(good)


@pytest.mark.parametrize("cut", [0.5, 0, None], ids=["half", "empty", "flipped"])
@pytest.mark.parametrize("name", ["soma_v_mv", "input_spikes", "output_spike_time_ms", "trial_crc32", "trial_status"])
def test_a_damaged_chunk_is_found_and_made_again(small, quick_store, here, name, cut):
    path, whole = quick_store, contents(quick_store)
    file = next(file for file in [path / name / "c" / "1", *(path / name / "c" / "1").rglob("*")] if file.is_file())
    found = bytearray(file.read_bytes())
    found[-1] ^= 1
    file.write_bytes(found if cut is None else found[: int(cut * len(found))])
    (path / name / "c" / "1.0123.partial").write_bytes(b"what a killed writer leaves")
    seen = []
    dataset.simulate(small, path, 3, scheduler=here.address, resume=True, report=seen.append)
    assert [each.trial for each in seen] == [1]
    assert contents(path) == whole


@pytest.fixture
def quick_store(small, here, tmp_path):
    return dataset.simulate(small, tmp_path / "quick.zarr", 3, scheduler=here.address)


def test_a_trial_that_is_there_twice(small, quick_store):
    zarr.open_group(quick_store, mode="r+")["trial"][2] = 0
    with pytest.raises(InputError, match=r"quick.zarr: trial 0 is there twice; make it again with --overwrite"):
        dataset.simulate(small, quick_store, 3, resume=True)


def test_a_store_that_another_run_writes_to(small, quick_store):
    with store.held(quick_store):
        for how in ("resume", "append", "overwrite"):
            with pytest.raises(InputError, match="another run is writing to it"):
                dataset.simulate(small, quick_store, 3, **{how: True})


def test_a_worker_that_finds_another_store_or_none(small, quick_store, here, tmp_path):
    with pytest.raises(InputError, match=rf"nothere: worker {socket.gethostname()} does not see it"):
        worker.simulate_trial(small, str(tmp_path / "nothere"), "id", 0, 0)
    with pytest.raises(InputError, match="was replaced while it was written"):
        worker.simulate_trial(small, str(quick_store), "id of the former", 0, 0)


def test_a_store_of_another_configuration(small, quick_store, here):
    other = {"seconds": 0.13, "sk_e2_factor": 0.5, "excitatory": "AMPA", "record_fine": True}
    for field, value in other.items():
        for how in ("resume", "append"):
            with pytest.raises(
                InputError, match=rf"quick.zarr: was made with other settings \({field} .*, not {value}"
            ):
                dataset.simulate(small.model_copy(update={field: value}), quick_store, 3, **{how: True})
    Path(small.morphology).write_text(Path(small.morphology).read_text() + "\n")
    with pytest.raises(InputError, match="other settings \\(morphology or parameter set had another content"):
        dataset.simulate(small, quick_store, 3, resume=True)
    with pytest.raises(InputError, match="only one of --resume, --append and --overwrite"):
        dataset.simulate(small, quick_store, 3, resume=True, append=True)


@pytest.mark.parametrize(
    "scheduler, said",
    [
        ("tcp://127.0.0.1:9", "scheduler tcp://127.0.0.1:9: does not answer within 1 s; is `dask scheduler` running"),
        ("127.0.0.1:9", "scheduler 127.0.0.1:9: does not answer"),
        ("carrier-pigeon://coop", "scheduler carrier-pigeon://coop: is no address"),
        ("nothere.json", "scheduler nothere.json: no such scheduler file; give one, or an address: tcp://HOST:PORT"),
    ],
)
def test_a_scheduler_that_cannot_be_reached(small, tmp_path, monkeypatch, scheduler, said):
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    with pytest.raises(InputError) as refused:
        dataset.simulate(small, tmp_path / "a.zarr", 2, scheduler=scheduler)
    assert said in str(refused.value)
    assert list(tmp_path.glob("*.zarr")) == []


def test_a_scheduler_file_that_is_none(small, tmp_path):
    for content in ("hello", "{}"):
        (tmp_path / "scheduler.json").write_text(content)
        with pytest.raises(InputError, match=r"scheduler .*scheduler.json: is no scheduler file"):
            dataset.simulate(small, tmp_path / "a.zarr", 2, scheduler=str(tmp_path / "scheduler.json"))


@pytest.fixture
def mounted(tmp_path):
    """A function that mounts a small file system of its own, with the options given."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no tmpfs can be mounted here ({done.stderr.strip()}): it takes root")
        return folder

    yield mount
    subprocess.run(["umount", folder], capture_output=True)


def simulate_command(arguments: str, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "apical.cli", "simulate", *arguments.split()]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


def test_a_full_disk(small, mounted):
    """A file system of 400 KB takes some trials; with more room, --resume makes the rest."""
    disk = mounted("size=400k")
    run = f"nmda --morphology {small.morphology} --seconds 0.1 --trials 60 --workers 2 --out {disk}/a.zarr"
    done = simulate_command(run)
    assert done.returncode == 2, done.stderr
    assert "the disk is full" in done.stderr.splitlines()[-1] and "--resume" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    status = schema.read(schema.open_dataset(disk / "a.zarr", complete=False), "trial_status")
    assert 0 < (status == schema.DONE).sum() < 60
    subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
    done = simulate_command(f"{run} --resume")
    assert done.returncode == 0, done.stderr
    schema.open_dataset(disk / "a.zarr", "simulation")


def test_a_file_system_that_is_read_only(small, mounted):
    disk = mounted("ro")
    with pytest.raises(InputError, match=r"a.zarr: cannot be written \(Permission denied in .*disk\)"):
        dataset.simulate(small, disk / "a.zarr", 1)
