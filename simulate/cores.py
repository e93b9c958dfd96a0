"""How many cores there are to work with."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_beside(device: str) -> int:
    """Threads of a process that draw, sort and write the trials which `device` integrates.

    A GPU would wait for one of them; on CPUs each core has a process of its own.
    """
    return 1 if device == "cpu" else available_cores()


def batches_beside(device: str) -> int:
    """Batches of trials that a process has in hand: beside a GPU one is drawn, one integrated, one written."""
    return 1 if device == "cpu" else 3
