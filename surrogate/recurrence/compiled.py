"""kernel.cpp compiled for this processor: once per machine, kept in the user's cache, then loaded."""

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
from tempfile import TemporaryDirectory

FLAGS = "-std=c++17 -O3 -march=native -fno-math-errno -fno-trapping-math -fopenmp -fPIC -shared"


class NoKernel(Exception):
    """The kernel cannot be compiled or loaded here; the message says why."""


def kernel() -> ctypes.CDLL:
    """The loaded library; compiled first where it is not there (about a second). Raises NoKernel."""
    found = _kernel()
    if isinstance(found, str):
        raise NoKernel(found)
    return found


@functools.cache
def _kernel() -> ctypes.CDLL | str:
    """The library, or why there is none: a compiler that fails is not asked again."""
    try:
        return _loaded()
    except NoKernel as error:
        return str(error)


def _loaded() -> ctypes.CDLL:
    from platformdirs import user_cache_path

    source = (files(__package__) / "kernel.cpp").read_bytes()
    compiler = shlex.split(os.environ.get("CXX", "g++"))
    identity = "\0".join([*compiler, FLAGS, platform.machine(), _processor_features()]).encode()
    folder = user_cache_path("apical", appauthor=False) / "recurrence"
    library = folder / f"{hashlib.sha256(source + identity).hexdigest()[:16]}.so"
    try:
        if not library.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            _compile(compiler, source, library)
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise NoKernel(f"{library}: {error}") from error


def _compile(compiler: list[str], source: bytes, library: Path) -> None:
    if shutil.which(compiler[0]) is None:
        raise NoKernel(f"there is no C++ compiler '{compiler[0]}'")
    with TemporaryDirectory(dir=library.parent) as work:
        made = Path(work, "kernel.so")  # renamed when it is whole, so two processes may compile at once
        command = [*compiler, *FLAGS.split(), "-x", "c++", "-", "-o", str(made)]
        done = subprocess.run(command, input=source, capture_output=True)
        if done.returncode:
            raise NoKernel(f"{compiler[0]} failed: {done.stderr.decode(errors='replace').strip()[:300]}")
        made.replace(library)


def _processor_features() -> str:
    try:
        with Path("/proc/cpuinfo").open() as info:
            return next((line for line in info if line.startswith(("flags", "Features"))), "")
    except OSError:
        return platform.processor()
