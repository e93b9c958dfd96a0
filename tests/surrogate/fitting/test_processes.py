"""Fitted by `torchrun` on two processes, a model is the one that one process fits."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

from apical.simulate.schema import InputError
from apical.surrogate.fitting.fit import fit
from apical.surrogate.fitting.recipe import FitConfig
from apical.surrogate.use.checkpoint import load_run

SETTINGS = {"steps": 8, "batch": 4, "window_ms": 60, "burn_in_ms": 10, "validate_every": 4, "learning_rate": 0.01}
RUN = (
    "import sys, torch; from apical.cli.__main__ import main; torch.set_num_threads(1); sys.argv[0] = 'apical'; main()"
)


def two_processes(tmp_path, *words):
    """`apical …` on two, over Gloo."""
    script = tmp_path / "run.py"
    script.write_text(RUN)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TORCHELASTIC_ERROR_FILE": str(tmp_path / "error.json")}
    return subprocess.run(
        [*launcher, "--standalone", script, *map(str, words)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "family, size, options",
    [("elm", 3, {"n_branches": 4}), ("tcn", "2x4", {"receptive_field_ms": 20})],  # a tcn normalises over the batch
)
def test_two_processes_fit_the_model_of_one(make_dataset, tmp_path, family, size, options):
    data = make_dataset()
    config = FitConfig(family=family, size=size, options=options, gradient_clip=0.5, **SETTINGS)
    chosen = SETTINGS | {"gradient_clip": 0.5, "options": json.dumps(options)}
    chosen |= {"optimizer": "adam", "l2": 0, "phases": "[]"}  # the TCN's own recipe has others
    words = [word for name, value in chosen.items() for word in ("--set", f"{name}={value}")]
    words += ["--recipe", "paper", "--model", family, "--size", str(size)]
    done = two_processes(tmp_path, "fit", data, "--out", tmp_path / "two", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("fitted;") == 1, "one process speaks"
    one = load_run(fit(config, data, tmp_path / "one", device="cpu"))
    two = load_run(tmp_path / "two")
    for name, expected in one.model.state_dict().items():
        torch.testing.assert_close(two.model.state_dict()[name], expected, rtol=1e-4, atol=1e-5)
    again = two_processes(tmp_path, "fit", data, "--out", tmp_path / "two", *words, "--resume")
    assert again.returncode == 0, again.stderr


def test_a_batch_that_two_processes_cannot_share(make_dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    config = FitConfig(family="elm", size=3, **SETTINGS | {"batch": 3})
    with pytest.raises(InputError, match="batch is 3: it cannot be shared out evenly among 2"):
        fit(config, make_dataset(), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()
