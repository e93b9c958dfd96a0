"""Files of tensors that come from elsewhere or from an earlier process."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

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
