"""CuPy without a GPU, as much of it as `apical` asks for: with this folder first on the path `import cupy` finds it.

PRETENDED_GPUS says how many there are, 1 unless it is set; PRETENDED_TILES how many tiles keep one busy: it then has no
memory for their rows. Arrays are NumPy's. A kernel is its CUDA text as g++ compiles it, with one thread to a lane: none
then waits for another, so that they can run one after another. What it computes is what the text says, and it takes
its time.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

__version__ = "0"  # xarray reads it

GPU = Path(__file__).parents[1]


class ndarray(np.ndarray):
    """An array "on the GPU"."""

    def set(self, values: np.ndarray) -> None:
        self[...] = values

    def get(self) -> np.ndarray:
        return np.array(self)

    @property
    def data(self) -> SimpleNamespace:
        return SimpleNamespace(copy_to_host_async=lambda to, n_bytes: ctypes.memmove(to, self.ctypes.data, n_bytes))


def asarray(values: np.ndarray) -> ndarray:
    return np.array(values).view(ndarray)


def empty(shape: int | tuple[int, ...], dtype: np.dtype) -> ndarray:
    return np.empty(shape, dtype).view(ndarray)


def get_default_memory_pool() -> SimpleNamespace:
    return SimpleNamespace(free_all_blocks=lambda: None)


class RawModule:
    """The CUDA text of a generated step; its one function is called as CuPy's are."""

    def __init__(self, code: str, options: tuple[str, ...], backend: str) -> None:
        from apical.simulate.engine.batched import library

        head, width, rest = code.partition("#define WIDTH ")
        assert width, "expected the text of gpu.kernel_text"
        text = f'#include "sequential.h"\n{head}#define WIDTH 1\n{rest.partition(chr(10))[2]}'
        text += '\n#include "sequential_launch.h"\n'
        with tempfile.TemporaryDirectory() as folder:
            source, made = (Path(folder, name) for name in ("kernel.cpp", "kernel.so"))
            source.write_text(text)
            command = [*library.compiler(), "-std=c++17", "-O1", "-w", "-fPIC", "-shared", f"-I{GPU}"]
            subprocess.run([*command, "-o", made, source], check=True)
            self._library = ctypes.CDLL(str(made))  # which stays when the file is gone

    def get_function(self, name: str) -> RawModule:
        assert name == "run_tiles"
        return self

    max_dynamic_shared_size_bytes = preferred_shared_memory_carveout = 0

    def __call__(self, grid: tuple[int], block: tuple[int, int], given: tuple, shared_mem: int) -> None:
        assert shared_mem <= self.max_dynamic_shared_size_bytes
        kinds = [ctypes.c_int(int(a)) if np.isscalar(a) else ctypes.c_void_p(a.ctypes.data) for a in given]
        self._library.launch(*grid, (ctypes.c_void_p * len(kinds))(*map(ctypes.addressof, kinds)))


LARGE = {
    "MaxRegistersPerMultiprocessor": 65536,
    "MaxSharedMemoryPerMultiprocessor": 233472,
    "MaxSharedMemoryPerBlockOptin": 232448,
    "MultiProcessorCount": 2,
}
SMALL = {"MaxRegistersPerMultiprocessor": 16384, "MultiProcessorCount": int(os.environ.get("PRETENDED_TILES", "1"))}


class _Device:
    attributes = SMALL if "PRETENDED_TILES" in os.environ else LARGE

    def __init__(self, number: int = 0) -> None: ...
    def __enter__(self) -> _Device:
        return self

    def __exit__(self, *raised: object) -> None: ...
    def synchronize(self) -> None: ...


class _Event:
    def __init__(self, block: bool = False, disable_timing: bool = False) -> None: ...
    def record(self) -> None:
        self.s = time.perf_counter()

    def synchronize(self) -> None: ...


cuda = SimpleNamespace(
    Device=_Device,
    Event=_Event,
    get_elapsed_time=lambda first, last: 1000 * (last.s - first.s),
    runtime=SimpleNamespace(
        getDeviceCount=lambda: int(os.environ.get("PRETENDED_GPUS", "1")),
        memGetInfo=lambda: (10**9, 2 * 10**9),
        getDeviceProperties=lambda number: {"name": b"none, pretended"},
        runtimeGetVersion=lambda: 0,
        driverGetVersion=lambda: 0,
    ),
    compiler=SimpleNamespace(CompileException=type("CompileException", (Exception,), {})),
)
