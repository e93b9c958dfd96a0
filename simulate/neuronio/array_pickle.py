"""Reads a pickle of arrays, numbers and containers without running anything that the pickle asks for.

A pickle names Python objects and calls them. Here every name that may occur is answered by a method below, which
builds a plain array from bytes; any other name stops the reading. NumPy's own callables are not handed out either:
a dtype restored from a forged state can make NumPy read raw bytes as object pointers.
Methods of an instance are handed out, not functions or classes, because a pickle can set attributes on those.

Memory is bounded by the small things in the file: the bytes of a large array stay in the file until it is asked for,
and a list of NumPy integers becomes one array. Both need Python's own unpickler, which can be told so, in place of C's.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from ..schema import InputError
from . import number_list
from .pickle_window import Span, Window

MOST_ENTRIES = 20_000_000  # of all containers written out, two times what a NeuronIO file has
DEEPEST = 20  # containers in one another
LARGE_BYTES = 1 << 14  # strings from here on stay in the file


def load(path: str | Path, report: Callable[[int], None] | None = None) -> Any:
    """The content of the pickle at `path`, of Python 2 or 3; arrays come as objects that `np.asarray` takes.

    `np.asarray` reads a large one from the file, each time. A list of NumPy integers may come as an array.
    report: called with the bytes read so far, as reading goes on.
    Raises InputError where the file is missing, truncated, no pickle, or names anything but arrays; nothing of it ran.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            try:
                found = _ArrayUnpickler(Window(path, file, report)).load()
            except _Skipped:
                file.seek(0)
                found = _ArrayUnpickler(Window(path, file, report), whole_lists=False).load()
        _check_entries(found)
        return found
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except Exception as error:  # a damaged pickle can raise anything
        damage = ascii(str(error) or type(error).__name__)[1:-1][:120]
        truncated = isinstance(error, EOFError) or "truncated" in damage
        what = "a truncated pickle" if truncated else "not a pickle of arrays"
        raise InputError(f"{path}: {what} ({damage}); download it again") from error


class _Skipped(Exception):
    """The pickle refers back to one number of a list that was read as a whole."""


class _Dtype:
    """Stands for numpy.dtype: booleans, integers and floats, nothing with objects or fields."""

    def __init__(self, code: object):
        if not (isinstance(code, str) and re.fullmatch(r"b1|[iu][1248]|f[248]", code)):
            raise InputError(f"holds an array of type {_named(code)}; only numbers and booleans are read")
        self.values = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        _version, byte_order, *structure = state
        if any(part is not None for part in structure[:3]) or byte_order not in ("<", ">", "=", "|"):
            raise InputError("holds a structured array; only numbers and booleans are read")
        self.values = self.values.newbyteorder(byte_order)

    def array(self, raw: bytes | bytearray | str | Span) -> np.ndarray:
        if isinstance(raw, Span):
            raw = raw.read()
        return np.frombuffer(raw.encode("latin1") if isinstance(raw, str) else raw, self.values)


class _Array:
    """Stands for numpy.ndarray: a shape, a type and bytes."""

    _shape: Any = (0,)
    _dtype: _Dtype = _Dtype("f8")
    _order: Literal["C", "F"] = "C"
    _raw: Any = b""

    def __setstate__(self, state: tuple) -> None:
        _version, self._shape, self._dtype, fortran, self._raw = state
        if not isinstance(self._dtype, _Dtype):
            raise InputError("holds an array of no type; only numbers and booleans are read")
        self._order = "F" if fortran else "C"
        if not isinstance(self._raw, Span):
            np.asarray(self)  # what is damaged is found now

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        values = self._dtype.array(self._raw).reshape(self._shape, order=self._order)
        return np.array(values, dtype=dtype, copy=copy)


_PythonUnpickler: Any = pickle._Unpickler  # its instructions are a table of methods, which can be replaced


class _ArrayUnpickler(_PythonUnpickler):
    dispatch: ClassVar[dict[int, Callable]] = dict(_PythonUnpickler.dispatch)

    def __init__(self, window: Window, whole_lists: bool = True) -> None:
        super().__init__(window, encoding="latin1")  # Python 2 kept bytes in its strings
        self._window, self._whole_lists, self._n_counted, self._skipped = window, whole_lists, 0, False
        self._known = number_list.Callables(self._scalar, self._encode, _Dtype)

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

    def _frombuffer(self, raw: bytes | Span, dtype: _Dtype, shape: tuple, order: str) -> _Array:
        array = _Array()
        array.__setstate__((None, shape, dtype, order == "F", raw))
        return array

    def _encode(self, text: str | Span, encoding: str) -> bytes | Span:
        if encoding != "latin1":
            raise InputError(f"asks for the codec {_named(encoding)}, which was not loaded; only latin1 is read")
        return text._replace(text=True) if isinstance(text, Span) else text.encode("latin1")

    def _no_bytes(self) -> bytes:
        return b""

    def _load_list(self) -> None:
        window = self._window
        window.look_ahead()
        found = number_list.read(window.data, window.at, self.memo, self._known) if self._whole_lists else None
        if found is None:
            self.append([])
            return
        self.append(found.values)
        if found.n_counted:
            self.memo[self._n_counted] = found.values
            self._n_counted += found.n_counted
        elif found.put:
            self.memo[int.from_bytes(found.put[1:], "little")] = found.values
        window.at, self._skipped = found.end, True

    def _load_memoize(self) -> None:
        self.memo[self._n_counted] = self.stack[-1]
        self._n_counted += 1

    def _load_get(self, width: int) -> None:
        at = int.from_bytes(self.read(width), "little")
        if at not in self.memo and self._skipped:
            raise _Skipped
        self.append(self.memo[at])

    def _load_long_string(self, width: int, decode: Callable[[bytes], Any]) -> None:
        n_bytes = int.from_bytes(self.read(width), "little")
        self.append(self._window.leave(n_bytes) if n_bytes >= LARGE_BYTES else decode(self.read(n_bytes)))

    def _load_hashed(self, load: Callable[[Any], None], keys: slice) -> None:
        """What looks keys up: never those that have parts, since theirs are looked at again each time."""
        if not all(key is None or isinstance(key, (str, bytes, int, float)) for key in self.stack[keys]):
            raise InputError("holds a key that is no text and no number; do not use this file")
        load(self)

    def _load_build(self) -> None:
        if not isinstance(self.stack[-2], (_Array, _Dtype)):
            raise InputError("sets a state on what is not an array, which was not done: do not use this file")
        super().load_build()


def _named(value: object) -> str:
    """Text in ASCII, else only its type: a container may be endless when it is written out."""
    return ascii(value)[:40] if isinstance(value, str) else type(value).__name__


def _check_entries(found: Any) -> None:
    """Raise InputError for containers that refer to one another, so that written out they are more than any file."""
    known: dict[int, tuple[int, int]] = {}  # entries written out and containers in one another, by identity

    def entries(container: Any, outer: int) -> tuple[int, int]:
        deep = InputError(f"holds containers of more than {DEEPEST} in one another; do not use this file")
        if outer >= DEEPEST:
            raise deep
        if id(container) not in known:
            parts = container.values() if isinstance(container, dict) else container
            inner = [entries(part, outer + 1) for part in parts if isinstance(part, (list, tuple, dict))]
            n = len(container) + sum(n for n, _ in inner)
            if n > MOST_ENTRIES:
                raise InputError(f"holds more than {MOST_ENTRIES:,} entries, by references to itself; do not use it")
            known[id(container)] = n, 1 + max((depth for _, depth in inner), default=0)
        n, depth = known[id(container)]
        if outer + depth > DEEPEST:
            raise deep
        return n, depth

    if isinstance(found, (list, tuple, dict)):
        entries(found, 0)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")


def _latin1(raw: bytes) -> str:
    return raw.decode("latin1")


_ArrayUnpickler.dispatch |= {
    pickle.EMPTY_LIST[0]: _ArrayUnpickler._load_list,
    pickle.MEMOIZE[0]: _ArrayUnpickler._load_memoize,
    pickle.BUILD[0]: _ArrayUnpickler._load_build,
    pickle.SETITEM[0]: lambda reader: reader._load_hashed(_PythonUnpickler.load_setitem, slice(-2, -1)),
    pickle.SETITEMS[0]: lambda reader: reader._load_hashed(_PythonUnpickler.load_setitems, slice(0, None, 2)),
    pickle.DICT[0]: lambda reader: reader._load_hashed(_PythonUnpickler.load_dict, slice(0, None, 2)),
    pickle.ADDITEMS[0]: lambda reader: reader._load_hashed(_PythonUnpickler.load_additems, slice(None)),
    pickle.FROZENSET[0]: lambda reader: reader._load_hashed(_PythonUnpickler.load_frozenset, slice(None)),
    pickle.FRAME[0]: lambda reader: reader.read(8),  # a frame only says how much to read at once
    pickle.BINGET[0]: lambda reader: reader._load_get(1),
    pickle.LONG_BINGET[0]: lambda reader: reader._load_get(4),
    pickle.BINSTRING[0]: lambda reader: reader._load_long_string(4, _latin1),
    pickle.BINUNICODE[0]: lambda reader: reader._load_long_string(4, _text),
    pickle.BINUNICODE8[0]: lambda reader: reader._load_long_string(8, _text),
    pickle.BINBYTES[0]: lambda reader: reader._load_long_string(4, bytes),
    pickle.BINBYTES8[0]: lambda reader: reader._load_long_string(8, bytes),
    pickle.BYTEARRAY8[0]: lambda reader: reader._load_long_string(8, bytearray),
}
