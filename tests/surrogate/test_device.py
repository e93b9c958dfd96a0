"""Names of devices, and how the GPUs of a machine, pretended, are shared by the runs of a sweep."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from apical.simulate.schema import InputError
from apical.surrogate.device import at, choose_device, count_of_gpus, gpu_of
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.processes import joined
from apical.surrogate.sweep import sweep
from apical.surrogate.sweep.sweep_config import Sweep
from apical.surrogate.use.checkpoint import Surrogate


@pytest.fixture
def gpus(monkeypatch):
    """A function that sets how many GPUs PyTorch says there are."""

    def there(count: int) -> None:
        monkeypatch.setattr("torch.cuda.is_available", lambda: count > 0)
        monkeypatch.setattr("torch.cuda.device_count", lambda: count)

    return there


def test_a_gpu_is_named_by_its_number(gpus):
    gpus(2)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    assert choose_device("cuda") == choose_device("auto") == torch.device("cuda")
    assert choose_device("cpu") == torch.device("cpu")
    with pytest.raises(InputError, match=r"^device 'cuda:2': there is no such GPU; choose cuda:0, cuda:1$"):
        choose_device("cuda:2")
    for wrong in ("cuda:", "cuda:-1", "cuda:01", "cuda:1 ", "cuda:99999", "mps"):
        with pytest.raises(InputError, match=r"choose auto, cpu or cuda, or cuda:N for one GPU of several"):
            choose_device(wrong)
    gpus(0)
    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(InputError, match="device 'cuda:0': this PyTorch finds no CUDA device"):
        choose_device("cuda:0")


def test_kernels_are_launched_on_the_gpu_that_was_named(monkeypatch):
    entered = []
    monkeypatch.setattr("torch.cuda.device", lambda device: (entered.append(device), nullcontext())[1])
    with at(torch.device("cpu")), at(torch.device("cuda")):
        assert entered == []
    with joined(torch.device("cuda", 1)):
        assert entered == [torch.device("cuda", 1)]


def test_torchrun_gives_each_process_its_own(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match=r"device 'cuda:1': torchrun gives each .* use --device cuda"):  # noqa: SIM117
        with joined(torch.device("cuda", 1)):
            pass


@pytest.mark.parametrize(
    ("count", "name", "found"),
    [
        (3, "cuda", ["cuda:0", "cuda:1", "cuda:2", "cuda:0"]),
        (3, "auto", ["cuda:0", "cuda:1", "cuda:2", "cuda:0"]),
        (3, "cuda:1", ["cuda:1"] * 4),
        (3, "cpu", ["cpu"] * 4),
        (1, "cuda", ["cuda"] * 4),
        (0, "auto", ["auto"] * 4),
    ],
)
def test_processes_have_the_gpus_by_turn(gpus, count, name, found):
    gpus(count)
    assert [gpu_of(process, name) for process in range(4)] == found
    assert gpu_of(None, name) == name
    assert count_of_gpus(name) == (count if name in ("auto", "cuda") else 0)


def test_runs_of_a_sweep_are_computed_on_the_gpu_of_their_process(gpus, tmp_path, monkeypatch):
    """Fitted and predicted there; a sweep that is resumed by processes in another order goes on wherever it is."""
    gpus(2)
    used, fitted = [], Surrogate(None, VoltageScaling(), "gru-2", "gru", 2, 0, "run", "data")
    monkeypatch.setattr(
        sweep, "fit_together", lambda configs, data, folders, device, **_: (used.append(device), folders)[1]
    )
    monkeypatch.setattr(sweep, "load_run", lambda run: fitted)
    monkeypatch.setattr(sweep, "predict", lambda *given, device, overwrite: used.append(device))
    config = Sweep.checked("a", {"models": [{"family": "gru", "sizes": [2]}], "seeds": [0, 1, 2], "recipe": "quick"})
    scoring = sweep.Scoring(lambda predicted, path: None, lambda paths, path: None)
    for place, group in enumerate(config.groups()):
        outcomes = sweep.run_group(group, ["data.zarr"], None, Path(tmp_path), scoring, "cuda", place=place)
        assert [each.error for each in outcomes] == [None]
    assert used == ["cuda:0"] * 2 + ["cuda:1"] * 2 + ["cuda:0"] * 2
