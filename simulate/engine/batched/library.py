"""Generated source to a shared library: compiled once, kept in the user's cache beside its source."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from ...folders import cache_folder
from ...mechanisms.library import processor
from ...schema import InputError, making

HEADERS = ("lanes.h", "tile.h", "chains.h", "cpu.h")
# For this processor. Not associative: 2^x - 1 keeps the digits of a small x only as it is written. Linked without
# -ffast-math, with which GCC would change the rounding mode of the whole process.
FLAGS = (
    "-std=c++17 -O3 -march=native -ffast-math -fno-finite-math-only -fno-associative-math -fschedule-insns "
    "-fsched-pressure -fPIC -Wno-ignored-attributes -Wno-psabi"
)
GENERATED, LIBRARY = "step.h", "step.so"

Busy = Callable[[str], AbstractContextManager]


def compiler() -> list[str]:
    """The C++ compiler, as CXX names it."""
    return shlex.split(os.environ.get("CXX", "g++"))


def folder_of(text: str) -> Path:
    """Where the library of a generated source is kept: the source's content, compiler, flags and processor count."""
    digest = hashlib.sha256()
    headers = [Path(__file__).with_name(name).read_text() for name in HEADERS]
    for part in (text, *headers, FLAGS, *compiler(), processor()):
        digest.update(part.encode() + b"\0")
    return cache_folder() / "batched" / digest.hexdigest()[:16]


def compiled(text: str, busy: Busy = nullcontext) -> Path:
    """The folder of the library of a generated source, which is compiled first where it is not there.

    busy: called with a message, its result is entered while the compiler runs. Safe when several processes ask at once.
    Raises InputError without a C++ compiler, or where it fails.
    """
    from filelock import FileLock

    target = folder_of(text)
    if (target / LIBRARY).is_file():
        return target
    if shutil.which(compiler()[0]) is None:
        raise InputError(
            f"engine 'batched': no C++ compiler: '{compiler()[0]}' is not on PATH; install it (Debian and Ubuntu: "
            "apt-get install g++), or name one in CXX"
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(str(target) + ".lock"):
            if not (target / LIBRARY).is_file():
                with busy("Compiling a time step of this cell (once, some seconds)"):
                    _compile(text, target)
    except OSError as error:
        raise InputError(f"cache folder {target.parent}: cannot be used ({error}); set XDG_CACHE_HOME") from error
    return target


def load(text: str) -> ctypes.CDLL:
    """The library of a generated source, in this process. Raises InputError as `compiled`."""
    return ctypes.CDLL(str(compiled(text) / LIBRARY))


def _compile(text: str, target: Path) -> None:
    with making(target) as work:
        work.mkdir()
        for name in HEADERS:
            shutil.copy(Path(__file__).with_name(name), work / name)
        (work / GENERATED).write_text(text)
        (work / "step.cpp").write_text(f'#include "{GENERATED}"\n#include "cpu.h"\n')
        for arguments in ([*shlex.split(FLAGS), "-c", "step.cpp"], ["-shared", "-o", LIBRARY, "step.o"]):
            done = subprocess.run([*compiler(), *arguments], cwd=work, capture_output=True, text=True)
            if done.returncode:
                log = target.with_suffix(".log")
                log.write_text(done.stdout + done.stderr)
                raise InputError(f"engine 'batched': {compiler()[0]} cannot compile the time step: see {log}")
