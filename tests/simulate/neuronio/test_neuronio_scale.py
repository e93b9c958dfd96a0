"""Importing many and large NeuronIO files: memory is bounded, files are read side by side, and a kill loses nothing."""

from __future__ import annotations

import errno
import os
import pickle
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from apical.simulate import schema
from apical.simulate.neuronio import array_pickle
from apical.simulate.neuronio.importing import import_neuronio
from apical.simulate.schema import InputError

# getrusage would count what pytest held when it started this process
MEASURED = """
import re, sys
from pathlib import Path
from apical.simulate.neuronio.importing import import_neuronio
import_neuronio(sys.argv[1:2], sys.argv[2])
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""

# Python runs it first, in the workers too: the one that is about to say of its third trial that it is there kills all
KILLING = """
import os, signal, sys
left = 3

def hook(event, arguments):
    global left
    if event == "os.rename" and "trial_status/c/" in os.fspath(arguments[1]):
        left -= 1
        if not left:
            os.killpg(0, signal.SIGKILL)

sys.addaudithook(hook)
"""


@pytest.fixture(scope="module")
def three(write_neuronio, tmp_path_factory):
    """Three files of 4, 3 and 5 trials, and the store that an undisturbed import makes of them."""
    folder = tmp_path_factory.mktemp("three")
    files = [
        write_neuronio(folder / f"{n}.p", n_trials=n, n_segments=40, spikes=30, dendrites=True, seed=n)
        for n in (4, 3, 5)
    ]
    return files, import_neuronio(files, folder / "whole.zarr")


def contents(store):
    return {path.relative_to(store): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def written(store):
    folder = store.with_name(f"{store.name}.partial") / "trial_status" / "c"
    return sum(not path.name.endswith(".partial") for path in folder.iterdir()) if folder.is_dir() else 0


def refused(message, *arguments, **options):
    with pytest.raises(InputError, match=message) as caught:
        import_neuronio(*arguments, **options)
    assert str(caught.value).isprintable()


def test_python_reads_the_made_up_files_alike(three):
    for file in three[0]:
        with file.open("rb") as opened:
            plain = pickle.load(opened, encoding="latin1")
        found = array_pickle.load(file)
        assert found["Params"] == plain["Params"]
        trials = [content["Results"]["listOfSingleSimulationDicts"] for content in (plain, found)]
        for there, here in zip(*trials, strict=True):
            assert there.keys() == here.keys()
            for name, values in there.items():
                if isinstance(values, dict):
                    assert {n: list(times) for n, times in values.items()} == {
                        n: list(t) for n, t in here[name].items()
                    }
                    assert isinstance(here[name][1], np.ndarray)  # read in one step
                else:
                    np.testing.assert_array_equal(values, np.asarray(here[name]))


def test_workers_make_the_same_store_as_one_process(three, tmp_path):
    files, whole = three
    assert contents(import_neuronio(files, tmp_path / "out.zarr", workers=3)) == contents(whole)
    assert not (tmp_path / "out.zarr.partial").exists()


def kill_when(files, out, moment):
    """Import in a process group that is killed once `moment(out)` is true; False where it had ended by then."""
    command = [sys.executable, "-m", "apical.cli", "import-neuronio", *files, "--out", out, "--workers", "2"]
    resume = ["--resume"] if out.with_name(f"{out.name}.partial").exists() else []
    running = subprocess.Popen([*command, *resume], start_new_session=True, stderr=subprocess.DEVNULL)
    while running.poll() is None and not moment(out):
        time.sleep(0.002)
    killed = running.poll() is None
    if killed:
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    return killed


def test_after_a_kill_resume_makes_the_same_store(three, tmp_path):
    files, whole = three
    out = tmp_path / "out.zarr"
    (tmp_path / "sitecustomize.py").write_text(KILLING)
    command = [sys.executable, "-m", "apical.cli", "import-neuronio", *files, "--out", out, "--workers", "2"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    killed = subprocess.run(command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL)
    assert killed.returncode == -signal.SIGKILL
    assert 2 <= written(out) <= 4
    assert not out.exists()
    refused(r"out\.zarr\.partial: an import that was stopped; give --resume to go on", files, out)
    done = []
    import_neuronio(files, out, resume=True, report=lambda what, *each: done.append((what, *each)))
    assert next(total for what, _, total in done if what == "Importing") <= 10  # not from the beginning
    assert contents(out) == contents(whole)


@pytest.mark.slow
def test_after_any_number_of_kills_at_any_moment(three, tmp_path):
    files, whole = three
    for seed in range(3):
        out, moment = tmp_path / f"{seed}.zarr", random.Random(seed)
        first, n_written = time.monotonic() + moment.uniform(0, 4), moment.randrange(12)
        kill_when(files, out, lambda _, first=first: time.monotonic() > first)
        kill_when(files, out, lambda out, n_written=n_written: written(out) > n_written)
        assert contents(import_neuronio(files, out, resume=True, overwrite=True)) == contents(whole)


def test_a_worker_that_dies_is_said_and_loses_nothing(three, tmp_path, monkeypatch):
    files, whole = three
    out = tmp_path / "out.zarr"
    (tmp_path / "sitecustomize.py").write_text(KILLING.replace("os.killpg(0,", "os.kill(os.getpid(),"))
    with monkeypatch.context() as patched:
        patched.setenv("PYTHONPATH", str(tmp_path))
        refused("a worker process died .*--resume", files, out, workers=2)
    assert contents(import_neuronio(files, out, workers=2, resume=True)) == contents(whole)


@pytest.mark.parametrize(
    ("where", "kth"),
    [
        ("multiprocessing.popen_spawn_posix.Popen._launch", 2),
        ("apical.simulate.processes._received", 3),
    ],
    ids=["a worker starts", "workers read"],
)
def test_an_interrupt_ends_in_one_line(three, interrupted, where, kth):
    """Ctrl-C reaches the workers too, wherever they are: none of them has anything to say about it."""
    interrupted(f"import-neuronio {' '.join(map(str, three[0]))} --out out.zarr --workers 2", where, kth)


def test_a_full_disk_is_said_and_loses_nothing(three, tmp_path, monkeypatch):
    files, whole = three
    out, write = tmp_path / "out.zarr", schema.write_trial

    def full(path, position, arrays):
        if position == 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, position, arrays)

    with monkeypatch.context() as patched:
        patched.setattr(schema, "write_trial", full)
        refused("cannot be written .No space left on device.; .*--resume", files, out)
    assert written(out) == 5
    assert contents(import_neuronio(files, out, resume=True)) == contents(whole)


def test_resume_of_what_is_whole_changes_nothing_and_finds_what_was_lost(three, tmp_path):
    files, whole = three
    out = tmp_path / "out.zarr"
    shutil.copytree(whole, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    import_neuronio(files, out, resume=True)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    (out / "soma_v_mv" / "c" / "6" / "0").unlink()
    import_neuronio(files, out, resume=True)
    assert contents(out) == contents(whole)


def test_resume_with_nothing_there_begins(three, tmp_path):
    files, whole = three
    half = tmp_path / "out.zarr.partial"
    half.mkdir()
    (half / "zarr.json").write_text("{")  # killed while the store was being made
    assert contents(import_neuronio(files, tmp_path / "out.zarr", resume=True)) == contents(whole)


def test_resume_with_other_files_is_refused(three, make_dataset, tmp_path):
    files, whole = three
    before = contents(whole)
    for other in (files[:2], files[::-1]):
        refused(r"whole\.zarr: was not made from these files \(4\.p, 3\.p, 5\.p\)", other, whole, resume=True)
    refused(r"was not made from these files \(a simulation\)", files, make_dataset(), resume=True)
    assert contents(whole) == before


def test_an_old_store_is_not_replaced_by_resume_alone(three, tmp_path):
    files, whole = three
    out = tmp_path / "out.zarr"
    shutil.copytree(whole, out)
    shutil.copytree(whole, tmp_path / "out.zarr.partial")
    refused("exists already; give --overwrite", files, out, resume=True)
    import_neuronio(files, out, resume=True, overwrite=True)
    assert not (tmp_path / "out.zarr.partial").exists()


def test_one_bad_file_of_many_stops_all_before_anything_is_written(three, tmp_path):
    files, _ = three
    cut = tmp_path / "cut.p"
    cut.write_bytes(files[0].read_bytes()[:-1000])
    refused(r"cut\.p: a truncated pickle", [*files, cut], tmp_path / "out.zarr", workers=2)
    shutil.copy(files[1], tmp_path / "copy.p")
    refused(r"copy\.p: has the same trials as .*3\.p", [*files, tmp_path / "copy.p"], tmp_path / "out.zarr", workers=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.p", "cut.p"]


def test_a_place_that_cannot_be_written_is_said_before_files_are_read(three, tmp_path):
    (tmp_path / "file").touch()
    refused("cannot be written .*file is a file", [tmp_path / "nothing.p"], tmp_path / "file" / "out.zarr")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission(three, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o555)
    refused("cannot be written .Permission denied.", three[0], tmp_path / "closed" / "out.zarr")
    assert list((tmp_path / "closed").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("dendrites", [False, True], ids=["plain", "dendrites"])
def test_a_full_size_file_takes_less_than_a_gigabyte(write_neuronio, tmp_path, dendrites):
    """128 trials of 6 s, 1278 synapses with 100 spikes each: 640 MB, and with dendrites 1.6 GB, may take 2 GB."""
    file = write_neuronio(tmp_path / "full.p", n_trials=128, dendrites=dendrites)
    assert file.stat().st_size > (1_600_000_000 if dendrites else 640_000_000)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, file, tmp_path / "out.zarr"], capture_output=True, text=True, check=True
    )
    file.unlink()
    assert int(re.fullmatch(r"(\d+)\n", done.stdout)[1]) < 1000
    ds = schema.open_dataset(tmp_path / "out.zarr")
    assert ds.sizes["trial"] == 128
    assert np.isfinite(schema.read(ds, "output_spike_time_ms")).all(axis=1).all()
