"""Two GPUs, pretended: they share the trials of `simulate`, or one is named; a dataset is the same to the byte."""

from __future__ import annotations

import pytest

from apical.simulate.engine.batched import gpu
from apical.simulate.run import dataset, engine_choice
from apical.simulate.schema import InputError


@pytest.fixture
def launched(cupy, monkeypatch):
    """Of each launch the number of the GPU, and its tiles of two trials; there are two GPUs."""
    monkeypatch.setenv("PRETENDED_GPUS", "2")
    launch, found = gpu.Gpu.launch, []

    def noted(self, tiles, *arguments):
        found.append((self._number, tiles))
        launch(self, tiles, *arguments)

    monkeypatch.setattr(gpu.Gpu, "launch", noted)
    return found


@pytest.mark.slow
def test_they_share_the_trials_and_one_can_be_named(cupy, launched, cell, here_in_threads, tmp_path, monkeypatch):
    """Seven trials, of which each GPU holds two tiles: a batch of four tiles, in two launches of 25 ms."""
    monkeypatch.setitem(cupy.cuda.Device.attributes, "MultiProcessorCount", 2)
    stores = {}
    for device in ("cuda", "cuda:1", "cuda:0"):
        launched.clear()
        out = tmp_path / f"{device[-1]}.zarr"
        dataset.simulate(cell, out, 7, scheduler=here_in_threads, device=device)
        files = (file for file in out.rglob("*") if file.is_file() and file.name != "zarr.json")
        stores[device] = {file.relative_to(out): file.read_bytes() for file in files}
        if device == "cuda":
            assert sorted(launched) == [(0, 2), (0, 2), (1, 2), (1, 2)]
        else:
            assert launched == [(int(device[-1]), 2)] * 4  # two batches
    assert stores["cuda"] == stores["cuda:0"] == stores["cuda:1"]


@pytest.mark.parametrize(
    ("count", "there"),
    [("1", "there is no cuda:2, but cuda:0 alone"), ("2", "there is no cuda:2, but cuda:0 to cuda:1")],
)
def test_one_that_is_not_there(cupy, cell, monkeypatch, count, there):
    monkeypatch.setenv("PRETENDED_GPUS", count)
    with pytest.raises(InputError, match=f"^engine 'batched', device cuda: {there}; .*--device cpu$"):
        engine_choice.resolved(cell, "cuda:2")


def test_what_auto_and_a_gpu_that_is_asked_for_choose(cupy, cell, lasting_swc):
    """'auto' takes a GPU wherever the engine is batched; one that is asked for takes that engine for few trials too."""

    def chosen(engine: str, device: str, trials: float) -> tuple[str, str]:
        asked = cell.model_copy(update={"integration": cell.integration.model_copy(update={"engine": engine})})
        config, found = engine_choice.resolved(asked, device, trials)
        return config.integration.engine, found

    assert chosen("auto", "auto", 100) == ("batched", "cuda")
    assert chosen("batched", "auto", 100) == ("batched", "cuda")
    assert chosen("auto", "cpu", 100) == ("batched", "cpu")
    assert chosen("auto", "auto", 1) == ("coreneuron", "cpu")
    assert chosen("auto", "cuda", 1) == ("batched", "cuda")
    assert chosen("neuron", "auto", 100) == ("neuron", "cpu")
