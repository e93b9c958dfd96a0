"""The kernel of engine `batched` on this processor, one thread after another (sequential.h), for what it does.

What its threads would tell each other is wrong; where they go, and what they read and write, is right.
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import specimen

from apical.simulate.engine.batched import library, step, trials
from apical.simulate.engine.batched.layout import Layout, layout, streamed
from apical.simulate.engine.batched.step import Step
from apical.simulate.trial.detailed import V_INIT_MV
from apical.simulate.trial.experiment import Experiment

HERE = Path(__file__).parent
KB = 1024
NUMBER, WARP, MULTIPROCESSORS = 4, 32, 132
H200 = {
    "MaxRegistersPerMultiprocessor": 65536,
    "MaxSharedMemoryPerMultiprocessor": 228 * KB,
    "MaxSharedMemoryPerBlockOptin": 227 * KB,
}


def compiled(folder: Path, text: str, flags: str, header: str = "sequential.h") -> ctypes.CDLL:
    """A kernel's text as g++ compiles it. header: comes before its types."""
    sizes, begins, rest = text.partition("typedef ")
    source, made = folder / "kernel.cpp", folder / "kernel.so"
    line = sizes.count("\n") + 1  # of the text, as it is counted in it
    source.write_text(f'{sizes}#include "{header}"\n#line {line}\n{begins}{rest}\n#include "sequential_launch.h"\n')
    command = [*library.compiler(), "-std=c++17", "-w", "-fPIC", "-shared", f"-I{HERE}", *flags.split()]
    subprocess.run([*command, "-o", made, source], check=True, cwd=folder)
    return ctypes.CDLL(str(made))


class Sequential:
    """A Device whose memory is NumPy's."""

    at_once = threads = 1

    def __init__(self, kernel: ctypes.CDLL, lanes: int) -> None:
        self.lanes, self._kernel = lanes, kernel

    def current(self) -> nullcontext:
        return nullcontext()

    def free_bytes(self) -> int:
        return 10**9

    def empty(self, n: int, dtype: np.dtype) -> np.ndarray:
        return np.zeros(n, dtype)

    def put(self, values: np.ndarray, copies: int = 1) -> np.ndarray:
        return np.tile(values, copies)

    def launch(self, tiles: int, *arguments: Any) -> None:
        given = [
            ctypes.c_int(each) if isinstance(each, int) else ctypes.c_void_p(each.ctypes.data) for each in arguments
        ]
        self._kernel.launch(tiles, (ctypes.c_void_p * len(given))(*map(ctypes.addressof, given)))

    def fetch(self, array: np.ndarray, n: int) -> Callable[[], np.ndarray]:
        found = array[:n].copy()
        return lambda: found


class Subject:
    """A preset's cell on an H200: its step in 32 bits, how it lies there, and a tile of trials to run."""

    def __init__(self, given: Any) -> None:
        """given: options of `options`."""
        self._experiment: Experiment = specimen.experiment(given, "cpu")
        neuron = self._experiment.neuron
        self.step: Step = step.build(neuron.cell, neuron.synapses, [], V_INIT_MV, 0.025, True, True, shared=True)
        self.trial_bytes = self.step.source.trial_bytes
        self.layout: Layout = streamed(NUMBER, H200) if given.streamed else layout(self.trial_bytes, NUMBER, H200)
        where = "in a multiprocessor" if self.layout.on_chip else "streamed"
        blocks = self.layout.blocks
        threads = self.layout.lanes * self.layout.width
        print(f"{given.morphology or given.preset}: a trial of {self.trial_bytes:,} bytes, {where}")
        print(f"{self.layout.lanes} trials a block of {threads} threads, {blocks} blocks a multiprocessor: ", end="")
        print(f"{self.layout.lanes * blocks * MULTIPROCESSORS:,} trials at once")

    def run(self, kernel: ctypes.CDLL, steps: int) -> None:
        events_ms = specimen.drawn(self._experiment, self.layout.lanes, 1)
        soma = self._experiment.neuron.cell.soma(0.5)
        device = Sequential(kernel, self.layout.lanes)
        list(trials.run(self.step, events_ms, [soma], [], steps * self.step.dt_ms, [device]))


def options(about: str | None) -> Any:
    parser = specimen.options(about)
    parser.add_argument("--streamed", action="store_true", help="the kernel for cells that do not fit")
    parser.add_argument("--clock-ghz", type=float, default=1.755, help="of the GPU")
    return parser
