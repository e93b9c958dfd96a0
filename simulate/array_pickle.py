"""Reads a pickle of arrays, numbers and containers without running anything that the pickle asks for.

A pickle names Python objects and calls them. Here every name that may occur is answered by a method below, which
builds a plain array from bytes; any other name stops the reading. NumPy's own callables are not handed out either:
a dtype restored from a forged state can make NumPy read raw bytes as object pointers.
Methods of an instance are handed out, not functions or classes, because a pickle can set attributes on those.
"""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .schema import InputError


def load(path: str | Path) -> Any:
    """The content of the pickle at `path`, of Python 2 or 3; arrays come as objects that `np.asarray` takes.

    Raises InputError where the file is missing, truncated, no pickle, or names anything but arrays; nothing of it ran.
    """
    try:
        with Path(path).open("rb") as file:
            return _ArrayUnpickler(file, encoding="latin1").load()  # Python 2 kept bytes in its strings
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except Exception as error:  # a damaged pickle can raise anything
        damage = ascii(str(error) or type(error).__name__)[1:-1][:120]
        truncated = isinstance(error, EOFError) or "truncated" in damage
        what = "a truncated pickle" if truncated else "not a pickle of arrays"
        raise InputError(f"{path}: {what} ({damage}); download it again") from error


class _Dtype:
    """Stands for numpy.dtype: booleans, integers and floats, nothing with objects or fields."""

    def __init__(self, code: object):
        if not (isinstance(code, str) and re.fullmatch(r"b1|[iu][1248]|f[248]", code)):
            raise InputError(f"holds an array of type {ascii(code)[:40]}; only numbers and booleans are read")
        self.values = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        _version, byte_order, *structure = state
        if any(part is not None for part in structure[:3]) or byte_order not in ("<", ">", "=", "|"):
            raise InputError("holds a structured array; only numbers and booleans are read")
        self.values = self.values.newbyteorder(byte_order)

    def array(self, raw: bytes | str) -> np.ndarray:
        return np.frombuffer(raw.encode("latin1") if isinstance(raw, str) else raw, self.values)


class _Array:
    """Stands for numpy.ndarray: filled from a shape, a type and bytes."""

    values = np.empty(0)

    def __setstate__(self, state: tuple) -> None:
        _version, shape, dtype, fortran, raw = state
        self.values = dtype.array(raw).reshape(shape, order="F" if fortran else "C")

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype, copy=copy)


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        module = {"__builtin__": "builtins"}.get(module, module).replace("numpy.core.", "numpy._core.")
        allowed = {
            "numpy.ndarray": "ndarray",  # only ever an argument of _reconstruct
            "numpy.dtype": self._dtype,
            "numpy._core.multiarray._reconstruct": self._reconstruct,
            "numpy._core.multiarray.scalar": self._scalar,
            "numpy._core.numeric._frombuffer": self._frombuffer,  # protocol 5
            "_codecs.encode": self._encode,  # bytes, as Python 3 writes them for Python 2
            "builtins.bytes": self._no_bytes,
        }
        wanted = f"{module}.{name}"
        if wanted not in allowed:
            raise InputError(
                f"asks to run {ascii(wanted)[1:-1][:80]}, which is not an array and was not run; "
                "NeuronIO's files hold only arrays: do not use this one"
            )
        return allowed[wanted]

    def _dtype(self, code: object, align: object = False, copy: object = True) -> _Dtype:
        return _Dtype(code)

    def _reconstruct(self, subtype: object, shape: object, code: object) -> _Array:
        return _Array()

    def _scalar(self, dtype: _Dtype, raw: bytes | str) -> Any:
        return dtype.array(raw).item()

    def _frombuffer(self, raw: bytes, dtype: _Dtype, shape: tuple, order: Literal["C", "F"]) -> np.ndarray:
        return dtype.array(raw).reshape(shape, order=order)

    def _encode(self, text: str, encoding: str) -> bytes:
        if encoding != "latin1":
            raise InputError(f"asks for the codec {ascii(encoding)[:40]}, which was not loaded; only latin1 is read")
        return text.encode("latin1")

    def _no_bytes(self) -> bytes:
        return b""
