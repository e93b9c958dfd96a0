"""A model over a whole trial, in overlapping windows as published or in one pass.

B windows, W ms of a window, T ms of a trial, S inputs, O outputs.
"""

from __future__ import annotations

import numpy as np
import torch

from ..models.network import Network
from .spike_inputs import SpikeInputs, cut

WINDOW_MS, OVERLAP_MS = 500, 150  # published evaluation of Spieler et al. 2024
WINDOWS_AT_ONCE = 32  # bounds the memory of a long trial


def overlap_ms_of(model: Network, at_least_ms: int = OVERLAP_MS) -> int:
    """Bins at a window's start that are not to be trusted, because the model has not yet seen its past.

    A recurrent model settles within the published 150 ms; one of finite history needs all of that history.
    """
    return max(at_least_ms, model.history_ms or 0)


@torch.inference_mode()
def rollout(model: Network, inputs: SpikeInputs, *, in_one_pass: bool = False) -> np.ndarray:
    """Outputs (T, O) of a model in evaluation mode over one trial, as float32.

    Each window after the first loses its overlap; the last is padded with silence.
    in_one_pass: from rest through the whole trial, without windows.
    """
    device = next(model.parameters()).device
    duration_ms = inputs.duration_ms
    if in_one_pass:
        return model(cut([inputs], [0], duration_ms).to(device))[0].cpu().numpy()
    overlap_ms = overlap_ms_of(model)
    window_ms = max(WINDOW_MS, 2 * overlap_ms)
    starts = range(0, max(duration_ms - overlap_ms, 1), window_ms - overlap_ms)
    pieces = []
    for first in range(0, len(starts), WINDOWS_AT_ONCE):
        some = starts[first : first + WINDOWS_AT_ONCE]
        y_bwo = model(cut([inputs] * len(some), some, window_ms).to(device)).cpu().numpy()
        pieces += [y_wo if start == 0 else y_wo[overlap_ms:] for start, y_wo in zip(some, y_bwo, strict=True)]
    return np.concatenate(pieces)[:duration_ms]
