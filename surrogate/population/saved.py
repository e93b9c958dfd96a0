"""A population's state as a file, so that it goes on bit for bit: safetensors, nothing pickled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ...simulate.schema import InputError, writing_whole

VERSION = "1"
MARK = "apical_population"


def identity(arrays: Iterable[np.ndarray], told: dict[str, object]) -> str:
    """A checksum of all that fixes what a population does next, but for its state."""
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def write(path: Path, arrays: dict[str, np.ndarray], made_of: str, time_ms: int) -> None:
    """Raises InputError where it cannot be written."""
    told = {MARK: VERSION, "made_of": made_of, "time_ms": str(time_ms)}
    with writing_whole(path, "save it again") as growing:
        growing.write_bytes(save({name: np.ascontiguousarray(each) for name, each in arrays.items()}, told))


def read(path: Path, made_of: str) -> tuple[dict[str, np.ndarray], int]:
    """State by name, and the bin that comes next.

    Raises InputError where it is no such file, or of another population.
    """
    try:
        with safe_open(path, "np") as file:
            told = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: damaged, or no state of a population; save it again") from error
    if told.get(MARK) != VERSION or not told.get("time_ms", "").isdecimal():
        raise InputError(f"{path}: is no state of a population that this apical reads")
    if told.get("made_of") != made_of:
        raise InputError(
            f"{path}: of another population: weights, connections, input, seed, threshold and path must be the same"
        )
    return arrays, int(told["time_ms"])
