"""How a GPU's threads share a tile: its rows in the memory of a multiprocessor where they fit, else in the device's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

RESERVED_BYTES = 1024  # of a multiprocessor's memory, for each block (CUDA C++ Programming Guide, 16.8.3)
WAVES = 2  # tiles in turn for each block: long launches for the host, and 2,000 trials are still several batches
WARP = 32


@dataclass(frozen=True)
class Layout:
    """A tile of `lanes` trials is a block of lanes x width threads, of which `width` share the places of the cell.

    blocks: at the same time on a multiprocessor. on_chip: whether the rows stay there for a whole launch; they do not
    otherwise, and go through the device's memory in every step.
    """

    lanes: int
    width: int
    blocks: int
    on_chip: bool


def layout(trial_bytes: int, real_bytes: int, of_gpu: Mapping[str, int]) -> Layout:
    """The layout for trials whose rows have so many bytes. of_gpu: its attributes, as CUDA calls them.

    On the chip there are two blocks at least, so that one computes while another waits, and as many lanes as they leave
    room for, since what a block reads of the cell's tables serves all of its lanes.
    """
    of_multiprocessor = of_gpu.get("MaxSharedMemoryPerMultiprocessor", 0)
    of_block = of_gpu.get("MaxSharedMemoryPerBlockOptin", 0)
    threads = _threads(real_bytes, of_gpu)
    for lanes in (32, 16, 8, 4, 2, 1):
        tile_bytes = lanes * trial_bytes
        blocks = min(of_multiprocessor // (tile_bytes + RESERVED_BYTES), 8)
        if tile_bytes <= of_block and blocks >= (2 if lanes > 1 else 1):
            return Layout(lanes, threads // blocks // WARP * WARP // lanes, blocks, True)
    return streamed(real_bytes, of_gpu)


def streamed(real_bytes: int, of_gpu: Mapping[str, int]) -> Layout:
    """The layout of rows in the device's memory: a warp has a row."""
    return Layout(WARP, width=8, blocks=max(1, _threads(real_bytes, of_gpu) // (8 * WARP)), on_chip=False)


def _threads(real_bytes: int, of_gpu: Mapping[str, int]) -> int:
    """Of a multiprocessor: with 64 registers each, 128 in 64 bits, which the generated code needs."""
    return of_gpu["MaxRegistersPerMultiprocessor"] // (16 * real_bytes)
