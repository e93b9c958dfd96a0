"""A small text with words to be learned: letters alone say little of what comes next."""

import numpy as np

from apical.tasks.sources.text import make_characters

WORDS = ["the", "of", "neuron", "and", "dendrite", "synapse", "in", "a", "cortex", "membrane", "is", "with"]


def words_of(n, seed=0):
    """`n` words, common ones more often."""
    share = 1 / np.arange(1, len(WORDS) + 1)
    return " ".join(np.random.default_rng(seed).choice(WORDS, n, p=share / share.sum()))


def make_text(folder, n=4_000):
    """A task of text, of about 5 characters a word."""
    (folder / "words.txt").write_text(words_of(n))
    make_characters([folder / "words.txt"], folder / "text.zarr")
    return folder / "text.zarr"
