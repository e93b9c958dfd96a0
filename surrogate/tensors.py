"""Files of tensors that come from elsewhere or from an earlier process."""

from __future__ import annotations

import io
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

from ..simulate.schema import InputError


def read_tensors(path: Path) -> dict:
    """What torch.save wrote, on the CPU, provided it is a dict of nothing but tensors, numbers and text.

    Raises InputError where it cannot be read, holds something else, or would run code.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a foreign file PyTorch warns before it fails
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(f"{path}: refused: it is not a plain file of weights, and reading it may run code") from error
    except Exception as error:  # a damaged pickle can fail in any way
        raise InputError(f"{path}: not a readable PyTorch file of weights; fetch or write it again") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds a {type(content).__name__}, expected weights by name")
    return content


def tensors_to_bytes(content: dict) -> bytes:
    """What `read_tensors` reads: the same bytes for equal content, wherever its parts came from."""
    file = io.BytesIO()
    torch.save(_alike(content), file)
    return file.getvalue()


def _alike(value: Any) -> Any:
    """An equal value with its keys in order and no part in two places but equal text.

    torch.save writes what is the same object twice as one, keys as they come, and a view's whole memory.
    """
    if isinstance(value, dict):
        return {_alike(key): _alike(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_alike(each) for each in value]
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().clone()
    return sys.intern(value) if type(value) is str else value
