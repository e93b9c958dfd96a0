"""A layer of ELM neurons that listen to one another, on a GPU, as a PyTorch operation with gradients.

Sequences lie in the last dimension, steps before them. network_reference.py is the truth.

B sequences, T steps, C channels, N neurons, Y synapses of each, K branches, H hidden units, M memory units.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...events import Events
from ..network_reference import LayerState, Neurons
from ..reference import PHI_HEIGHT, PHI_SLOPE
from .room import borrowed, give_back, of_sources
from .sizes import Sizes


class Readers(NamedTuple):
    """All synapses, by number, in the order of their sources; those of source s begin at first_s, whose last is N·Y."""

    order_y: Tensor
    first_s: Tensor

    @classmethod
    def of(cls, source_ny: Tensor, n_channels: int) -> Readers:
        """Sources are channels, or n_channels and the number of a neuron."""
        source_y, order_y = source_ny.flatten().sort(stable=True)
        sources = torch.arange(n_channels + len(source_ny) + 1, device=source_ny.device)
        return cls(order_y.int(), torch.searchsorted(source_y, sources, out_int32=True))


def laid_out(x: Tensor | Events) -> Tensor:
    """Dense input (C, T, B). Of events in the same step and channel the sum, as a GPU repeats it to the bit."""
    if isinstance(x, Tensor):
        return x.permute(2, 1, 0)
    n_sequences, n_steps, n_channels = x.shape
    row_n = x.row_n.long().clamp(max=n_sequences * n_steps - 1)  # of what fills them up, whose value is 0
    at = x.input_n.long(), row_n % n_steps, row_n // n_steps
    zeros = torch.zeros(n_channels, n_steps, n_sequences, device=x.value_n.device)
    return zeros.index_put_(at, x.value_n.float(), accumulate=True)


def recurrent_trace(
    x_ctb: Tensor, neurons: Neurons, readers: Readers, state: LayerState, mask_bn: Tensor
) -> tuple[Tensor, Tensor, LayerState]:
    """As `network_reference.recurrent_trace`, with input and activity (·, T, B).

    Raises ValueError where input, readers and states are not of one layer.
    """
    (n_channels, n_steps, n_sequences), (n_neurons, n_memory) = x_ctb.shape, neurons.w_y_nm.shape
    expected = [(n_sequences, n_neurons)] * 2 + [(n_sequences, n_neurons, n_memory), (n_sequences, n_neurons)]
    found = [tuple(each.shape) for each in (*state, mask_bn)]
    if found != expected or len(readers.first_s) != n_channels + n_neurons + 1:
        shape = n_sequences, n_steps, n_channels
        raise ValueError(f"input of {shape} and states of {found} are not of a layer of {n_neurons} neurons")
    (w_in, bias_in), (w_out, bias_out) = neurons.mlp
    mlp = w_in, bias_in, PHI_SLOPE * w_out, PHI_SLOPE * bias_out
    own = neurons.kappa_nm, PHI_HEIGHT * neurons.gain_nm, neurons.w_y_nm, neurons.bias_n
    start = (each.movedim(0, -1) for each in (mask_bn, *state))
    tables = neurons.source_ny, *readers
    sizes = Sizes.of(neurons, n_sequences, n_steps, n_channels)
    made = _Trace.apply(sizes, tables, torch.is_grad_enabled(), x_ctb, neurons.w_ny, *mlp, *own, *start)
    activity_ntb, *others = made
    effort_bn, slow_bn, m_bnm = (each.movedim(-1, 0) for each in others)
    return activity_ntb, effort_bn / PHI_SLOPE, LayerState(activity_ntb[:, -1].t(), slow_bn, m_bnm)


class _Trace(torch.autograd.Function):
    """Activity (N, T, B), sum of |2u/3| (N, B), and after the last step slow part (N, B) and memory (N, M, B)."""

    @staticmethod
    def forward(
        ctx, sizes: Sizes, tables: tuple[Tensor, ...], goes_back: bool, x_ctb: Tensor,
        w_ny, w_in_nxh, bias_nh, w_out_nhm, bias_nm, kappa_nm, gain_nm, w_y_nm, bias_n, mask_nb,
        start_nb: Tensor, slow_nb: Tensor, start_nmb: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """tables: sources and `Readers`. goes_back: whether a gradient may be asked for."""
        room = borrowed(sizes, w_ny)
        arrays, n_channels = room.arrays, sizes.n_channels
        names = (
            "source_ny order_y first_s w_ny w_in_nxh bias_nh w_out_nhm bias_nm kappa_nm gain_nm w_y_nm bias_n mask_nb"
        )
        values = *tables, w_ny, w_in_nxh, bias_nh, w_out_nhm, bias_nm, kappa_nm, gain_nm, w_y_nm, bias_n, mask_nb
        for name, value in zip(names.split(), values, strict=True):
            arrays[name].copy_(value)
        arrays["heard"][:n_channels, :-1] = x_ctb
        arrays["heard"][n_channels:, 0] = start_nb * mask_nb
        arrays["m_nmtb"][:, :, 0] = start_nmb
        arrays["slow_nb"].copy_(slow_nb)
        arrays["effort_nb"].zero_()
        room.forward()
        ctx.save_for_backward(w_ny)  # whose access says so, where a gradient is asked for twice
        ctx.room = room
        last_nmb = arrays["m_nmtb"][:, :, -1]
        made = tuple(
            each.clone() for each in (*(arrays[n] for n in ("activity_ntb", "effort_nb", "slow_nb")), last_nmb)
        )
        if not goes_back:
            give_back(room)
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx, of_activity_ntb: Tensor, of_effort_nb: Tensor, of_slow_nb: Tensor, of_m_nmb: Tensor):
        _ = ctx.saved_tensors
        room, ctx.room = ctx.room, None
        arrays = room.with_gradients()
        given = {"of_activity_ntb": of_activity_ntb, "of_effort_nb": of_effort_nb}
        for name, value in (given | {"of_slow_nb": of_slow_nb, "of_m_nmb": of_m_nmb}).items():
            arrays[name].copy_(value)
        room.backward()
        of_x_ctb = None
        if ctx.needs_input_grad[3]:
            heard = arrays["heard"][: room.sizes.n_channels, :-1]
            of_x_ctb = heard.new_empty(heard.shape)
            of_sources(room.sizes, arrays, of_x_ctb, 0)
        of_start_nb = arrays["mask_nb"] * arrays["of_start_nb"]
        of_states = of_start_nb, arrays["of_slow_nb"].clone(), arrays["of_m_nmb"].clone()
        of_weights = arrays["of_w_ny"].clone(), *_of_weights(arrays)
        give_back(room)
        return None, None, None, of_x_ctb, *of_weights, None, *of_states


def _of_weights(arrays: dict[str, Tensor]) -> tuple[Tensor, ...]:
    """Gradients of neurons' own weights and constants, in the order in which they are given: sums over all columns."""
    names = "branch_nktb a_nhtb d_nmtb of_a_nhtb of_z_nmtb of_m_nmtb of_kept_nmtb"
    branch_nkc, a_nhc, d_nmc, of_a_nhc, of_z_nmc, of_m_nmc, of_kept_nmc = (arrays[n].flatten(2) for n in names.split())
    before_nmc, after_nmc = (arrays["m_nmtb"][:, :, at].flatten(2) for at in (slice(-1), slice(1, None)))
    of_v_nc, of_r_nc = (arrays[name].flatten(1) for name in ("of_v_ntb", "of_r_ntb"))
    from_memory = arrays["kappa_nm"][:, :, None] * torch.bmm(before_nmc, of_a_nhc.mT)
    of_w_in_nxh = torch.cat([torch.bmm(branch_nkc, of_a_nhc.mT), from_memory], dim=1)
    of_w_out_nhm = torch.bmm(torch.relu(a_nhc) ** 2, of_z_nmc.mT)
    of_w_y_nm = torch.bmm(after_nmc, of_r_nc[:, :, None])[:, :, 0]
    of_kappa_nm, of_gain_nm = (of_kept_nmc * before_nmc).sum(2), (of_m_nmc * d_nmc).sum(2)
    of_mlp = of_w_in_nxh, of_a_nhc.sum(2), of_w_out_nhm, of_z_nmc.sum(2)
    return *of_mlp, of_kappa_nm, of_gain_nm, of_w_y_nm, of_v_nc.sum(1)
