"""What several test files share: small made-up data and files, and where the shared material is."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # in a shell's background, where what tests start would not hear a Ctrl-C either
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A soma with one basal and one apical dendrite: a cell that simulates in a moment
SWC = """\
1 1 0 0 0 8 -1
2 1 0 8 0 8 1
3 1 0 -8 0 8 1
4 3 0 -20 0 1 3
5 3 0 -120 0 1 4
6 {apical} 0 20 0 2 2
7 {apical} 0 420 0 1 6
"""
# Runs a command that is interrupted as it begins the k-th call of a function, or import; or as Python ends
INTERRUPTING = """
import atexit, functools, os, pkgutil, signal, sys

where, left, swallowed = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "swallowed"
sys.argv = ["apical", *sys.argv[4:]]


def interrupt():
    print("moment", flush=True)
    try:
        os.killpg(0, signal.SIGINT)
        all(range(100))  # by then it has been heard
    except KeyboardInterrupt:
        if not swallowed:
            raise


def hook(function):
    @functools.wraps(function)
    def hooked(*arguments, **options):
        global left
        left -= 1
        if not left:
            interrupt()
        return function(*arguments, **options)

    return hooked


from apical.cli.__main__ import main

if where == "exit":
    register = atexit.register
    atexit.register = lambda *arguments: (register(*arguments), register(interrupt))
elif where == "import":
    def audit(event, arguments):
        global left
        if event == "import" and signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            left -= 1
            if not left:
                interrupt()

    sys.addaudithook(audit)
else:
    owner, _, name = where.rpartition(".")
    setattr(pkgutil.resolve_name(owner), name, hook(getattr(pkgutil.resolve_name(owner), name)))
sys.exit(main())
"""
SHARED = Path(os.environ.get("APICAL_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared():
    """Folder of reference material; tests that need a file of it skip where it is absent."""

    def find(relative: str) -> Path:
        path = SHARED / relative
        if not path.exists():
            pytest.skip(f"{path} is not there (set APICAL_SHARED to the shared folder)")
        return path

    return find


@pytest.fixture(scope="session")
def write_dataset():
    """A function that writes a small made-up simulation: a leaky integrator with threshold over random input."""

    def write(path: Path, n_trials=6, n_segments=8, duration_ms=1500, seed=0, silent=False, **attrs) -> Path:
        from apical.simulate import schema

        rng = np.random.default_rng(seed)
        sign = np.repeat([1, -1], n_segments)
        schema.create(
            path,
            "simulation",
            {"input_spikes": bool, "soma_v_mv": "f4", "output_spike_time_ms": "f8"},
            {
                "trial": np.arange(n_trials),
                "time_ms": np.arange(duration_ms),
                "source_file": np.array(["made-up"] * n_trials),
                "synapse_sign": sign.astype("i1"),
                "synapse_receptor": np.where(sign > 0, "AMPA_NMDA", "GABA_A"),
                "synapse_segment": np.tile(np.arange(n_segments), 2),
                "segment_type": np.where(np.arange(n_segments) < n_segments // 2, "basal", "apical"),
                "segment_section": np.arange(n_segments),
                "segment_x": np.full(n_segments, 0.5),
                "segment_distance_um": np.linspace(10, 800, n_segments),
                "segment_length_um": np.full(n_segments, 20.0),
            },
            n_spike=200,
            dataset_id=f"made-up-{seed}-{n_segments}",
            config={"seed": seed},
            provenance={"made_by": "tests"},
            **attrs,
        )
        for trial in range(n_trials):
            spikes = rng.random((2 * n_segments, duration_ms)) < 0.03
            drive = sign @ spikes + 0.15
            v, v_mv, times = 0.0, np.empty(duration_ms, "f4"), []
            for t in range(duration_ms):
                v = 0.95 * v + drive[t]
                v_mv[t] = -68 + 2.5 * v
                if v > 4 and not silent and (not times or t - times[-1] > 20):
                    times.append(t)
                    v = -2.0
            row = np.full(200, np.nan)
            row[: len(times)] = np.array(times) + 0.625
            schema.write_trial(path, trial, {"input_spikes": spikes, "soma_v_mv": v_mv, "output_spike_time_ms": row})
        return path

    return write


@pytest.fixture
def make_dataset(tmp_path, write_dataset):
    """`write_dataset` into the test's own folder."""

    def make(name="truth.zarr", **what) -> Path:
        return write_dataset(tmp_path / name, **what)

    return make


@pytest.fixture
def neuronio_file():
    """A function that writes a pickle in NeuronIO's format: 2 trials on 3 segments, the content after `change`."""

    def write(path, change=None, n_segments=3, duration_ms=50, seed=0) -> Path:
        rng = np.random.default_rng(seed)
        fine_mv = np.full(8 * duration_ms, -70, dtype="f2")
        fine_mv[100] = 30  # a spike at 12.5 ms

        def trial():
            return {
                "exInputSpikeTimes": {s: sorted(rng.choice(duration_ms, 4, replace=False)) for s in range(n_segments)},
                "inhInputSpikeTimes": {s: [] for s in range(n_segments)},
                "somaVoltageLowRes": fine_mv[::8],
                "somaVoltageHighRes": fine_mv,
                "nexusVoltageLowRes": fine_mv[::8],
                "outputSpikeTimes": np.array([12.5], dtype="f2"),
            }

        content = {
            "Params": {
                "totalSimDurationInSec": duration_ms / 1000,
                "excitatorySynapseType": "AMPA",
                "inhibitorySynapseType": "GABA_A",
                "allSegmentsType": ["basal"] + ["apical"] * (n_segments - 1),
                "allSegmentsLength": [20.0] * n_segments,
                "allSegments_DistFromSoma": [20.0 * s + 10 for s in range(n_segments)],
                "allSegments_SectionDistFromSoma": [0.0] + [20.0] * (n_segments - 1),
                "allSegments_SectionInd": [0] + [1] * (n_segments - 1),
            },
            "Results": {"listOfSingleSimulationDicts": [trial(), trial()]},
        }
        if change is not None:
            change(content["Params"], content["Results"]["listOfSingleSimulationDicts"])
        path.write_bytes(pickle.dumps(content, protocol=2))
        return path

    return write


@pytest.fixture
def published_elm():
    """A function that writes a small checkpoint laid out as the published ones, and returns its model."""

    def write(folder, n_inputs=12):
        import torch

        from apical.surrogate.models.families import build

        folder.mkdir(parents=True)
        model = build("elm", 3, n_inputs, n_branches=4, synapses_per_branch=5)
        settings = {
            "num_input": n_inputs, "num_output": 2, "num_memory": 3, "num_branch": 4, "num_synapse_per_branch": 5,
            "memory_tau_max": 150.0, "input_to_synapse_routing": "neuronio_routing", "mlp_hidden_size": None,
        }  # fmt: skip
        (folder / "model_config.json").write_text(json.dumps(settings))
        torch.save(model.state_dict(), folder / "neuronio_best_model_state.pt")
        return model

    return write


@pytest.fixture
def swc(tmp_path):
    """A function that writes a soma with one basal and one apical dendrite as an SWC file."""

    def write(name: str = "mine.swc", apical: int = 4):
        path = tmp_path / name
        path.write_text(SWC.format(apical=apical))
        return path

    return write


@pytest.fixture(scope="session")
def lasting_swc(tmp_path_factory):
    """The same cell as an SWC file that every test may use."""
    path = tmp_path_factory.mktemp("cell") / "mine.swc"
    path.write_text(SWC.format(apical=4))
    return path


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """Runs a command that is interrupted as it begins the k-th call of a function, and checks how it ends.

    The interrupt reaches the whole process group, as a terminal's does. how: "swallowed" if its exception is.
    """
    from apical.cli.interrupts import GRACE_S, SAID

    monkeypatch.chdir(tmp_path)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))

    def run(arguments: str, where: str, kth: int = 1, how: str = "heard") -> None:
        command = [sys.executable, "-c", INTERRUPTING, where, str(kth), how, *arguments.split()]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, start_new_session=True, text=True, **pipes) as running:
            assert "moment\n" in iter(running.stdout.readline, ""), running.stderr.read()
            began_s, children = time.monotonic(), psutil.Process(running.pid).children(recursive=True)
            said = running.communicate()[1]  # ends with the last process that could still say something
            passed_s = time.monotonic() - began_s
        assert running.returncode == 130
        usual = re.compile(
            r"dashboard: |recurrence: |.*: (\d+/\d|.*… \d+:\d\d$)"
        )  # the last one: how far it is, said now and then
        assert [line for line in said.splitlines() if not usual.match(line)] == [f"apical: {SAID}"]
        assert said.endswith(f"apical: {SAID}\n")
        assert passed_s < GRACE_S + 10, "a busy machine takes its time for the imports of the end, too"
        assert not psutil.wait_procs(children, timeout=5)[1]
        assert not [path for path in temporary.iterdir() if path.name.startswith("apical-")]

    return run
