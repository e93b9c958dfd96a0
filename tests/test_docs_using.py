"""docs/using_a_surrogate.md, followed in a folder with a small run."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "using_a_surrogate.md").read_text(encoding="utf-8")


@pytest.fixture
def here(make_dataset, tmp_path, monkeypatch):
    """A folder with runs/elm-10."""
    from apical.surrogate.fitting.fit import fit
    from apical.surrogate.fitting.recipe import quick

    config = quick("elm", 10, steps=2, batch=2, window_ms=100, burn_in_ms=10)
    fit(config, make_dataset(), tmp_path / "runs" / "elm-10", device="cpu")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def code_with(words: str) -> str:
    (found,) = [text for text in re.findall(r"^```\w*\n(.*?)^```$", PAGE, re.M | re.S) if words in text]
    return found


def test_the_neuron_runs_on_live_spikes(here, capsys):
    names: dict = {}
    exec(code_with("neuron.start()"), names)
    assert re.fullmatch(r"\d+ output spikes in 1 s, at last -\d+\.\d mV\n", capsys.readouterr().out)
    assert 0 < names["spike_probability"] < 1


def test_the_readme_has_the_same_neuron():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert code_with("neuron.start()").replace("runs/elm-10", "quickstart/runs/elm-10") in readme


@pytest.mark.parametrize("name", ["elm-10.onnx", "elm-10.pt2"])
def test_the_exported_file_gives_what_the_run_gives(here, name):
    from apical.cli.__main__ import main
    from apical.surrogate.use.checkpoint import Surrogate

    names: dict = {}
    if name.endswith("onnx"):
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    (command,) = [line for line in code_with("--out elm-10.onnx").splitlines() if name in line]
    assert main(command.split()[1:]) == 0
    neuron = Surrogate.load("runs/elm-10")
    expected = neuron.step(np.zeros(16), neuron.start())[:2]
    if name.endswith("onnx"):
        exec(code_with("onnxruntime.InferenceSession"), names)
        assert (names["spike_probability"], names["v_mv"]) == pytest.approx(expected, rel=1e-5)
    else:
        import torch

        state = [torch.zeros(1, 45), torch.zeros(1, 10)]  # branches and memory of an ELM of size 10
        names |= {"torch": torch, "input_bs": torch.zeros(1, 16), "state": state}
        exec(code_with("torch.export.load"), names)
        assert names["output_bo"][0, 0].sigmoid().item() == pytest.approx(expected[0], rel=1e-5)
        assert [each.shape for each in names["state"]] == [each.shape for each in state]
