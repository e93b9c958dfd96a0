"""Where a model runs."""

from __future__ import annotations

import torch

from ..simulate.schema import InputError


def choose_device(name: str = "auto") -> torch.device:
    """The device of a name: 'auto' is CUDA where there is any, else the CPU.

    Raises InputError for CUDA that is not there, or another name.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"device '{name}': choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device 'cuda': this PyTorch finds no CUDA device; use --device cpu, or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
