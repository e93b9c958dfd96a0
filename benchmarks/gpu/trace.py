"""Every access of the kernel of engine `batched` to its rows and tables, written down by its own text (traced.h)."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from apical.simulate.engine.batched import gpu, library
from apical.simulate.engine.batched.layout import Layout

ROWS, NUMBERS, INDICES = range(3)
WARP = 32
FIELDS = ("step", "thread", "phase", "line", "space", "write", "place")
ARRAYS = (("rows", ROWS, "real"), ("numbers", NUMBERS, "const real"), ("indices", INDICES, "const int"))
RUN = """
template <class... A, size_t... I> static void call(void (*f)(A...), void** given, std::index_sequence<I...>) {
    f(*(A*)given[I]...);
}
template <class... A> static void every(void (*f)(A...), void** given) {
    for (threadIdx.y = 0; threadIdx.y < WIDTH; ++threadIdx.y)
        for (threadIdx.x = 0; threadIdx.x < LANES; ++threadIdx.x) {
            phase = 0;
            call(f, given, std::index_sequence_for<A...>());
        }
}
extern "C" void launch(void** given) { every(run_tiles, given); }
extern "C" long long count() { return accesses.size(); }
extern "C" void* all() { return accesses.data(); }
#ifdef ON_CHIP
real state[N_ROWS * LANES];
#endif
"""


class Tracer:
    """A Device that integrates nothing, and writes down what the kernel would read and write."""

    at_once = threads = 1

    def __init__(self, folder: Path, text: str, of: Layout) -> None:
        self.lanes = of.lanes
        kernel = gpu.kernel_text(text, of)
        for name, space, kind in ARRAYS:
            kernel = kernel.replace(f"{kind}* {name};", f"Array<{kind}, {space}> {name};")
            kernel = kernel.replace(f"t.{name}[", f"t.{name}.on(__LINE__)[")
        kernel = kernel.replace("const real now_ms", "step_now = r.steps_before + k;\n        const real now_ms")
        sizes, begins, rest = kernel.partition("typedef ")
        (folder / "kernel.cpp").write_text(f'{sizes}#include "traced.h"\n{begins}{rest}\n{RUN}')
        command = [*library.compiler(), "-std=c++17", "-O1", "-w", "-fPIC", "-shared", f"-I{Path(__file__).parent}"]
        subprocess.run([*command, "-o", folder / "kernel.so", folder / "kernel.cpp"], check=True)
        self._library = ctypes.CDLL(str(folder / "kernel.so"))
        self._library.count.restype, self._library.all.restype = ctypes.c_longlong, ctypes.c_void_p

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
        self._library.launch((ctypes.c_void_p * len(given))(*map(ctypes.addressof, given)))

    def fetch(self, array: np.ndarray, n: int) -> Callable[[], np.ndarray]:
        found = array[:n].copy()
        return lambda: found

    def accesses(self) -> dict[str, np.ndarray]:
        """What was accessed, thread by thread."""
        room = (ctypes.c_int * (self._library.count() * len(FIELDS))).from_address(self._library.all())
        columns = np.frombuffer(room, np.int32).reshape(-1, len(FIELDS)).T.copy()
        return dict(zip(FIELDS, columns, strict=True))


class Request(NamedTuple):
    """What a warp asks for at once: places in an array, in numbers of 4 bytes."""

    step: int
    space: int
    write: bool
    places: np.ndarray


def requests(accesses: dict[str, np.ndarray]) -> Iterator[Request]:
    """Of each warp what its threads access in the same line of the text for the same time, warps and times in turn."""
    of = _once(accesses)
    n = len(of["step"])
    turn = np.empty(n, int)  # how often a thread was at this line since the barrier
    seen: dict[tuple, int] = {}
    keys = zip(*(of[name].tolist() for name in ("step", "thread", "phase", "line", "space", "write")), strict=True)
    for number, key in enumerate(keys):
        turn[number] = seen[key] = seen.get(key, -1) + 1
    sorting = (of["write"], of["space"], of["line"], of["thread"] // WARP, turn, of["phase"], of["step"])
    order = np.lexsort(sorting)
    what = np.stack(sorting)[:, order]
    cuts = np.flatnonzero((what[:, 1:] != what[:, :-1]).any(axis=0)) + 1
    for begin, places in zip([0, *cuts.tolist()], np.split(of["place"][order], cuts), strict=True):
        yield Request(int(what[-1, begin]), int(what[1, begin]), bool(what[0, begin]), places)


def _once(accesses: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Without what a thread reads again in the same line: a compiler keeps it."""
    reads = accesses["write"] == 0
    same = np.stack([accesses[name] for name in FIELDS if name != "write"])[:, reads]
    keep = np.ones(len(reads), bool)
    keep[reads] = False
    keep[np.flatnonzero(reads)[np.unique(same, axis=1, return_index=True)[1]]] = True
    return {name: values[keep] for name, values in accesses.items()}
