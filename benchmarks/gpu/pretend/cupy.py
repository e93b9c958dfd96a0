"""CuPy without a GPU, as much of it as `apical` asks for: with this folder first on the path `import cupy` finds it.

PRETENDED_GPUS says how many there are, PRETENDED_TILES how many tiles keep one busy: 1 and 10 unless they are set.
Arrays are NumPy's. A kernel is its CUDA text as g++ compiles it, with one warp to a tile: no thread of it then waits
for another, so that they can run one after another. What it computes is what the text says, and it takes its time.
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

BEFORE = """
#include <math.h>
#include <utility>
#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(threads)
struct Index { int x, y, z; };
static Index threadIdx, blockIdx;
static void __syncthreads() {}
static inline float __fdividef(float a, float b) { return a / b; }
"""
AFTER = """
template <class... A, size_t... I> static void call(void (*f)(A...), void** given, std::index_sequence<I...>) {
    f(*(A*)given[I]...);
}
template <class... A> static void every(void (*f)(A...), int blocks, void** given) {
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
        for (threadIdx.x = 0; threadIdx.x < LANES; ++threadIdx.x) call(f, given, std::index_sequence_for<A...>());
}
extern "C" void launch(int blocks, void** given) { every(run_tiles, blocks, given); }
"""


class ndarray(np.ndarray):
    """An array "on the GPU"."""

    def set(self, values: np.ndarray) -> None:
        self[...] = values

    def get(self) -> np.ndarray:
        return np.array(self)

    @property
    def data(self) -> SimpleNamespace:
        return SimpleNamespace(copy_to_host_async=lambda to, n_bytes: ctypes.memmove(to, self.ctypes.data, n_bytes))


def empty(shape: int | tuple[int, ...], dtype: np.dtype) -> ndarray:
    return np.empty(shape, dtype).view(ndarray)


def get_default_memory_pool() -> SimpleNamespace:
    return SimpleNamespace(free_all_blocks=lambda: None)


class RawModule:
    """The CUDA text of a generated step; its one function is called as CuPy's are."""

    def __init__(self, code: str, options: tuple[str, ...], backend: str) -> None:
        from apical.simulate.engine.batched import library

        head, warps, rest = code.partition("#define WARPS ")
        assert warps, "expected the text of gpu.kernel_text"
        text = f"{BEFORE}{head}#define WARPS 1\n{rest.partition(chr(10))[2]}{AFTER}"
        with tempfile.TemporaryDirectory() as folder:
            source, made = (Path(folder, name) for name in ("kernel.cpp", "kernel.so"))
            source.write_text(text)
            command = [*library.compiler(), "-std=c++17", "-O1", "-w", "-fPIC", "-shared", "-o", made, source]
            subprocess.run(command, check=True)
            self._library = ctypes.CDLL(str(made))  # which stays when the file is gone

    def get_function(self, name: str) -> RawModule:
        assert name == "run_tiles"
        return self

    num_regs = 48

    def __call__(self, grid: tuple[int], block: tuple[int, int], given: tuple) -> None:
        kinds = [ctypes.c_int(int(a)) if np.isscalar(a) else ctypes.c_void_p(a.ctypes.data) for a in given]
        self._library.launch(*grid, (ctypes.c_void_p * len(kinds))(*map(ctypes.addressof, kinds)))


class _Device:
    attributes = {  # noqa: RUF012
        "MaxRegistersPerMultiprocessor": 0,  # too few for more than one tile
        "MaxThreadsPerMultiProcessor": 2048,
        "MultiProcessorCount": int(os.environ.get("PRETENDED_TILES", "10")),
    }

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
