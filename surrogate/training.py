"""One step of fitting: a batch of windows, its loss, and a step down its gradient.

B windows, W ms of a window, O outputs, P dendritic components.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .network import Network
from .recipe import FitConfig, Rates
from .rollout import overlap_ms_of
from .windows import Trials, draw_windows

OPTIMIZERS = {"adam": torch.optim.Adam, "nadam": torch.optim.NAdam}


def make_optimizer(config: FitConfig, model: Network) -> torch.optim.Optimizer:
    """The optimizer of a configuration; `train_step` sets its learning rate."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return OPTIMIZERS[config.optimizer](trainable, lr=config.learning_rate, weight_decay=config.l2)


def window_loss(
    y_bwo: Tensor, spike_bw: Tensor, voltage_bw: Tensor, rates: Rates, components_bwp: Tensor | None = None
) -> Tensor:
    """Weighted sum of the spikes' binary cross-entropy and the mean squared errors of voltage and components.

    y_bwo: spike logit, scaled voltage, components. Source: Spieler et al. 2024; the third term Beniaguev et al. 2021.
    """
    loss = rates.spike_weight * F.binary_cross_entropy_with_logits(y_bwo[..., 0], spike_bw)
    loss = loss + rates.voltage_weight * F.mse_loss(y_bwo[..., 1], voltage_bw)
    if components_bwp is not None:
        loss = loss + rates.dendrite_weight * F.mse_loss(y_bwo[..., 2:], components_bwp)
    return loss


def train_step(model: Network, optimizer: torch.optim.Optimizer, trials: Trials, config: FitConfig, step: int) -> float:
    """Take step number `step`, from 0, on a batch that depends on it and the seed only; returns the batch's loss."""
    device = next(model.parameters()).device
    windows = draw_windows(trials, window_ms=config.window_ms, batch=config.batch, seed=config.seed, step=step)
    scored = slice(overlap_ms_of(model, config.burn_in_ms), None)
    rates = config.rates(step)
    for group in optimizer.param_groups:
        group["lr"] = rates.learning_rate

    def target(values: Tensor) -> Tensor:
        return values[:, scored].to(device)

    y_bwo = model(windows.events.to(device))[:, scored]
    components_bwp = None if windows.components_bwp is None else target(windows.components_bwp)
    loss = window_loss(y_bwo, target(windows.spike_bw), target(windows.voltage_bw), rates, components_bwp)
    optimizer.zero_grad()
    loss.backward()
    if config.gradient_clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip)
    optimizer.step()
    return loss.item()
