"""The devices there are, by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from . import cpu, gpu
from .device import Device
from .source import Source


def named(name: str, source: Source) -> Sequence[Device]:
    """The devices of 'cpu', 'cuda' (all GPUs) or 'cuda:N', with a generated step compiled for each.

    Raises InputError as they do.
    """
    if name == "cpu":
        return [cpu.Cpu(source.text)]
    given = (source.text, source.trial_bytes, source.real.itemsize)
    return gpu.gpus(*given) if name == "cuda" else [_one(_number(name), *given)]


def is_gpu(name: str) -> bool:
    """Whether it means GPUs: 'cuda' all of them, 'cuda:N' one."""
    return re.fullmatch(r"cuda(:(0|[1-9]\d{0,3}))?", name) is not None


def check(name: str) -> None:
    """Raise InputError for a GPU that is not there, or where there is none."""
    count = gpu.count()
    if name != "cuda" and _number(name) >= count:
        there = "cuda:0 alone" if count == 1 else f"cuda:0 to cuda:{count - 1}"
        raise gpu.refusal(f"there is no {name}, but {there}; name one that is there")


def _number(name: str) -> int:
    return int(name.removeprefix("cuda:"))


@lru_cache(maxsize=1)
def _one(number: int, step_text: str, trial_bytes: int, real_bytes: int) -> Device:
    return gpu.Gpu(number, step_text, trial_bytes, real_bytes)
