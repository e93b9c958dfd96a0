"""Where a model runs."""

from __future__ import annotations

import re
import warnings
from contextlib import AbstractContextManager, nullcontext

import torch

from ..simulate.schema import InputError

LARGE_PRODUCTS = ("tcn", "lstm", "gru")  # families whose steps have them


def choose_device(name: str = "auto") -> torch.device:
    """The device of a name: 'auto' is CUDA where there is any, else the CPU; 'cuda:N' is one GPU of several.

    Raises InputError for CUDA that is not there, or another name.
    """
    one = re.fullmatch(r"cuda:(0|[1-9]\d{0,3})", name)
    if name not in ("auto", "cpu", "cuda") and not one:
        raise InputError(f"device '{name}': choose auto, cpu or cuda, or cuda:N for one GPU of several")
    if name == "cuda" or one:
        with warnings.catch_warnings(record=True) as told:  # why not, such as a driver that is too old
            warnings.simplefilter("always")
            there = torch.cuda.is_available()
        if not there:
            why = f" ({' '.join(str(told[0].message).split())})" if told else ""
            raise InputError(f"device '{name}': this PyTorch finds no CUDA device{why}; use --device cpu, or auto")
    if one:
        if int(one[1]) >= torch.cuda.device_count():
            there = ", ".join(f"cuda:{number}" for number in range(torch.cuda.device_count()))
            raise InputError(f"device '{name}': there is no such GPU; choose {there}")
        return torch.device(name)
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def at(device: torch.device) -> AbstractContextManager:
    """Within it, kernels are launched on this GPU, if one of several was named."""
    return nullcontext() if device.index is None else torch.cuda.device(device)


def count_of_gpus(name: str) -> int:
    """How many GPUs a name leaves open: 0 where it names one, or the CPU."""
    return torch.cuda.device_count() if name in ("auto", "cuda") and torch.cuda.is_available() else 0


def gpu_of(process: int | None, name: str) -> str:
    """The device of one of several processes, by its number from 0: of several GPUs that a name leaves open, by turn.

    process: None where the processes are not counted: the name holds for all of them.
    """
    count = count_of_gpus(name)
    return name if process is None or count < 2 else f"cuda:{process % count}"


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
