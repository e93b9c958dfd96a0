"""The Transformer that the Long Range Arena has as its baseline: PyTorch's layers and its fused attention.

Pre-norm blocks as in the arena's code (Tay et al. 2021, arXiv 2011.04006), with fixed sine positions, which need no
longest sequence; its code learns them. Dot products go through `scaled_dot_product_attention`, which need not hold a
matrix of steps by steps.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...simulate.schema import InputError
from .sequence import Encoder, Pool, Sequences
from .settings import TransformerSettings


class TransformerEncoder(Encoder):
    """Attention over all steps."""

    def __init__(self, settings: TransformerSettings) -> None:
        super().__init__()
        if settings.attention % settings.heads or settings.size % 2:
            raise InputError(
                f"transformer: attention {settings.attention} is shared out among {settings.heads} heads, and size "
                f"{settings.size} is even; choose multiples"
            )
        self.settings, self.n_features = settings, settings.hidden
        self.embed = nn.Linear(settings.n_channels, settings.size)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(settings.size)
        self.hidden = nn.Linear(settings.size, settings.hidden)

    def forward(self, sequences: Sequences, pool: Pool) -> Tensor:
        steps = sequences.events.shape[1]
        x_btd = self._embedded(sequences) + sine_positions(steps, self.settings.size, sequences.length_b.device)
        x_btd = F.dropout(x_btd, self.settings.dropout, self.training)
        at_t = torch.arange(steps, device=x_btd.device)
        there_bt = at_t < sequences.length_b[:, None]
        mask = None if bool((sequences.length_b == steps).all()) else there_bt[:, None, None]
        for block in self.blocks:
            x_btd = block(x_btd, mask)
        pooled_bd = torch.bmm(sequences.weights(pool)[:, None], self.norm(x_btd))[:, 0]
        return torch.relu(self.hidden(pooled_bd))

    def _embedded(self, sequences: Sequences) -> Tensor:
        if sequences.vector_btc is not None:
            return self.embed(sequences.vector_btc)
        summed = sequences.events.summed(self.embed.weight.t())
        return summed.view(*sequences.events.shape[:2], -1) + self.embed.bias


class Block(nn.Module):
    """Attention, then a hidden layer, each beside what it is given."""

    def __init__(self, settings: TransformerSettings) -> None:
        super().__init__()
        width, inner = settings.size, settings.attention
        self.heads, self.dropout = settings.heads, settings.dropout
        self.norm, self.norm_hidden = nn.LayerNorm(width), nn.LayerNorm(width)
        self.projected, self.out = nn.Linear(width, 3 * inner), nn.Linear(inner, width)
        self.up, self.down = nn.Linear(width, settings.hidden), nn.Linear(settings.hidden, width)

    def forward(self, x_btd: Tensor, mask: Tensor | None) -> Tensor:
        """mask: (B, 1, 1, T), False after a sequence's end; None where all are full."""
        share = self.dropout if self.training else 0.0
        shape = (*x_btd.shape[:2], 3, self.heads, -1)
        q_bhtk, k_bhtk, v_bhtk = self.projected(self.norm(x_btd)).view(shape).permute(2, 0, 3, 1, 4)
        read = F.scaled_dot_product_attention(q_bhtk, k_bhtk, v_bhtk, attn_mask=mask)
        x_btd = x_btd + F.dropout(self.out(read.transpose(1, 2).flatten(2)), share)
        hidden = F.dropout(F.gelu(self.up(self.norm_hidden(x_btd))), share)
        return x_btd + F.dropout(self.down(hidden), share)


def sine_positions(steps: int, width: int, device: torch.device) -> Tensor:
    """Sines and cosines (T, D) of wavelengths from 2π to 10,000 · 2π. Source: Vaswani et al. 2017, section 3.5."""
    at_t1 = torch.arange(steps, device=device)[:, None]
    rate_d = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10_000) / width))
    return torch.stack([torch.sin(at_t1 * rate_d), torch.cos(at_t1 * rate_d)], dim=2).flatten(1)
