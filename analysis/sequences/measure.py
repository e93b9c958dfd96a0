"""What tells how well a task is done: accuracy, or of text bits per character; and a text's bits in blocks.

N characters that were scored, K blocks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BLOCKS = 200  # of a text, over which a bootstrap goes: long ones, since what follows one another is alike
LEAST = 100  # characters of a block


class Measure(NamedTuple):
    """A score, and which way it is better.

    name: on an axis. short: in a terminal. in_table: where no axis shows which way. lost: the loss that a scaling
    law is fitted to.
    """

    name: str
    short: str
    in_table: str
    lost: str
    more_is_better: bool

    def loss(self, value: np.ndarray) -> np.ndarray:
        """What is left to be had: of accuracy the share of wrong answers, of bits all of them."""
        return 1 - value if self.more_is_better else value

    def best(self, values: np.ndarray, axis: int | None = None) -> np.ndarray:
        """Where the best value is."""
        return np.asarray(values.argmax(axis) if self.more_is_better else values.argmin(axis))


ACCURACY = Measure("accuracy", "accuracy", "accuracy", "share of wrong answers", True)
BITS = Measure("bits per character", "bits", "bits per character (fewer is better)", "bits per character", False)


def in_blocks(bits_n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bits of up to 200 blocks of a text, and their characters, (K,) each.

    >>> in_blocks(np.ones(250))[1].tolist()
    [125, 125]
    """
    blocks = np.array_split(np.asarray(bits_n, float), max(1, min(BLOCKS, len(bits_n) // LEAST)))
    return np.array([each.sum() for each in blocks]), np.array([len(each) for each in blocks])
