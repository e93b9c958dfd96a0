"""Several models of one shape fitted together: one call for all where their family has a path that takes them so.

N models, B windows, T ms, O outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from ..kernels.events import Events
from ..kernels.recurrence.memory import Path, memories, path_of
from ..models.elm import ELM
from ..models.families import assemble
from ..models.network import Network


class Stack:
    """Models of one configuration, computed together or, where that cannot be, one after another.

    Together, their parameters become views of joint ones, so that each stays a model of its own: it can be validated,
    saved, restored and stepped down its gradient as if it were alone.
    """

    def __init__(self, models: Sequence[Network]) -> None:
        self.models = list(models)
        self._path = common_path(self.models)
        self._joint = None if self._path is None else _joint(self.models)
        self._calls = [_called(model) for model in self.models]

    def outputs(self, events: Sequence[Events]) -> Tensor:
        """Outputs (N, B, T, O), each model's of its own windows."""
        if self._joint is None or self._path is None:
            return torch.stack([call(each) for call, each in zip(self._calls, events, strict=True)])
        m_nbtm = memories(events, self._joint.neuron(), self._path)
        head = self._joint.w_y
        return torch.matmul(m_nbtm, head.weight[:, None].mT) + head.bias[:, None, None]

    def backward(self, loss: Tensor) -> None:
        """Set every model's gradient to that of a loss."""
        for module in [*self.models, *([self._joint] if self._joint else [])]:
            module.zero_grad()
        loss.backward()
        if self._joint is not None:
            for name, joint in self._joint.named_parameters():
                if joint.grad is not None:
                    for model, gradient in zip(self.models, joint.grad, strict=True):
                        model.get_parameter(name).grad = gradient


def common_path(models: Sequence[Network]) -> Path | None:
    """The path of the recurrence that takes several ELMs of one configuration at once; None where there is none."""
    first = models[0]
    if len(models) == 1 or not isinstance(first, ELM) or any(model.config != first.config for model in models):
        return None
    path, why_not = path_of(first.neuron())
    return None if why_not else path


def _called(model: Network) -> Callable[[Events], Tensor]:
    """The model, its path chosen once: that looks at its time constants, for which a GPU would have to be waited."""
    if isinstance(model, ELM) and model.path == "auto":
        return partial(model, path=path_of(model.neuron())[0])
    return model


def _joint(models: Sequence[Network]) -> ELM:
    """An ELM whose parameters have a dimension of models in front; those of the models become views of them."""
    joint = assemble(models[0].config).to(next(models[0].parameters()).device)
    assert isinstance(joint, ELM)
    for name, parameter in list(joint.named_parameters()):
        owner, _, last = name.rpartition(".")
        together = torch.stack([model.get_parameter(name).detach() for model in models])
        joint.get_submodule(owner).register_parameter(last, nn.Parameter(together, parameter.requires_grad))
        for model, own in zip(models, together, strict=True):
            model.get_parameter(name).data = own
    return joint
