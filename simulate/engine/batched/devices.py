"""The devices there are, by name."""

from __future__ import annotations

from collections.abc import Sequence

from . import cpu, gpu
from .device import Device
from .source import Source


def named(name: str, source: Source) -> Sequence[Device]:
    """The devices of 'cpu' or 'cuda', with a generated step compiled for each. Raises InputError as they do."""
    if name == "cuda":
        return gpu.gpus(source.text, source.trial_bytes, source.real.itemsize)
    return [cpu.Cpu(source.text)]
