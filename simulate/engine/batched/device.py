"""What integrates tiles of trials: memory, one kernel, copies. The CPU is one, and every GPU is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

from ...schema import InputError


class Device(Protocol):
    """Where tiles of `lanes` trials are integrated.

    What it is asked for it does in turn, and may do while the caller goes on. at_once: tiles that keep it busy.
    threads: of this process that may prepare its input.
    """

    lanes: int
    at_once: int
    threads: int

    def refusal(self, told: str) -> InputError:
        """One line about what is in the way of it."""

    def current(self) -> AbstractContextManager:
        """Within it, this thread's calls are to this device. Raises MemoryError where its memory does not suffice."""

    def free_bytes(self) -> int:
        """Memory that nobody uses yet."""

    def empty(self, n: int, dtype: np.dtype) -> Any:
        """Room for n numbers."""

    def put(self, values: np.ndarray, copies: int = 1) -> Any:
        """`copies` of `values`, one after another."""

    def launch(self, tiles: int, *arguments: Any) -> None:
        """Begin run_tiles of cpu.h or cuda.h. arguments: in its order, what `empty` and `put` gave, and int."""

    def fetch(self, array: Any, n: int) -> Callable[[], np.ndarray]:
        """Begin to copy the first n numbers back; what it returns waits for them."""
