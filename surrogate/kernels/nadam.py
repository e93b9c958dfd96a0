"""Nadam whose step is one pass over the parameters: of a large network it is a good part of a training step."""

from __future__ import annotations

import torch
from torch import Tensor

from .compiled import why_not
from .recurrence.cpu import call


class NAdam(torch.optim.NAdam):
    """torch.optim.NAdam, its state included; on a CPU equal to it but for rounding, elsewhere the same.

    Source: Dozat 2016, "Incorporating Nesterov Momentum into Adam".
    """

    @torch.no_grad()
    def step(self, closure=None):
        if not all(_one_pass(parameter) for group in self.param_groups for parameter in group["params"]):
            return super().step(closure)
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    _step(parameter, parameter.grad, self.state[parameter], group)
        return loss


def _one_pass(parameter: Tensor) -> bool:
    """Whether the kernel takes it: every element of parameter and gradient at the same place in memory."""
    if parameter.grad is None:
        return True
    dense = torch.empty_like(parameter).stride() == parameter.stride()  # no gaps, no overlaps
    return not why_not(parameter) and dense and parameter.grad.stride() == parameter.stride()


def _step(parameter: Tensor, gradient: Tensor, state: dict[str, Tensor], group: dict) -> None:
    if not state:
        state["step"] = torch.tensor(0.0)
        state["mu_product"] = torch.ones(())
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
    for name in ("exp_avg", "exp_avg_sq"):
        if state[name].stride() != parameter.stride():  # of a run that another version wrote
            state[name] = torch.empty_like(parameter).copy_(state[name])
    (beta_mean, beta_square), lr = group["betas"], float(group["lr"])
    state["step"] += 1
    number = state["step"].item()
    mu, mu_next = (beta_mean * (1 - 0.5 * 0.96 ** (at * group["momentum_decay"])) for at in (number, number + 1))
    state["mu_product"] *= mu
    mu_product = state["mu_product"].item()
    by_gradient = -lr * (1 - mu) / (1 - mu_product)
    by_mean = -lr * mu_next / (1 - mu_product * mu_next)
    averages = 1 - beta_mean, beta_square, 1 - beta_square, 1 - beta_square**number
    scalars = torch.tensor([group["weight_decay"], *averages, group["eps"], by_gradient, by_mean])
    arrays = parameter, gradient, state["exp_avg"], state["exp_avg_sq"]
    call("nadam_step", parameter.numel(), *arrays, scalars)
