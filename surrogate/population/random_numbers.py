"""Random numbers that are a function of what they are for: seed, neuron, bin. Nothing is kept between two draws.

So a run that goes on draws what it would have drawn, whoever runs beside it. Philox4x32-10: Salmon et al. 2011,
"Parallel random numbers: as easy as 1, 2, 3", SC11, section 4.2. ../kernels/population.cpp has the same functions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)  # Random123's philox.h, as are the two below
WEYL = 0x9E3779B9, 0xBB67AE85
ROUNDS = 10
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
LANES, BLOCK = 8, 32  # neurons of a vector, and of four, which share a counter's four words
MOST = 2**32 - 1  # the largest word, and the last bin


def philox(counter: tuple[np.ndarray | int, ...], seed: int) -> tuple[np.ndarray, ...]:
    """Four words of 32 bits, as uint64 arrays, of each counter.

    counter: four words, arrays of one shape or numbers. seed: 64 bits.
    """
    c0, c1, c2, c3 = (np.asarray(each, np.uint64) for each in np.broadcast_arrays(*counter))
    keys = [seed & MOST, seed >> 32]
    for _ in range(ROUNDS):
        product0, product1 = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        k0, k1 = (np.uint64(key) for key in keys)
        c0, c1, c2, c3 = product1 >> HALF ^ c1 ^ k0, product1 & LOW, product0 >> HALF ^ c3 ^ k1, product0 & LOW
        keys = [(key + step) & MOST for key, step in zip(keys, WEYL, strict=True)]
    return c0, c1, c2, c3


def uniform(n: int, group: int, t_ms: int, seed: int) -> np.ndarray:
    """A number in [0, 1) for each neuron of a group in a bin: (n,), float32, of 24 bits."""
    i = np.arange(n)
    words = philox((i // BLOCK * LANES + i % LANES, t_ms, 0, 2 * group), seed)
    word_n = np.choose(i % BLOCK // LANES, words)
    return (word_n >> np.uint64(8)).astype(np.float32) * np.float32(2**-24)


class Poisson(NamedTuple):
    """Independent Poisson spikes at each synapse, as tables: how many come in a bin in all, then the synapse of each.

    count_c (C,): 2^32 times the probability of c events or fewer. accept_s, other_s (S,): of Walker's alias method, as
    Vose 1991, IEEE Trans. Softw. Eng. 17:972, builds it: synapse s where a word's rest is below accept_s, else other_s.
    """

    count_c: np.ndarray
    accept_s: np.ndarray
    other_s: np.ndarray

    @classmethod
    def of(cls, rate_hz_s: np.ndarray) -> Poisson:
        """Of rates (S,) in Hz, finite and 0 or more."""
        from scipy.stats import poisson

        n, total = len(rate_hz_s), float(rate_hz_s.sum())
        mean = total / 1000
        below = poisson.cdf(np.arange(int(poisson.isf(2.0**-34, mean)) + 1), mean) if total else np.empty(0)
        count_c = np.round(below * 2.0**32).clip(0, MOST)
        share_s = rate_hz_s / total * n if total else np.ones(n)
        accept_s, other_s = np.full(n, MOST, np.uint32), np.arange(n, dtype=np.int32)
        small, large = list(np.flatnonzero(share_s < 1)), list(np.flatnonzero(share_s >= 1))
        share_s = share_s.copy()
        while small and large:
            low, high = small.pop(), large.pop()
            accept_s[low], other_s[low] = min(round(share_s[low] * 2**32), MOST), high
            share_s[high] -= 1 - share_s[low]
            (small if share_s[high] < 1 else large).append(high)
        return cls(count_c.astype(np.uint32), accept_s, other_s)

    def draw(self, n: int, group: int, t_ms: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Neurons, ascending, and synapses of the spikes that n neurons of a group get in a bin."""
        stream = 2 * group + 1
        first = philox((np.arange(n), t_ms, 0, stream), seed)[0]
        count_n = np.searchsorted(self.count_c, first, side="right")
        neuron_e = np.repeat(np.arange(n), count_n)
        nth_e = 1 + np.arange(len(neuron_e)) - np.repeat(count_n.cumsum() - count_n, count_n)  # word 0 is the count
        words = philox((neuron_e, t_ms, nth_e // 4, stream), seed)
        place = np.choose(nth_e % 4, words) * np.uint64(len(self.accept_s))
        s = (place >> HALF).astype(np.int64)
        return neuron_e, np.where((place & LOW) < self.accept_s[s], s, self.other_s[s])
