"""A process that runs commands with a fault in them, and what the commands read: a cell, a dataset, a run, scores."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

ALONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "COLUMNS": "200"}
FITTED = "--size 2 --batch 2 --set window_ms=60 --set burn_in_ms=10 --set validate_every=1 --device cpu"


@pytest.fixture(scope="session")
def run_with() -> Callable[..., dict]:
    """A function that runs a command in a folder, with a fault at one of its operations on files there."""
    command = [sys.executable, Path(__file__).with_name("warm.py")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=os.environ | ALONE, **pipes) as warm:
        assert warm.stdout.readline() == "ready\n"

        def run(folder: Path, command: str, at: int = 0, kind: str = "kill", within_hidden: bool = True) -> dict:
            request = {
                "folder": str(folder),
                "command": command,
                "at": at,
                "kind": kind,
                "within_hidden": within_hidden,
            }
            print(json.dumps(request), file=warm.stdin, flush=True)
            return json.loads(warm.stdout.readline())

        yield run
        warm.stdin.close()


@pytest.fixture(scope="session")
def inputs(run_with, write_dataset, lasting_swc, tmp_path_factory) -> Path:
    """A folder of all that commands read."""
    folder = tmp_path_factory.mktemp("kills") / "inputs"
    folder.mkdir()
    write_dataset(folder / "truth.zarr", n_trials=6, duration_ms=1500, seed=1)
    (folder / "cell.swc").write_bytes(lasting_swc.read_bytes())
    write_pickle(folder / "small.p")
    (folder / "sweep.toml").write_text(
        "seeds = [0, 1]\n[settings]\nsteps = 1\nbatch = 2\nwindow_ms = 60\nburn_in_ms = 10\nvalidate_every = 1\n"
        '[[models]]\nfamily = "elm"\nsizes = [2]\noptions = {n_branches = 4}\n'
    )
    for name, duration_ms in (("network", 30), ("other", 20)):
        told = f'duration_ms = {duration_ms}\nrecord = [1]\n[[groups]]\nmodel = "run"\nn = 3\npoisson_hz = 20\n'
        (folder / f"{name}.toml").write_text(told + "[[connections]]\nprobability = 0.5\n")
    for command in (
        f"simulate nmda --morphology {folder}/cell.swc --seconds 0.05 --trials 1 --engine neuron --out cell.zarr",
        f"fit truth.zarr {FITTED} --steps 2 --out run",
        f"fit truth.zarr {FITTED} --steps 1 --model ln --out ln",
        "predict run truth.zarr --out prediction.zarr --trials 0,1 --device cpu",
        "evaluate truth.zarr prediction.zarr --out scores.csv",
    ):
        done = run_with(folder, command)
        assert done["status"] == 0, done["said"]
    return folder


def write_pickle(path: Path) -> None:
    """A file of a trial in NeuronIO's form: 50 ms on 2 segments, with one output spike."""
    fine_mv = np.full(400, -70, dtype="f2")
    fine_mv[100] = 30
    trial = {
        "exInputSpikeTimes": {0: [3, 9], 1: [20]},
        "inhInputSpikeTimes": {0: [], 1: [7]},
        "somaVoltageLowRes": fine_mv[::8],
        "somaVoltageHighRes": fine_mv,
        "nexusVoltageLowRes": fine_mv[::8],
        "outputSpikeTimes": np.array([12.5], dtype="f2"),
    }
    parameters = {
        "totalSimDurationInSec": 0.05,
        "excitatorySynapseType": "AMPA",
        "inhibitorySynapseType": "GABA_A",
        "allSegmentsType": ["basal", "apical"],
        "allSegmentsLength": [20.0, 20.0],
        "allSegments_DistFromSoma": [10.0, 30.0],
        "allSegments_SectionDistFromSoma": [0.0, 20.0],
        "allSegments_SectionInd": [0, 1],
    }
    content = {"Params": parameters, "Results": {"listOfSingleSimulationDicts": [trial]}}
    path.write_bytes(pickle.dumps(content, protocol=2))
