"""How many bits each token of a text takes a model that reads it from beginning to end.

A few lanes read at once, each a stretch of its own; what comes before its stretch it hears first, unscored, so that its
state there is that of one reader. L lanes, W steps of a piece, K tokens of the vocabulary, N tokens that are scored.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch

from ..inputs import of_tokens
from ..models.language import LanguageModel
from ..models.sequence import Sequences
from ..text import SplitText

LANES = 16
HEARD = 1_000  # tokens that a lane hears before its own; ten times the paper's longest time constant
PIECE = 500  # steps


class TextRead(NamedTuple):
    """What a model says of the tokens of a text but its first, in their order."""

    bits_n: np.ndarray  # float32: −log2 of the probability that each had
    right_n: np.ndarray  # bool: whether it had the largest

    @property
    def bits(self) -> float:
        """Per token: of characters, bits per character."""
        return float(self.bits_n.mean(dtype=float))

    @property
    def accuracy(self) -> float:
        """Share of tokens that were thought the likeliest."""
        return float(self.right_n.mean())


@torch.no_grad()
def read_text(model: LanguageModel, text: SplitText, tokens: int | None = None, *, lanes: int = LANES) -> TextRead:
    """Let a model read a text of two tokens or more; at most `tokens` of them are scored, the first ones."""
    model.eval()
    total = min(len(text) - 1, tokens or len(text))
    lanes = max(1, min(lanes, total // HEARD))
    own = -(-total // lanes)  # tokens of a stretch; the last one may have fewer
    first_l = np.arange(lanes) * own
    begin_l = np.maximum(first_l - HEARD, 0)
    end_l = np.minimum(first_l + own, total)
    bits_n, right_n = np.empty(total, np.float32), np.empty(total, bool)
    state, device = model.rest(lanes), model.readout.weight.device
    for at in range(0, int((end_l - begin_l).max()), PIECE):
        steps = min(PIECE, int((end_l - begin_l).max()) - at)
        both_lt = np.stack([_part(text, int(begin) + at, steps + 1) for begin in begin_l])
        logits_ltk, state = model(Sequences.of(of_tokens([*both_lt[:, :-1]], len(text.vocabulary)), device), state)
        next_lt = torch.from_numpy(both_lt[:, 1:].astype(np.int64)).to(device)
        nats_lt = logits_ltk.logsumexp(2) - logits_ltk.gather(2, next_lt[..., None])[..., 0]
        right_lt = (logits_ltk.argmax(2) == next_lt).cpu().numpy()
        place_lt = begin_l[:, None] + at + np.arange(steps)
        scored_lt = (place_lt >= first_l[:, None]) & (place_lt < end_l[:, None])
        bits_n[place_lt[scored_lt]] = nats_lt.cpu().numpy()[scored_lt] / math.log(2)
        right_n[place_lt[scored_lt]] = right_lt[scored_lt]
    return TextRead(bits_n, right_n)


def _part(text: SplitText, first: int, n: int) -> np.ndarray:
    """Tokens from `first` on; past the end of the text, where nothing is scored, the first of the vocabulary."""
    there = max(min(n, len(text) - first), 0)
    return (
        np.concatenate([text.part(first, there), np.zeros(n - there, np.int64)]) if there < n else text.part(first, n)
    )
