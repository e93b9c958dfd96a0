"""Every access of the kernel of engine `batched` to its rows and tables, written down by its own text (traced.h)."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sequential import WARP, Subject, compiled

from apical.simulate.engine.batched import gpu

ROWS, NUMBERS, INDICES = range(3)
FIELDS = ("step", "thread", "phase", "line", "space", "write", "place")
ARRAYS = (("rows", ROWS, "real"), ("numbers", NUMBERS, "const real"), ("indices", INDICES, "const int"))

Accesses = dict[str, np.ndarray]


class Request(NamedTuple):
    """What a warp asks for at once: places in an array, in numbers of 4 bytes."""

    step: int
    space: int
    write: bool
    places: np.ndarray


def accesses(of: Subject, folder: Path, steps: int) -> Accesses:
    """Of one block, thread by thread."""
    text = gpu.kernel_text(of.step.source.text, of.layout)
    for name, space, kind in ARRAYS:
        text = text.replace(f"{kind}* {name};", f"Array<{kind}, {space}> {name};")
        text = text.replace(f"t.{name}[", f"t.{name}.on(__LINE__)[")
    text = text.replace("const real now_ms", "step_now = r.steps_before + k;\n        const real now_ms")
    kernel = compiled(folder, text, "-O1", "traced.h")
    of.run(kernel, steps)
    kernel.access_count.restype, kernel.all_accesses.restype = ctypes.c_longlong, ctypes.c_void_p
    room = (ctypes.c_int * (kernel.access_count() * len(FIELDS))).from_address(kernel.all_accesses())
    columns = np.frombuffer(room, np.int32).reshape(-1, len(FIELDS)).T.copy()
    return dict(zip(FIELDS, columns, strict=True))


def requests(found: Accesses) -> Iterator[Request]:
    """Of each warp what its threads access in the same line of the text for the same time, warps and times in turn."""
    of = _once(found)
    turn = np.empty(len(of["step"]), int)  # how often a thread was at this line since the barrier
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


def _once(found: Accesses) -> Accesses:
    """Without what a thread reads again in the same line: a compiler keeps it."""
    reads = found["write"] == 0
    same = np.stack([found[name] for name in FIELDS if name != "write"])[:, reads]
    keep = ~reads
    keep[np.flatnonzero(reads)[np.unique(same, axis=1, return_index=True)[1]]] = True
    return {name: values[keep] for name, values in found.items()}
