"""One core of this processor as a Device: a tile is a vector register, a trial in each of its lanes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from ...cores import available_cores
from ...schema import InputError
from . import library, memory

ALIGNED = 64  # bytes of the longest vector registers


class Cpu:
    """A Device that has done what it is asked for when the call returns."""

    at_once = threads = 1

    def __init__(self, step_text: str) -> None:
        self._library = library.load(step_text)
        self.lanes = self._library.lanes_of_tile()

    def refusal(self, told: str) -> InputError:
        return InputError(f"engine 'batched': {told}")

    def current(self) -> AbstractContextManager:
        return nullcontext()

    def free_bytes(self) -> int:
        return memory.host_bytes() // available_cores()  # each core has a process of its own

    def empty(self, n: int, dtype: np.dtype) -> np.ndarray:
        room = np.empty(n + ALIGNED // dtype.itemsize, dtype)
        return room[-room.ctypes.data % ALIGNED // dtype.itemsize :][:n]

    def put(self, values: np.ndarray, copies: int = 1) -> np.ndarray:
        room = self.empty(copies * values.size, values.dtype)
        room.reshape(copies, values.size)[:] = values
        return room

    def launch(self, tiles: int, *arguments: Any) -> None:
        given = [each if isinstance(each, int) else ctypes.c_void_p(each.ctypes.data) for each in arguments]
        self._library.run_tiles(tiles, *given)

    def fetch(self, array: np.ndarray, n: int) -> Callable[[], np.ndarray]:
        found = array[:n].copy()
        return lambda: found
