"""A GPU as a Device, through CuPy: the only place that imports it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ...cores import threads_beside
from ...schema import InputError
from .device import Device
from .layout import WAVES, Layout, layout

HEADERS = ("tile.h", "lanes.h", "rounds.h", "chains.h", "cuda.h")  # each after the one that includes it
OPTIONS = ("--std=c++17",)  # CuPy adds -ftz=true: as on the CPU, 32-bit numbers too small to be normal are 0
INSTALL = "pip install 'cupy-cuda12x[ctk]', or cupy-cuda13x where the driver is of CUDA 13"


def kernel_text(step_text: str, layout: Layout) -> str:
    """The CUDA source of a generated step in one text, headers included: what is compiled depends on nothing else."""
    sizes = f"#define LANES {layout.lanes}\n#define WIDTH {layout.width}\n"
    sizes += f"#define BLOCKS {layout.blocks}\n" + ("#define ON_CHIP\n" if layout.on_chip else "")
    text = f'#define ONE_LANE_PER_THREAD\n{sizes}{step_text}\n#include "cuda.h"\n'
    for name in HEADERS:
        header = Path(__file__).with_name(name).read_text()
        text = text.replace(f'#include "{name}"\n', header.replace("#pragma once\n", ""))
    return text


def refusal(told: str) -> InputError:
    """One line about what is in the way."""
    return InputError(f"engine 'batched', device cuda: {' '.join(told.split())}; or give --device cpu")


def count() -> int:
    """How many GPUs there are: all of this machine, or those that CUDA_VISIBLE_DEVICES names.

    Raises InputError without CuPy, and without a GPU.
    """
    try:
        import cupy
    except ImportError as error:
        raise refusal(f"needs CuPy ({error}): {INSTALL}") from error
    try:
        found = int(cupy.cuda.runtime.getDeviceCount())
    except RuntimeError as error:  # no device, no driver, or one that is too old
        raise refusal(_why_none(cupy.cuda.runtime, str(error))) from error
    if not found:
        raise refusal("no GPU to be used (CUDA finds none)")
    return found


def _why_none(runtime: Any, told: str) -> str:
    """In words that say what to do. Without any driver CUDA calls it too old, and its version 0."""
    if "InsufficientDriver" not in told:
        return f"no GPU to be used ({told})"
    if not runtime.driverGetVersion():
        return "no driver of an NVIDIA GPU is installed"
    of = (runtime.driverGetVersion(), runtime.runtimeGetVersion())
    driver, needed = (f"{number // 1000}.{number % 1000 // 10}" for number in of)  # 12040 is 12.4
    return f"the driver is of CUDA {driver}, CuPy needs {needed}: bring the driver up to date, or {INSTALL}"


@lru_cache(maxsize=1)
def gpus(step_text: str, trial_bytes: int, real_bytes: int) -> Sequence[Device]:
    """All GPUs, with a generated step compiled for each; CuPy keeps what it has compiled in a cache of its own.

    trial_bytes: of the rows of a trial; real_bytes: of a number.
    Raises InputError as `count`, and where the step cannot be compiled.
    """
    return [Gpu(number, step_text, trial_bytes, real_bytes) for number in range(count())]


class Gpu:
    """One GPU through CuPy: a Device. Copies and launches are queued in its default stream."""

    def __init__(self, number: int, step_text: str, trial_bytes: int, real_bytes: int) -> None:
        import cupy

        self._cupy, self._number = cupy, number
        self.threads = max(1, threads_beside("cuda") // cupy.cuda.runtime.getDeviceCount())
        try:
            with self.current():
                of_gpu = cupy.cuda.Device(number).attributes
                self.layout = layout(trial_bytes, real_bytes, of_gpu)
                self.lanes = self.layout.lanes
                code = kernel_text(step_text, self.layout)
                module = cupy.RawModule(code=code, options=OPTIONS, backend="nvrtc")
                self._kernel = module.get_function("run_tiles")
                self._shared_bytes = self.lanes * trial_bytes if self.layout.on_chip else 0
                if self.layout.on_chip:
                    self._kernel.max_dynamic_shared_size_bytes = self._shared_bytes
                    self._kernel.preferred_shared_memory_carveout = 100  # per cent of what there is
                waves = WAVES if self.layout.on_chip else 1
                self.at_once = of_gpu["MultiProcessorCount"] * self.layout.blocks * waves
        except (RuntimeError, MemoryError, cupy.cuda.compiler.CompileException) as error:
            raise refusal(f"cannot compile the time step ({str(error)[:300]}): {INSTALL}") from error

    def refusal(self, told: str) -> InputError:
        return refusal(told)

    @contextmanager
    def current(self) -> Iterator[None]:
        with self._cupy.cuda.Device(self._number):
            try:
                yield
            except RuntimeError as error:  # CuPy's MemoryError is of its pool alone
                if "MemoryAllocation" in str(error) or "OUT_OF_MEMORY" in str(error):
                    raise MemoryError(str(error)) from error
                raise refusal(f"the GPU failed ({error}); what is written stays, --resume goes on") from error
            finally:
                self._cupy.get_default_memory_pool().free_all_blocks()

    def free_bytes(self) -> int:
        with self.current():
            return int(self._cupy.cuda.runtime.memGetInfo()[0])

    def empty(self, n: int, dtype: np.dtype) -> Any:
        return self._cupy.empty(n, dtype)

    def put(self, values: np.ndarray, copies: int = 1) -> Any:
        room = self._cupy.empty((copies, values.size), values.dtype)
        room[:] = self._cupy.asarray(values)
        return room

    def launch(self, tiles: int, *arguments: Any) -> None:
        given = [np.int32(each) if isinstance(each, int) else each for each in arguments]
        self._kernel((tiles,), (self.lanes, self.layout.width), tuple(given), shared_mem=self._shared_bytes)

    def fetch(self, array: Any, n: int) -> Callable[[], np.ndarray]:
        import cupyx

        if not n:
            return lambda: np.empty(0, array.dtype)
        found = cupyx.empty_pinned(n, array.dtype)
        array.data.copy_to_host_async(found.ctypes.data, found.nbytes)
        copied = self._cupy.cuda.Event(block=True, disable_timing=True)
        copied.record()

        def wait() -> np.ndarray:
            copied.synchronize()
            return found

        return wait
