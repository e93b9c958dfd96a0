"""What a step of engine `batched` moves through a GPU's memories, counted without one.

    python benchmarks/gpu/traffic.py
    python benchmarks/gpu/traffic.py --streamed     # the kernel for cells that do not fit into a multiprocessor

Of every access that the kernel's text makes (trace.py) it is told where it is answered. What a warp asks for at once
takes a multiprocessor's own memory as many cycles as one of its 32 banks has different words to give; elsewhere it
moves lines of 128 bytes, or sectors of 32. Caches keep what was used last, and the blocks that are resident share them.
Printed for a trial and a step in 32 bits, and how many simulated seconds per second a memory would allow if nothing
else took time.
"""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from trace import ROWS, Request, accesses, requests

import numpy as np
from sequential import H200, KB, MULTIPROCESSORS, NUMBER, Subject, options

from apical.simulate.engine.batched.layout import Layout
from apical.simulate.engine.batched.pieces import PIECE_MS

SECTOR, LINE, BANKS = 32, 128, 32
L1, L2 = 256 * KB, 50 * KB * KB  # of an H200; its L1 and shared memory are one


class Cache:
    """Keeps so many pieces, those used last."""

    def __init__(self, pieces: int) -> None:
        self._pieces = pieces
        self._kept: OrderedDict[tuple[int, int], bool] = OrderedDict()

    def use(self, piece: tuple[int, int], write: bool = False) -> tuple[bool, bool]:
        """Whether it was there, and whether another one that had been written had to go for it."""
        there = piece in self._kept
        self._kept[piece] = self._kept.pop(piece, False) or write
        full = len(self._kept) > self._pieces
        return there, full and self._kept.popitem(last=False)[1]


def pieces(request: Request, n_bytes: int) -> list[tuple[int, int]]:
    return [(request.space, number) for number in np.unique(request.places * NUMBER // n_bytes).tolist()]


def on_chip(asked: Iterable[Request], each: Layout, trial_bytes: int, launch_steps: int) -> dict[str, float]:
    """Of a trial and a step: what its own memory, the L2 and the device's memory give."""
    tables = Cache((L1 - H200["MaxSharedMemoryPerMultiprocessor"]) // each.blocks // SECTOR)
    cycles = found = sectors = numbers = 0
    for request in asked:
        if request.space == ROWS:
            if request.step == 1:
                found += 1
                numbers += len(request.places)
                cycles += int(np.bincount(np.unique(request.places) % BANKS).max())
            continue
        missed = sum(not tables.use(piece)[0] for piece in pieces(request, SECTOR))
        sectors += missed * (request.step == 1)
    return {
        "accesses of threads": numbers / each.lanes,
        "requests of warps": found / each.lanes,
        "cycles": cycles / each.lanes,
        "bytes of L2": sectors * SECTOR / each.lanes,
        "bytes of device": 2 * trial_bytes / launch_steps,
    }


def streamed(asked: Iterable[Request], each: Layout) -> dict[str, float]:
    """Of a trial and a step: what is asked for, what the L1 does not have, and what the L2 does not have."""
    near = Cache(L1 // each.blocks // LINE)
    far = Cache(L2 // (each.blocks * MULTIPROCESSORS) // LINE)
    read = written = from_l2 = from_device = 0
    different: set[tuple[int, int]] = set()
    for request in asked:
        counted = request.step == 1
        for piece in pieces(request, LINE):
            if request.space != ROWS:
                near.use(piece)
                continue
            there, _ = near.use(piece)
            read += counted and not request.write
            written += counted and request.write
            if counted:
                different.add(piece)
            if request.write or not there:
                from_l2 += counted
                there, dirty_went = far.use(piece, request.write)
                from_device += counted * ((not there and not request.write) + dirty_went)
    of_line = LINE / each.lanes
    return {
        "bytes asked for": (read + written) * of_line,
        "each row once, both ways": 2 * len(different) * of_line,
        "bytes of L2": from_l2 * of_line,
        "bytes of device": from_device * of_line,
    }


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--device-tb-s", type=float, default=4.3, help="terabytes a second of the GPU's memory")
    parser.add_argument("--l2-tb-s", type=float, default=5.5, help="and of its L2")
    given = parser.parse_args()
    subject = Subject(given)
    dt_ms = subject.step.dt_ms
    with tempfile.TemporaryDirectory() as folder:
        asked = requests(accesses(subject, Path(folder), steps=2))
    if subject.layout.on_chip:
        found = on_chip(asked, subject.layout, subject.trial_bytes, round(PIECE_MS / dt_ms))
    else:
        found = streamed(asked, subject.layout)
    most = {
        "cycles": MULTIPROCESSORS * given.clock_ghz * 1e9,
        "bytes of L2": given.l2_tb_s * 1e12,
        "bytes of device": given.device_tb_s * 1e12,
        "bytes asked for": given.device_tb_s * 1e12,
        "each row once, both ways": given.device_tb_s * 1e12,
    }
    print(f"{'of a trial and a step':<26}{'':>12}{'s per s at most':>18}")
    for name, value in found.items():
        ends = f"{most[name] * dt_ms / 1000 / value:>18,.0f}" if name in most and value else ""
        print(f"{name:<26}{value:>12,.0f}{ends}")


if __name__ == "__main__":
    main()
