"""Sequences of a batch as a network takes them: dense, or as the few entries that are not 0.

B sequences, T steps, C channels, n entries. Shorter sequences are followed by steps of zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .binning import Counting, binned

LEVELS = 256  # of a byte


class Inputs(NamedTuple):
    """Input of B sequences: sparse for events, tokens and grey levels, dense for vectors; `dense()` of all.

    Entry n lies in row row_n = b·T + t, at channel input_n, and is value_n; rows ascend: what `kernels.events.Events`
    holds as tensors.
    """

    shape: tuple[int, int, int]  # B, T, C
    length_b: np.ndarray  # int64, steps of each sequence
    row_n: np.ndarray | None = None  # int32
    input_n: np.ndarray | None = None  # int32
    value_n: np.ndarray | None = None  # float32
    vector_btc: np.ndarray | None = None  # float32, of vectors
    token_bt: np.ndarray | None = None  # int64, of tokens and levels; 0 after a sequence's end

    def dense(self) -> np.ndarray:
        """(B, T, C) float32; tokens and levels one-hot."""
        if self.vector_btc is not None:
            return self.vector_btc
        assert self.row_n is not None and self.input_n is not None and self.value_n is not None
        x_btc = np.zeros(self.shape, np.float32)
        x_btc.reshape(-1, self.shape[2])[self.row_n, self.input_n] = self.value_n
        return x_btc


def of_events(
    clips: Sequence[Sequence[tuple[np.ndarray, ...]]], n_channels: int, edges_s: np.ndarray, counting: Counting
) -> Inputs:
    """Clips of each sequence, one after another: each a time in s and a channel of every event."""
    bins, together = len(edges_s) - 1, len(clips[0])
    shape = (len(clips), bins * together, n_channels)
    rows, inputs, values = [], [], []
    for b, parts in enumerate(clips):
        for k, (time_s, channel) in enumerate(parts):
            bin_n, input_n, value_n = binned(time_s, channel, n_channels, edges_s, counting)
            rows.append((b * shape[1] + k * bins + bin_n).astype(np.int32))
            inputs.append(input_n.astype(np.int32))
            values.append(value_n)
    length_b = np.full(shape[0], shape[1], np.int64)
    return Inputs(shape, length_b, np.concatenate(rows), np.concatenate(inputs), np.concatenate(values))


def of_tokens(tokens: Sequence[np.ndarray], n_channels: int) -> Inputs:
    """Tokens of each sequence."""
    length_b = np.array([len(each) for each in tokens], np.int64)
    shape = (len(tokens), int(length_b.max()), n_channels)
    token_bt = np.zeros(shape[:2], np.int64)
    rows = []
    for b, each in enumerate(tokens):
        token_bt[b, : len(each)] = each
        rows.append(np.arange(len(each), dtype=np.int32) + b * shape[1])
    row_n = np.concatenate(rows).astype(np.int32)
    input_n = token_bt.reshape(-1)[row_n].astype(np.int32)
    return Inputs(shape, length_b, row_n, input_n, np.ones(len(row_n), np.float32), token_bt=token_bt)


def of_vectors(vectors: Sequence[np.ndarray]) -> Inputs:
    """Vectors (steps, channels) of each sequence; bytes become their share of 255."""
    length_b = np.array([len(each) for each in vectors], np.int64)
    shape = (len(vectors), int(length_b.max()), vectors[0].shape[1])
    x_btc = np.zeros(shape, np.float32)
    for b, each in enumerate(vectors):
        x_btc[b, : len(each)] = each / np.float32(LEVELS - 1) if each.dtype == np.uint8 else each
    return Inputs(shape, length_b, vector_btc=x_btc)


def levels_of(vector: np.ndarray, n_levels: int) -> np.ndarray:
    """Bytes (steps, 1) as grey levels of equal width, from 0 on."""
    return vector[:, 0].astype(np.int64) * n_levels // LEVELS
