"""Batch normalisation whose batch is the whole one, also where several processes each hold a share of it.

N windows and bins, C channels. PyTorch's SyncBatchNorm does the same, but not on CPUs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..processes import connected_count, mean_over_processes


class BatchNorm(nn.BatchNorm1d):
    """nn.BatchNorm1d of (N, C) values; while it trains on several processes, with the statistics of all their shares.

    The shares are of one size, as `Processes.share` makes them.
    """

    def forward(self, x_nc: Tensor) -> Tensor:
        n_processes = connected_count()
        if not self.training or n_processes == 1:
            return super().forward(x_nc)
        mean_c = mean_over_processes(x_nc.float().mean(0))
        centred_nc = x_nc - mean_c
        variance_c = mean_over_processes(centred_nc.square().mean(0))
        self._remember(mean_c.detach(), variance_c.detach(), x_nc.shape[0] * n_processes)
        return centred_nc * (torch.rsqrt(variance_c + self.eps) * self.weight) + self.bias

    def _remember(self, mean_c: Tensor, variance_c: Tensor, n: int) -> None:
        """Bring the running statistics, those of a network in use, forward as nn.BatchNorm1d does."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean_c, self.momentum)
        self.running_var.lerp_(variance_c * n / (n - 1), self.momentum)
