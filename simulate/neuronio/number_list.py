"""A list of NumPy integers in a pickle, read in one step.

Picklers write every one of them as a call with its bytes, six instructions or more. A NeuronIO file has ten million,
which would take an unpickler minutes and gigabytes: so the whole list is matched, and its bytes are made one array.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

# Opcodes: h j get, q r put and \x94 put at the next number, U C 8 bytes, X text, \x86 pair, R call, ( e list items
GET, PUT = rb"(?:h.|j.{4})", rb"(?:q.|r.{4})?"  # Python 2 puts only what it saw twice
BATCH = 1000  # items that Python's picklers put into one literal; the rest is appended to the list
LETTER = rb"(?:[\x00-\x7f]|[\xc2\xc3][\x80-\xbf])"  # a byte as one character in UTF-8
TEXT = rb".\x00\x00\x00" + LETTER + rb"{8}"  # how Python 3 writes bytes for Python 2: length, characters, a codec
START = re.compile(
    rb"(?P<put>q.|r.{4}|\x94|)\((?P<scalar>%b)(?P<dtype>%b)(?:[UC]|(?P<encode>%b)X%b%b(?P<codec>%b))"
    % (GET, GET, GET, TEXT, PUT, GET),
    re.DOTALL,
)


class NumberList(NamedTuple):
    """values: the numbers; put: the instruction that names the list; end: position behind it.

    n_counted: how many objects the list's literal puts at the next number each.
    """

    values: np.ndarray
    put: bytes
    end: int
    n_counted: int


class Callables(NamedTuple):
    """What the instructions must call for the list to be one of integers."""

    scalar: Any
    encode: Any
    dtype: type[Any]


def read(data: bytes, at: int, memo: dict[int, Any], known: Callables) -> NumberList | None:
    """The list of NumPy 8-byte integers whose literal goes on at `at`, behind its first opcode; None if it is not one.

    memo: what the pickle has put so far.
    """
    start = START.match(data, at)
    if start is None:
        return None
    gets = start.group("scalar", "dtype", "encode", "codec")
    scalar, dtype, encode, codec = (memo.get(int.from_bytes(get[1:], "little")) if get else None for get in gets)
    if scalar != known.scalar or not isinstance(dtype, known.dtype) or dtype.values.newbyteorder("=") != "i8":
        return None
    if gets[2] and (encode != known.encode or codec != "latin1"):
        return None
    counted = start["put"] == b"\x94"
    items, item = _patterns(*gets, counted)
    first = start.start("scalar")
    all_items = items.match(data, first)
    if all_items is None:
        return None
    raw = b"".join(item.findall(data, first, all_items.end()))
    if gets[2]:
        rows = np.frombuffer(raw.decode().encode("latin1"), "u1").reshape(-1, 12)
        if (rows[:, 0] != 8 + (rows[:, 4:] >= 128).sum(axis=1)).any():  # a length that its characters belie
            return None
        raw = rows[:, 4:].tobytes()
    values = np.frombuffer(raw, dtype.values)
    if len(values) >= BATCH:  # there may be more of them
        return None
    return NumberList(values, start["put"], all_items.end(), counted * (1 + 3 * len(values)))


@lru_cache(maxsize=64)
def _patterns(
    scalar: bytes, dtype: bytes, encode: bytes | None, codec: bytes | None, counted: bool
) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    put = rb"\x94" if counted else PUT
    value = rb"[UC]\x08(.{8})" + put
    if encode and codec:
        value = re.escape(encode) + b"X(" + TEXT + b")" + put + re.escape(codec) + rb"\x86" + put + b"R" + put
    item = re.escape(scalar + dtype) + value + rb"\x86" + put + b"R" + put
    return re.compile(b"(?:" + item + b")++e", re.DOTALL), re.compile(item, re.DOTALL)
