"""The GPU's kernel against the CPU's step: on threads of this processor (see threads.h), and on a GPU where there is one."""

from __future__ import annotations

import ctypes
import os
import pickle
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from apical.simulate import config
from apical.simulate.batched import cuda, cuda_device, gpu_memory, library, pieces, step, trials
from apical.simulate.detailed import V_INIT_MV
from apical.simulate.engine.base import Integration, Unstable
from apical.simulate.schema import InputError
from apical.simulate.trial import Experiment

HERE = Path(__file__).parent
# A soma with a dendrite that branches twice: 4 levels, and branchings without membrane
SWC = """\
1 1 0 0 0 8 -1
2 1 0 8 0 8 1
3 4 0 8 0 2 2
4 4 0 108 0 2 3
5 4 100 208 0 1 4
6 4 -60 208 0 1 4
7 4 -60 328 0 1 6
8 4 -260 328 0 1 6
9 4 0 508 0 0.5 4
"""
MS = 60.0
LANES, WARPS = 4, 3  # neither divides what is shared out


class Threads:
    """A Device: the kernel as g++ compiles it, a real thread for each of a GPU's."""

    at_once = 3

    def __init__(self, folder: Path, step_text: str, warps: int = WARPS, flags: str = "", lanes: int = LANES) -> None:
        self.lanes, self.warps = lanes, warps
        kernel = cuda_device.kernel_text(step_text, lanes, warps)
        launch = "launch_on_threads(run_tiles, blocks, LANES, WARPS, arguments);"
        (folder / "kernel.cpp").write_text(
            f'#include "threads.h"\n{kernel}\nextern "C" void launch(int blocks, void** arguments) {{ {launch} }}\n'
        )
        command = [*library.compiler(), "-std=c++17", "-O1", "-pthread", "-fPIC", "-shared", *flags.split()]
        subprocess.run([*command, f"-I{HERE}", "-o", "kernel.so", "kernel.cpp"], cwd=folder, check=True)
        self.library = folder / "kernel.so"
        self.launches: list[tuple[int, tuple]] = []

    def current(self):
        return nullcontext()

    def free_bytes(self) -> int:
        return 10**9

    def empty(self, n, dtype):
        return np.full(n, 77, dtype)  # what memory happened to hold

    def put(self, values, copies=1):
        return np.tile(values, copies)

    def launch(self, tiles, *arguments):
        self.launches.append((tiles, arguments))
        launch(self.library, tiles, arguments)

    def fetch(self, array, n):
        found = array[:n].copy()
        return lambda: found


def launch(path: Path, tiles: int, arguments: tuple) -> None:
    """Run the kernel of a library; arguments: arrays and int."""
    given = [ctypes.c_int(each) if isinstance(each, int) else ctypes.c_void_p(each.ctypes.data) for each in arguments]
    pointers = (ctypes.c_void_p * len(given))(*map(ctypes.addressof, given))
    ctypes.CDLL(str(path)).launch(tiles, pointers)


@pytest.fixture(scope="module")
def specimen(tmp_path_factory):
    """A function that builds the step of the branched cell, with its events for 11 trials and its probes."""
    folder = tmp_path_factory.mktemp("cell")
    (folder / "branched.swc").write_text(SWC)
    made: dict[tuple, SimpleNamespace] = {}
    open_now: list[Experiment] = []

    def build(single: bool = False, **changes) -> SimpleNamespace:
        key = (single, *sorted(changes.items()))
        if key not in made:
            while open_now:
                open_now.pop().close()
            chosen = config.preset("ball-and-stick").model_copy(
                update={
                    "morphology": str(folder / "branched.swc"),
                    "integration": Integration(engine="batched", precision="float32" if single else "float64"),
                    **changes,
                }
            )
            experiment = Experiment(chosen)
            open_now.append(experiment)
            neuron = experiment.neuron
            neuron.synapses.connections[0][0].weight[0] = 3000.0  # one spike there, and the cell goes
            made[key] = SimpleNamespace(
                step=step.build(neuron.cell, neuron.synapses, [], V_INIT_MV, 0.025, True, single),
                events_ms=[_input(len(neuron.synapses.sign), seed) for seed in range(11)],
            )
        return made[key]

    yield build
    while open_now:
        open_now.pop().close()
