"""benchmarks/elm.py: every row is of a model on the device that is asked for."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "elm.py"


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_every_row_is_of_the_device_that_is_asked_for(make_dataset, monkeypatch, capsys, device):
    """As far as can be told without one: models that are timed were sent there."""
    spec = importlib.util.spec_from_file_location("elm_benchmark", SCRIPT)
    elm = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(elm)
    sent: dict[int, str] = {}
    seen: list[object] = []

    def to(model, where):
        sent[id(model)] = where
        return model

    def timed(model, *given):
        seen.extend(model if isinstance(model, list) else [model])
        return 1.0

    def loss(model, *given):
        seen.append(model)
        return torch.zeros((), requires_grad=True)

    monkeypatch.setattr(elm.ELM, "to", to)
    monkeypatch.setattr(elm, "PlainLoop", lambda model: model)
    monkeypatch.setattr(torch.jit, "script", lambda model: model)
    for name in ("baseline_ms", "step_ms", "device_ms"):
        monkeypatch.setattr(elm, name, timed)
    monkeypatch.setattr(elm, "loss_of", loss)
    monkeypatch.setattr(elm, "gradient_error", lambda config, trials, model: timed(model))
    monkeypatch.setattr(elm, "median_ms", lambda *given: 1.0)
    monkeypatch.setattr(sys, "argv", ["elm.py", str(make_dataset()), "--device", device, "--d-m", "2"])
    threads = torch.get_num_threads()
    elm.main()
    torch.set_num_threads(threads)
    assert {sent.get(id(model)) for model in seen} == {device}
    rows = capsys.readouterr().out
    assert f"on {device}" in rows and "8 models together" in rows
    assert ("one CUDA graph" in rows) is (device == "cuda")
