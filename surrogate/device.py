"""Where a model runs."""

from __future__ import annotations

import warnings

import torch

from ..simulate.schema import InputError

LARGE_PRODUCTS = ("tcn", "lstm", "gru")  # families whose steps have them


def choose_device(name: str = "auto") -> torch.device:
    """The device of a name: 'auto' is CUDA where there is any, else the CPU.

    Raises InputError for CUDA that is not there, or another name.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"device '{name}': choose auto, cpu or cuda")
    if name == "cuda":
        with warnings.catch_warnings(record=True) as told:  # why not, such as a driver that is too old
            warnings.simplefilter("always")
            there = torch.cuda.is_available()
        if not there:
            why = f" ({' '.join(str(told[0].message).split())})" if told else ""
            raise InputError(f"device 'cuda': this PyTorch finds no CUDA device{why}; use --device cpu, or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def check_precision(precision: str, family: str, device: torch.device) -> None:
    """Raise InputError where a fit of this family cannot be in this precision on this device."""
    if precision == "float32":
        return
    if family == "elm":
        raise InputError(f"precision '{precision}': an elm's time constants need more digits; use float32")
    if family not in LARGE_PRODUCTS:
        raise InputError(f"precision '{precision}': {family} has no large products that it would be for; use float32")
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise InputError(
            f"precision '{precision}': {torch.cuda.get_device_name(device)} does not compute so; use float32"
        )
