"""Fitting on several processes, one for each device: started by `torchrun`, each takes its share of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from ..simulate.schema import InputError
from .device import at


@dataclass(frozen=True)
class Processes:
    """How many fit together, and which of them this one is."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and says."""
        return self.rank == 0

    def share(self, batch: int) -> slice:
        """This process's windows of a batch. Raises InputError where it cannot be shared out evenly."""
        if batch % self.count:
            raise InputError(f"batch is {batch}: it cannot be shared out evenly among {self.count} processes")
        return slice(self.rank * batch // self.count, (self.rank + 1) * batch // self.count)

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Make each tensor its mean over all processes, in one message."""
        if self.count == 1:
            return
        together = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(together)
        together /= self.count
        for tensor, mean in zip(tensors, together.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def agree(self, values: Sequence[float]) -> list[float]:
        """The first process's numbers, on every process."""
        if self.count == 1:
            return list(values)
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        told = torch.tensor(values, dtype=torch.float64, device=device)
        dist.broadcast(told, 0)
        return told.tolist()

    def wait(self) -> None:
        """For all others to come to this point."""
        if self.count > 1:
            dist.barrier()


def connected_count() -> int:
    """How many processes are connected now."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def mean_over_processes(values: Tensor) -> Tensor:
    """The mean of the connected processes' values, through which gradients flow back to each."""
    mean: Tensor = _Mean.apply(values)
    return mean


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        mean = values.detach().clone()
        dist.all_reduce(mean)
        return mean / dist.get_world_size()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return _Mean.forward(ctx, gradient)  # each process's value went to every process, by one part in so many


def started() -> Processes:
    """What `torchrun` says of this process; one of one without it."""
    return Processes(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """The processes that `torchrun` started, connected: by NCCL on GPUs, each with its own, by Gloo on CPUs."""
    processes = started()
    if processes.count == 1:
        with at(device):
            yield processes
        return
    if device.index is not None:
        raise InputError(f"device '{device}': torchrun gives each of its processes a GPU of its own; use --device cuda")
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield processes
    finally:
        dist.destroy_process_group()
