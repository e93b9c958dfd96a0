"""The devices there are, by name."""

from __future__ import annotations

from collections.abc import Sequence

from . import cpu, gpu
from .device import Device
from .source import Source


def named(name: str, source: Source) -> Sequence[Device]:
    """The devices of 'cpu' or 'cuda', with a generated step compiled for each. Raises InputError as they do."""
    return gpu.gpus(source) if name == "cuda" else [cpu.Cpu(source.text)]
