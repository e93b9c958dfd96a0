"""What can go wrong in a run: one line that says it, nothing lost, and --resume makes the rest."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr

from apical.simulate import schema
from apical.simulate.config import Simulation
from apical.simulate.engine.interface import Unstable
from apical.simulate.run import dask_cluster, dataset, store, worker
from apical.simulate.run.summary import Summary
from apical.simulate.schema import InputError
from apical.simulate.trial.experiment import Experiment
from apical.simulate.trial.lif import LifNeuron


def contents(path: Path) -> dict[str, bytes]:
    """Every file of a store but the one that says when it was made."""
    files = (file for file in path.rglob("*") if file.is_file() and file != path / "zarr.json")
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def test_a_trial_that_goes_wrong_numerically_is_marked_and_the_rest_is_whole(quick, here, tmp_path, monkeypatch):
    good = dataset.simulate(quick, tmp_path / "good.zarr", 4, scheduler=here)
    wrong = {1: Unstable(50.0), 3: RuntimeError("hocobj_call error:\nCVode failed")}
    events, respond, now = Experiment._events, LifNeuron.respond_to_events, []
    monkeypatch.setattr(Experiment, "_events", lambda self, trial: (now.append(trial), events(self, trial))[1])
    monkeypatch.setattr(
        LifNeuron,
        "respond_to_events",
        lambda self, *given, **more: iter([wrong[now[-1]]]) if now[-1] in wrong else respond(self, *given, **more),
    )
    summary = Summary(quick.seconds)
    path = dataset.simulate(quick, tmp_path / "bad.zarr", 4, scheduler=here, report=summary.add)
    said = "2 failed, marked so, the rest is whole: "
    said += "trial 1: the voltage ran away at 50.000 ms; trial 3: hocobj_call error: CVode failed"
    assert summary.lines()[1] == said
    ds = schema.open_dataset(path)
    assert schema.read(ds, "trial_status").tolist() == [1, 2, 1, 2]
    assert np.isnan(schema.read(ds, "soma_v_mv", 3)).all()
    kept = [name for name in contents(good) if "/c/0" in name or "/c/2" in name or "input_spike" in name]
    assert kept and [name for name in kept if contents(path)[name] != contents(good)[name]] == []
    dataset.simulate(quick, path, 4, scheduler=here, resume=True, report=summary.add)
    assert summary.trials == 4  # failed ones would fail again


@pytest.mark.parametrize(
    "number, said",
    [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the disk is full"), (errno.EIO, "Input/output")],
)
def test_what_cannot_be_written_ends_the_run_and_resume_goes_on(quick, here, tmp_path, monkeypatch, number, said):
    good = dataset.simulate(quick, tmp_path / "good.zarr", 6, scheduler=here)
    room = [20]  # files until the disk is full: in the middle of the fourth trial

    def replace(self, target, replace=Path.replace):
        if "/full.zarr/" in str(self):
            room[0] -= 1
            if room[0] < 0:
                raise OSError(number, os.strerror(number))
        return replace(self, target)

    path = tmp_path / "full.zarr"
    with monkeypatch.context() as full:
        full.setattr(Path, "replace", replace)
        with pytest.raises(InputError, match=rf"trial \d cannot be written \(.*{said}.*--resume"):
            dataset.simulate(quick, path, 6, scheduler=here)
    done = schema.read(schema.open_dataset(path, complete=False), "trial_status")
    assert 0 < (done == schema.DONE).sum() < 6
    dataset.simulate(quick, path, 6, scheduler=here, resume=True)
    assert contents(path) == contents(good)


@pytest.mark.parametrize("cut", [0.5, 0, None], ids=["half", "empty", "flipped"])
@pytest.mark.parametrize(
    "name", ["soma_v_mv", "input_spike_synapse", "output_spike_time_ms", "trial_crc32", "trial_status"]
)
def test_a_damaged_chunk_is_found_and_made_again(quick, quick_store, here, name, cut):
    path, whole = quick_store, contents(quick_store)
    file = next(file for file in [path / name / "c" / "1", *(path / name / "c" / "1").rglob("*")] if file.is_file())
    found = bytearray(file.read_bytes())
    found[-1] ^= 1
    file.write_bytes(found if cut is None else found[: int(cut * len(found))])
    (path / name / "c" / "1.0123.partial").write_bytes(b"what a killed writer leaves")
    seen = []
    dataset.simulate(quick, path, 3, scheduler=here, resume=True, report=seen.append)
    assert [each.trial for each in seen] == [1]
    assert contents(path) == whole


@pytest.fixture
def quick_store(quick, here, tmp_path):
    return dataset.simulate(quick, tmp_path / "quick.zarr", 3, scheduler=here)


def test_a_trial_that_is_there_twice(quick, quick_store):
    zarr.open_group(quick_store, mode="r+")["trial"][2] = 0
    with pytest.raises(InputError, match=r"quick.zarr: variable 'trial' .* expected each trial number once"):
        dataset.simulate(quick, quick_store, 3, resume=True)


def test_a_store_that_another_run_writes_to(quick, quick_store):
    with store.held(quick_store):
        for how in ("resume", "append", "overwrite"):
            with pytest.raises(InputError, match="another run is writing to it"):
                dataset.simulate(quick, quick_store, 3, **{how: True})


def test_a_worker_that_finds_another_store_or_none(quick, quick_store, here, tmp_path):
    with pytest.raises(InputError, match=rf"nothere: worker {socket.gethostname()} does not see it"):
        worker.simulate_trials(quick, str(tmp_path / "nothere"), "id", [(0, 0)])
    with pytest.raises(InputError, match="was replaced while it was written"):
        worker.simulate_trials(quick, str(quick_store), "id of the former", [(0, 0)])


def test_a_store_of_another_configuration(quick, quick_store, here):
    other = {"seconds": 0.13, "record_fine": True}
    for field, value in other.items():
        for how in ("resume", "append"):
            with pytest.raises(
                InputError, match=rf"quick.zarr: was made with other settings \({field} .*, not {value}"
            ):
                dataset.simulate(quick.model_copy(update={field: value}), quick_store, 3, **{how: True})
    with pytest.raises(InputError, match="only one of --resume, --append and --overwrite"):
        dataset.simulate(quick, quick_store, 3, resume=True, append=True)


def test_a_store_from_before_a_field_was_added(quick, quick_store, here):
    """What the store does not say was at its default, so it can be finished; a field that is no more is named."""
    whole, attributes = contents(quick_store), dict(zarr.open_group(quick_store).attrs)
    had = json.loads(attributes["config"])
    del had["gaba_b_factor"], had["integration"]["fused"]
    schema.commit(quick_store, attributes | {"config": json.dumps(had)})
    (quick_store / "soma_v_mv" / "c" / "1" / "0").unlink()
    dataset.simulate(quick, quick_store, 3, scheduler=here, resume=True)
    assert contents(quick_store) == whole

    class Later(Simulation):
        entropy: float = 0.0

    later = Later.model_validate(quick.model_dump())
    assert later.dataset_id(None) == quick.dataset_id(None)
    assert later.model_copy(update={"entropy": 1.0}).dataset_id(None) != quick.dataset_id(None)
    schema.commit(quick_store, attributes | {"config": json.dumps(had | {"phlogiston": 1.0})})
    with pytest.raises(InputError, match=r"its configuration is of another apical \(field 'phlogiston'\)"):
        dataset.simulate(quick, quick_store, 3, resume=True)


@pytest.mark.parametrize(
    "scheduler, said",
    [
        ("tcp://127.0.0.1:9", "scheduler tcp://127.0.0.1:9: does not answer within 1 s; is `dask scheduler` running"),
        ("127.0.0.1:9", "scheduler 127.0.0.1:9: does not answer"),
        ("carrier-pigeon://coop", "scheduler carrier-pigeon://coop: is no address"),
        ("nothere.json", "scheduler nothere.json: no such scheduler file; give one, or an address: tcp://HOST:PORT"),
    ],
)
def test_a_scheduler_that_cannot_be_reached(quick, tmp_path, monkeypatch, scheduler, said):
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 1)
    with pytest.raises(InputError) as refused:
        dataset.simulate(quick, tmp_path / "a.zarr", 2, scheduler=scheduler)
    assert said in str(refused.value)
    assert list(tmp_path.glob("*.zarr")) == []


def test_a_scheduler_file_that_is_none(quick, tmp_path):
    for content in ("hello", "{}"):
        (tmp_path / "scheduler.json").write_text(content)
        with pytest.raises(InputError, match=r"scheduler .*scheduler.json: is no scheduler file"):
            dataset.simulate(quick, tmp_path / "a.zarr", 2, scheduler=str(tmp_path / "scheduler.json"))


@pytest.fixture
def mounted(tmp_path):
    """A function that mounts a quick file system of its own, with the options given."""
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


@pytest.mark.slow
def test_a_full_disk(mounted):
    """A file system of 400 KB takes some trials; with more room, --resume makes the rest."""
    disk = mounted("size=400k")
    run = f"lif --seconds 0.5 --trials 60 --workers 2 --out {disk}/a.zarr"
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


def test_a_file_system_that_is_read_only(quick, mounted):
    disk = mounted("ro")
    with pytest.raises(InputError, match=r"a.zarr: cannot be written \(Permission denied in .*disk\)"):
        dataset.simulate(quick, disk / "a.zarr", 1)
