"""One step of fitting: a batch of windows, its loss, and a step down its gradient.

N models, B windows, W ms of a window, O outputs, P dendritic components.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..kernels.nadam import NAdam
from ..models.network import Network
from ..processes import Processes
from .recipe import FitConfig, Rates
from .rollout import overlap_ms_of
from .stack import Stack
from .weight_average import WeightAverage
from .windows import Windows

ALONE = Processes()
GPU = "cuda"  # the kind of device on which an optimizer's state is such that a CUDA graph can hold its step


def make_optimizer(config: FitConfig, model: Network) -> torch.optim.Optimizer:
    """The optimizer of a configuration; `train_step` sets its learning rate.

    On a GPU all that changes from step to step lies there, the rate too: no step waits, and one graph holds for all.
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    device, decay = trainable[0].device, config.l2
    on_gpu = device.type == GPU
    rate = torch.tensor(config.learning_rate, device=device) if on_gpu else config.learning_rate
    optimizer: torch.optim.Optimizer
    if config.optimizer == "adam":  # fused: 0.15 ms a step of an ELM, where the loop over parameters takes 0.45
        optimizer = torch.optim.Adam(trainable, lr=rate, weight_decay=decay, capturable=on_gpu, fused=True)
    else:
        optimizer = NAdam(trainable, lr=rate, weight_decay=decay, capturable=on_gpu)
    optimizer._warned_capturable_if_run_uncaptured = True  # type: ignore[attr-defined]  # the first steps are in no graph
    return optimizer


def optimizer_state(optimizer: torch.optim.Optimizer, learning_rate: float) -> dict:
    """Its state as it is written: the same on every device, with the rate of the last step."""
    state = optimizer.state_dict()
    groups = [group | {"lr": learning_rate, "capturable": False} for group in state["param_groups"]]
    return state | {"param_groups": groups}


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict) -> None:
    """Take a state that `optimizer_state` made, on this device or another."""
    own = [{name: group[name] for name in ("lr", "capturable")} for group in optimizer.param_groups]
    groups = [
        group | {"capturable": each["capturable"]} for group, each in zip(state["param_groups"], own, strict=True)
    ]
    optimizer.load_state_dict(state | {"param_groups": groups})
    for group, each in zip(optimizer.param_groups, own, strict=True):
        group["lr"] = each["lr"]


def window_loss(
    y_bwo: Tensor,
    spike_bw: Tensor,
    voltage_bw: Tensor,
    rates: Rates,
    components_bwp: Tensor | None = None,
    weight_b: Tensor | None = None,
) -> Tensor:
    """Weighted sum of the spikes' binary cross-entropy and the mean squared errors of voltage and components.

    y_bwo: spike logit, scaled voltage, components. With a dimension of models in front, there is a loss of each.
    weight_b: of each window, 1 where there are none.
    Source: Spieler et al. 2024; the third term Beniaguev et al. 2021.
    """

    def mean(error_bw: Tensor) -> Tensor:
        return error_bw.mean((-2, -1)) if weight_b is None else (error_bw.mean(-1) * weight_b).mean(-1)

    spikes = F.binary_cross_entropy_with_logits(y_bwo[..., 0], spike_bw, reduction="none")
    loss = rates.spike_weight * mean(spikes)
    loss = loss + rates.voltage_weight * mean(F.mse_loss(y_bwo[..., 1], voltage_bw, reduction="none"))
    if components_bwp is not None:
        errors = F.mse_loss(y_bwo[..., 2:], components_bwp, reduction="none")
        of_all = errors.mean((-3, -2, -1)) if weight_b is None else mean(errors.mean(-1))
        loss = loss + rates.dendrite_weight * of_all
    return loss


def train_step(
    stack: Stack,
    optimizers: Sequence[torch.optim.Optimizer],
    batches: Sequence[Windows],
    config: FitConfig,
    step: int,
    processes: Processes = ALONE,
    averages: Sequence[WeightAverage] = (),
) -> Tensor:
    """Take step number `step`, from 0, with each model on its own batch, which is on its device; returns the batches'
    losses (N,), for which a GPU has not been waited.

    processes: among which each batch is shared out; losses and gradients are those of the whole. averages: of the
    models' weights, brought up to date.
    """
    return descend(stack, optimizers, batches, config, config.rates(step), processes, averages)


def descend(
    stack: Stack,
    optimizers: Sequence[torch.optim.Optimizer],
    batches: Sequence[Windows],
    config: FitConfig,
    rates: Rates,
    processes: Processes = ALONE,
    averages: Sequence[WeightAverage] = (),
) -> Tensor:
    """As `train_step`, at these rates: numbers, or tensors of one number on the device."""
    models = stack.models
    scored = slice(overlap_ms_of(models[0], config.burn_in_ms), None)

    def targets(values: Sequence[Tensor]) -> Tensor:
        return torch.stack([each[:, scored] for each in values])

    with torch.autocast(batches[0].spike_bw.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        y_nbwo = stack.outputs([windows.events for windows in batches])[:, :, scored].float()
    _, spikes, voltages, components, weights = zip(*batches, strict=True)
    components_nbwp = None if components[0] is None else targets(components)
    weight_nb = None if weights[0] is None else torch.stack(weights)
    loss_n = window_loss(y_nbwo, targets(spikes), targets(voltages), rates, components_nbwp, weight_nb)
    stack.backward(loss_n.sum())
    loss_n = loss_n.detach()
    processes.average([loss_n, *(p.grad for model in models for p in model.parameters() if p.grad is not None)])
    for model, optimizer in zip(models, optimizers, strict=True):
        if config.gradient_clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip)
        for group in optimizer.param_groups:
            _set_rate(group, rates.learning_rate)
        if config.weight_decay:
            _shrink(model, 1 - rates.learning_rate * config.weight_decay)
        optimizer.step()
    for average in averages:
        average.update(rates.newest)
    return loss_n


@torch.no_grad()
def _shrink(model: Network, factor: float | Tensor) -> None:
    """Decoupled weight decay: of all but biases, normalisations and time constants.

    Source: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization".
    """
    for name, parameter in model.named_parameters():
        matrix = "weight" in name and parameter.dim() > 1
        if parameter.requires_grad and (matrix or name.endswith("w_s")):
            parameter.mul_(factor)


def _set_rate(group: dict, rate: float | Tensor) -> None:
    if isinstance(group["lr"], Tensor):
        group["lr"].copy_(rate) if isinstance(rate, Tensor) else group["lr"].fill_(rate)
    else:
        group["lr"] = rate
