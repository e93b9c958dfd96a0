"""Events' weighted sum is the dense product, outputs and gradients."""

import pytest
import torch

from apical.surrogate.kernels import spike_drive as module
from apical.surrogate.kernels.events import Events
from apical.surrogate.kernels.spike_drive import spike_drive


@pytest.mark.parametrize("where", ["as on a CPU", "as on a GPU"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 63, 7), (2, 20, 4)])
@pytest.mark.parametrize("density", [0.0, 0.05, 1.0])
def test_equals_the_dense_product(shape, density, where, monkeypatch):
    monkeypatch.setattr(module, "GPU", "cpu" if where == "as on a GPU" else "cuda")
    random = torch.Generator().manual_seed(0)
    x_bts = (torch.rand(shape, generator=random) < density).double() * (1 - 2 * (torch.arange(shape[2]) % 2))
    w_s = torch.randn(shape[2], generator=random).double().requires_grad_()
    target_bt = torch.randn(shape[:2], generator=random).double()
    drives = spike_drive(Events.from_dense(x_bts), w_s), x_bts @ w_s
    gradients = [torch.autograd.grad((drive_bt * target_bt).sum(), w_s)[0] for drive_bt in drives]
    torch.testing.assert_close(*drives)
    torch.testing.assert_close(*gradients)
