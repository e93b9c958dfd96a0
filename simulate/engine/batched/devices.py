"""The devices there are, by name."""

from __future__ import annotations

from collections.abc import Sequence

from . import cpu, gpu
from .device import Device


def named(name: str, step_text: str) -> Sequence[Device]:
    """The devices of 'cpu' or 'cuda', with a generated step compiled for each. Raises InputError as they do."""
    return gpu.gpus(step_text) if name == "cuda" else [cpu.Cpu(step_text)]
