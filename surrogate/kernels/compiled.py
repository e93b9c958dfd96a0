"""The kernels compiled for this kind of processor: once, kept in the user's cache, then loaded."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import torch

from ...simulate.schema import making

# one text, in this order: the others use what the first defines
SOURCES = (
    *("recurrence/kernel.cpp", "spike_convolution.cpp", "recurrence/gates.cpp", "recurrence/spiking.cpp"),
    *("recurrence/network_wiring.cpp", "recurrence/network.cpp", "recurrence/network_output.cpp", "nadam.cpp"),
    "population.cpp",
)
# a copy of a few registers is not made a call, or an instruction that copies memory
NO_CALLS = "-fno-tree-loop-distribute-patterns"
FLAGS = f"-std=c++17 -O3 -fno-math-errno -fno-trapping-math {NO_CALLS} -fopenmp -fPIC -shared"
AVX2_FLAGS = "-mavx2 -mfma"  # eight lanes are one register; without them the compiler uses what there is


class NoKernel(Exception):
    """The kernel cannot be compiled or loaded here; the message says why."""


def kernel() -> ctypes.CDLL:
    """The loaded library; compiled first where it is not there (a few seconds). Raises NoKernel."""
    found = _kernel()
    if isinstance(found, str):
        raise NoKernel(found)
    return found


def why_not(weight: torch.Tensor) -> str:
    """Why the kernels do not take what this weight multiplies, or ""."""
    if weight.device.type != "cpu":
        return f"on {weight.device.type}"
    if weight.dtype != torch.float32:
        return f"weights are {weight.dtype}"
    found = _kernel()
    return found if isinstance(found, str) else ""


@functools.cache
def _kernel() -> ctypes.CDLL | str:
    """The library, or why there is none: a compiler that fails is not asked again."""
    try:
        return _loaded()
    except NoKernel as error:
        return str(error)


def _loaded() -> ctypes.CDLL:
    from filelock import FileLock
    from platformdirs import user_cache_path

    source = b"".join(files(__package__).joinpath(name).read_bytes() for name in SOURCES)
    compiler = shlex.split(os.environ.get("CXX", "g++"))
    command = [*compiler, *_flags().split()]
    identity = "\0".join([*command, platform.machine()]).encode()
    folder = user_cache_path("apical", appauthor=False) / "recurrence"
    library = folder / f"{hashlib.sha256(source + identity).hexdigest()[:16]}.so"
    try:
        if not library.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{library}.lock"):  # two processes may ask at once
                if not library.is_file():
                    _compile(command, source, library)
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise NoKernel(f"{library}: {error}") from error


def _compile(command: list[str], source: bytes, library: Path) -> None:
    if shutil.which(command[0]) is None:
        raise NoKernel(f"there is no C++ compiler '{command[0]}'")
    with making(library) as made:
        done = subprocess.run([*command, "-x", "c++", "-", "-o", str(made)], input=source, capture_output=True)
        if done.returncode:
            raise NoKernel(f"{command[0]} failed: {done.stderr.decode(errors='replace').strip()[:300]}")


def _flags() -> str:
    """FLAGS and what this processor takes; PyTorch has looked."""
    has_avx2 = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    return f"{FLAGS} {AVX2_FLAGS}" if has_avx2 else FLAGS
