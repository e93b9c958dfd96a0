"""What a GPU's faults come to: one line each, or a run that goes on. A CuPy without a GPU stands in for a real one."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from apical.simulate import schema
from apical.simulate.engine.batched import gpu
from apical.simulate.run import dataset
from apical.simulate.schema import InputError
from apical.simulate.trial.experiment import Experiment

TILE = 2  # trials, of the GPU that conftest.py pretends


def same(one: Path, other: Path) -> None:
    ours, theirs = (schema.open_dataset(path) for path in (one, other))
    for name in theirs.data_vars:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "error", [MemoryError("Out of memory allocating 4,096 bytes"), RuntimeError("cudaErrorMemoryAllocation: full")]
)
def test_out_of_memory_halves_the_trials_and_goes_on(cupy, cell, here, tmp_path, monkeypatch, caplog, error):
    """Another process takes memory once the run has begun: five trials are three tiles, then two, then one."""
    monkeypatch.setitem(cupy.cuda.Device.attributes, "MultiProcessorCount", 4)
    begun, launch = [], gpu.Gpu.launch

    def full(self, tiles, *arguments):
        begun.append(tiles)
        if tiles > 1:
            raise error
        launch(self, tiles, *arguments)

    monkeypatch.setattr(gpu.Gpu, "launch", full)
    with caplog.at_level(logging.WARNING, "apical"):
        dataset.simulate(cell, tmp_path / "cuda.zarr", 5, scheduler=here, device="cuda")
    tiles = [tiles for tiles, before in zip(begun, [0, *begun], strict=False) if tiles != before]
    assert tiles == [3, 2, 1]
    told = [record.getMessage() for record in caplog.records if record.name.startswith("apical")]
    assert [each.partition(" trials")[0] for each in told] == ["out of memory with 5", "out of memory with 4"]
    assert [each.rpartition("; ")[2] for each in told] == ["going on with 4", "going on with 2"]
    dataset.simulate(cell, tmp_path / "cpu.zarr", 5, scheduler=here)
    same(tmp_path / "cuda.zarr", tmp_path / "cpu.zarr")


@pytest.mark.slow
def test_a_gpu_that_is_lost_is_told_and_the_run_resumes(cupy, cell, here, tmp_path, monkeypatch):
    """In the second batch: the first one's trials are there, and --resume makes the rest alone."""
    monkeypatch.setitem(cupy.cuda.Device.attributes, "MultiProcessorCount", 1)
    launch, launched, lost = gpu.Gpu.launch, [], [True]

    def failing(self, tiles, *arguments):
        launched.append(tiles)
        if lost[0] and len(launched) > 2:  # a batch of 30 ms is two launches
            raise RuntimeError("cudaErrorDevicesUnavailable: CUDA-capable device(s)\nis/are busy or unavailable")
        launch(self, tiles, *arguments)

    monkeypatch.setattr(gpu.Gpu, "launch", failing)
    out = tmp_path / "cuda.zarr"
    with pytest.raises(InputError, match=r"the GPU failed \(cudaErrorDevicesUnavailable.*--resume goes on") as told:
        dataset.simulate(cell, out, 2 * TILE, scheduler=here, device="cuda")
    assert "\n" not in str(told.value)
    done = schema.open_dataset(out, complete=False)["trial_status"].values == schema.DONE
    assert done.tolist() == [True] * TILE + [False] * TILE
    lost[0], launched[:] = False, []
    dataset.simulate(cell, out, scheduler=here, device="cuda", resume=True)
    assert len(launched) == 2
    dataset.simulate(cell, tmp_path / "cpu.zarr", 2 * TILE, scheduler=here)
    same(out, tmp_path / "cpu.zarr")


@pytest.mark.slow
def test_the_next_batch_is_drawn_while_the_gpu_integrates(cupy, cell, here, here_in_threads, tmp_path, monkeypatch):
    """The kernel of each batch waits for that; one after another, none would be integrated."""
    monkeypatch.setitem(cupy.cuda.Device.attributes, "MultiProcessorCount", 1)
    batches, launches = 3, 2  # of 30 ms
    one_by_one = dataset.simulate(cell, tmp_path / "one.zarr", batches * TILE, scheduler=here, device="cuda")
    drawn, launched, draw, launch = threading.Semaphore(0), [], Experiment.draw, gpu.Gpu.launch

    def drawing(self, numbers):
        drawn.release()
        return draw(self, numbers)

    def waiting(self, *arguments):
        if not launched:
            drawn.acquire()  # its own
        if len(launched) % launches == 0 and len(launched) < (batches - 1) * launches:
            assert drawn.acquire(timeout=30), "no other batch is drawn"
        launched.append(arguments)
        launch(self, *arguments)

    monkeypatch.setattr(Experiment, "draw", drawing)
    monkeypatch.setattr(gpu.Gpu, "launch", waiting)
    out = tmp_path / "together.zarr"
    dataset.simulate(cell, out, batches * TILE, scheduler=here_in_threads, device="cuda")
    assert len(launched) == batches * launches
    for file in one_by_one.rglob("*"):
        if file.is_file() and file.name != "zarr.json":
            assert (out / file.relative_to(one_by_one)).read_bytes() == file.read_bytes(), file


@pytest.mark.parametrize(
    ("driver", "told"),
    [
        (0, r"no driver of an NVIDIA GPU is installed; or give --device cpu$"),
        (12040, r"the driver is of CUDA 12\.4, CuPy needs 13\.0: bring the driver up to date, or pip install '.*cpu$"),
    ],
)
def test_no_driver_and_an_old_one_are_told(monkeypatch, driver, told):
    """CUDA has one error for both."""

    def none():
        raise RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version")

    runtime = SimpleNamespace(getDeviceCount=none, driverGetVersion=lambda: driver, runtimeGetVersion=lambda: 13000)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=SimpleNamespace(runtime=runtime)))
    with pytest.raises(InputError, match=told):
        gpu.count()


def test_no_gpu_at_all_is_told(cupy, monkeypatch):
    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", lambda: 0)
    with pytest.raises(InputError, match=r"device cuda: no GPU to be used \(CUDA finds none\)"):
        gpu.count()
