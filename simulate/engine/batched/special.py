"""Functions of generated code that NumPy has not: numbers of a table, of an array, and of a random stream."""

from __future__ import annotations

import numpy as np


def lookup(at, table: np.ndarray):
    """The number in a table at a place from 0, between two that of the line through them, its ends beyond them."""
    return np.where(np.isnan(at), np.nan, np.interp(at, np.arange(len(table)), table))


def rise(at, table: np.ndarray):
    """How much a table rises from the number before a place to the one after it."""
    inside = (np.asarray(at) > 0) & (at < len(table) - 1)
    return np.where(inside, np.diff(table)[np.where(inside, at, 0).astype(int)], 0.0)


def element(index, *elements):
    """The one of `elements` that a whole number names, no number beyond them."""
    shape = np.broadcast_shapes(np.shape(index), *map(np.shape, elements))
    index, table = np.broadcast_to(index, shape), np.stack([np.broadcast_to(each, shape) for each in elements])
    inside = (index >= 0) & (index < len(elements))
    found = np.take_along_axis(table, np.where(inside, index, 0).astype(int)[None], axis=0)[0]
    return np.where(inside, found, np.nan)


def put(index, number, value, before):
    """What an element of this number is once `value` is put where an index says."""
    return np.where(index == number, value, before)


def random123(drawn, *stream):
    """A number between 0 and 1, as NEURON has it: of a stream, the one after `drawn` others.

    stream: three numbers that name it, the first below 2^24, of the others their higher and lower 16 bits.
    Source: Philox4x32-10, Salmon et al. 2011, SC '11:16.
    """
    number, high_2, low_2, high_3, low_3, drawn = (np.asarray(each).astype(np.uint64) for each in (*stream, drawn))
    words = np.broadcast_arrays(drawn // 4, high_3 * 65536 + low_3, number, high_2 * 65536 + low_2)
    key = [np.uint64(0), np.uint64(0)]
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(10):
        first, second = words[0] * np.uint64(0xD2511F53), words[2] * np.uint64(0xCD9E8D57)
        words = [
            (second >> shift) ^ words[1] ^ key[0],
            second & mask,
            (first >> shift) ^ words[3] ^ key[1],
            first & mask,
        ]
        key = [key[0] + np.uint64(0x9E3779B9) & mask, key[1] + np.uint64(0xBB67AE85) & mask]
    return (np.choose((drawn % 4).astype(int), words) + 1.0) / 4294967297.0
