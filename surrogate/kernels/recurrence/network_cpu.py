"""A layer of ELM neurons that listen to one another, by the compiled kernel, as a PyTorch operation with gradients.

Eight sequences lie in the last dimension, the lanes. network_reference.py is the truth.

G groups of eight sequences, T steps, N neurons, Y synapses of each, C channels, K branches, M memory units, H hidden
units, L lanes, E entries of the input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..events import Events
from .cpu import call, inside
from .network_reference import SLOPE, LayerState, Neurons
from .reference import PHI_HEIGHT, PHI_SLOPE

LANES = 8  # as in kernel.cpp
MANY = 64  # neurons, from which on there are four parts, each of which looks for every entry's synapses


def parts_of(n_neurons: int) -> int:
    """Parts of a layer's neurons that threads share out; never by their number, on which results would then depend."""
    return 4 if n_neurons >= MANY else min(2, n_neurons)


class Wiring(NamedTuple):
    """A layer's sources as the kernel takes them: synapses that read neurons, neuron after neuron and filled up to a
    multiple of eight, then those that read channels, by channel and part. order_s: which of the N·Y synapses each is,
    N·Y for none. source_r, branch_r, place_f: as `Hearing` and `Feeding` of the kernel have them.
    """

    order_s: Tensor
    first_n: Tensor
    source_r: Tensor
    branch_r: Tensor
    first_cp: Tensor
    place_f: Tensor

    @classmethod
    def of(cls, source_ny: Tensor, n_channels: int, n_branches: int, n_memory: int) -> Wiring:
        """Raises ValueError for a source that is neither a channel nor a neuron."""
        source = source_ny.numpy().reshape(-1)
        n_neurons, n_synapses = source_ny.shape
        if source.min() < 0 or source.max() >= n_channels + n_neurons:
            raise ValueError(f"sources lie outside {n_channels} channels and {n_neurons} neurons")
        neuron, branch = np.divmod(np.arange(source.size) * n_branches // n_synapses, n_branches)
        own, fed = np.flatnonzero(source >= n_channels), np.flatnonzero(source < n_channels)
        # neighbours are of different branches: none waits for the sum that the one before it has changed
        _, first, count = np.unique(neuron[own] * n_branches + branch[own], return_index=True, return_counts=True)
        rank = np.arange(own.size) - np.repeat(first, count)
        own = own[np.lexsort((branch[own], rank, neuron[own]))]
        counts = np.bincount(neuron[own], minlength=n_neurons)
        first_n = np.concatenate([[0], np.cumsum(-(-counts // LANES) * LANES)])
        at = np.arange(own.size) + np.repeat(first_n[:-1] - np.cumsum(counts) + counts, counts)
        filled = np.full((3, first_n[-1]), [[source.size], [0], [0]])
        filled[:, at] = own, source[own] - n_channels, branch[own]
        order_r, source_r, branch_r = filled

        parts = parts_of(n_neurons)
        begin = n_neurons * np.arange(parts + 1) // parts
        part = np.searchsorted(begin, neuron, side="right") - 1
        key = source * parts + part
        fed = fed[np.lexsort((neuron[fed], key[fed]))]
        place = (neuron - begin[part]) * (n_branches + n_memory + 1) + branch
        tables: tuple[np.ndarray, ...] = (
            np.concatenate([order_r, fed]),
            first_n,
            (LANES * source_r).astype("i4"),
            (LANES * branch_r).astype("i4"),
            np.searchsorted(key[fed], np.arange(parts * n_channels + 1)),
            (LANES * place[fed]).astype("i4"),
        )
        return cls(*(torch.from_numpy(each) for each in tables))


class Entries(NamedTuple):
    """Input of sequences, eight together: entry e of a step is a channel and its values in all eight.

    first_gt (G, T + 1): the first entry of each step of each group. shape: B sequences, T steps, C channels.
    """

    first_gt: Tensor
    channel_e: Tensor
    value_el: Tensor
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, events: Events) -> Entries:
        """Raises ValueError for events that lie outside their sequences."""
        events = events.trimmed()
        n_sequences, n_steps, _ = events.shape
        events = events._replace(value_n=events.value_n.float())
        if not inside(events):
            raise ValueError(f"events of {events.shape} lie outside them")
        rows = torch.arange(n_sequences * n_steps + 1, dtype=torch.int32)
        first_r = torch.searchsorted(events.row_n.contiguous(), rows)
        first_gt = first_r.new_empty(-(-n_sequences // LANES), n_steps + 1)
        channel_e, value_el = torch.empty_like(events.input_n), events.value_n.new_empty(len(events.value_n), LANES)
        given = first_r, events.input_n.contiguous(), events.value_n.contiguous()
        call("network_entries", *events.shape, *given, first_gt, channel_e, value_el)
        return cls(first_gt, channel_e, value_el, events.shape)

    @classmethod
    def of_layer(cls, activity_gtnl: Tensor, n_sequences: int) -> Entries:
        """Another layer's activity, every neuron an entry of every step."""
        n_groups, n_steps, n_neurons, _ = activity_gtnl.shape
        first_gt = n_neurons * (n_steps * torch.arange(n_groups)[:, None] + torch.arange(n_steps + 1))
        channel_e = torch.arange(n_neurons, dtype=torch.int32).repeat(n_groups * n_steps)
        return cls(first_gt, channel_e, activity_gtnl.reshape(-1, LANES), (n_sequences, n_steps, n_neurons))


def to_lanes(each_b: Tensor) -> Tensor:
    """(B, …) with eight sequences in the last dimension, (G, …, L); zeros fill up the last group."""
    n_groups = -(-len(each_b) // LANES)
    missing = each_b.new_zeros(n_groups * LANES - len(each_b), *each_b.shape[1:])
    return torch.cat([each_b, missing]).unflatten(0, (n_groups, LANES)).movedim(1, -1).contiguous()


def from_lanes(each_gl: Tensor, n_sequences: int) -> Tensor:
    """What `to_lanes` has put there (B, …)."""
    return each_gl.movedim(-1, 1).flatten(0, 1)[:n_sequences]


def recurrent_trace(
    entries: Entries, neurons: Neurons, wiring: Wiring, state: LayerState, mask_bn: Tensor
) -> tuple[Tensor, Tensor, LayerState]:
    """As `network_reference.recurrent_trace`, with the activity in lanes (G, T, N, L).

    Raises ValueError where input, wiring and states, in which the kernel goes where they say, are not of one layer.
    """
    (n_sequences, _, n_channels), n_neurons, n_memory = entries.shape, *neurons.w_y_nm.shape
    expected = [(n_sequences, n_neurons)] * 2 + [(n_sequences, n_neurons, n_memory), (n_sequences, n_neurons)]
    found = [tuple(each.shape) for each in (*state, mask_bn)]
    if found != expected or len(wiring.first_cp) != parts_of(n_neurons) * n_channels + 1:
        raise ValueError(f"input of {entries.shape} and states of {found} are not of a layer of {n_neurons} neurons")
    (w_in, bias_in), (w_out, bias_out) = neurons.mlp
    parts = w_in, bias_in, PHI_SLOPE * w_out, PHI_SLOPE * bias_out
    constants = neurons.kappa_nm, PHI_HEIGHT * neurons.gain_nm, neurons.w_y_nm, neurons.bias_n[:, None]
    numbers_nw = torch.cat([each.flatten(1) for each in (*parts, *constants)], dim=1)
    sizes = len(entries.first_gt), *entries.shape[1:], neurons.n_branches, w_out.shape[2], w_out.shape[1]
    start = [to_lanes(each) for each in (*state, mask_bn)]
    given = entries.value_el, neurons.w_ny, numbers_nw, *start
    made = _Trace.apply(sizes, entries, wiring, neurons.kappa_r, neurons.spiking, torch.is_grad_enabled(), *given)
    activity_gtnl, *others = made
    effort_bn, slow_bn, m_bnm = (from_lanes(each, n_sequences) for each in others)
    last = LayerState(from_lanes(activity_gtnl[:, -1], n_sequences), slow_bn, m_bnm)
    return activity_gtnl, effort_bn / PHI_SLOPE, last


class _Trace(torch.autograd.Function):
    """Activity (G, T, N, L), sum of |2u/3| (G, N, L), and after the last step slow part and memory (G, N, M, L)."""

    @staticmethod
    def forward(
        ctx, sizes, entries: Entries, wiring: Wiring, kappa_r: float, spiking: bool, goes_back: bool,
        value_el: Tensor, w_ny: Tensor, numbers_nw: Tensor,
        start_gnl: Tensor, slow_gnl: Tensor, start_gnml: Tensor, mask_gnl: Tensor,
    ):  # fmt: skip
        """sizes: G, T, C, K, M, H. goes_back: whether a gradient may be asked for."""
        (n_groups, n_steps, *_, n_memory, n_hidden), n_neurons = sizes, len(w_ny)
        ctx.sizes, ctx.n_synapses = (*sizes[:2], n_neurons, *sizes[2:], parts_of(n_neurons)), w_ny.numel()
        of_step = n_groups, n_steps, n_neurons
        shapes = [(n_groups, n_steps + 1, n_neurons, LANES), (n_groups, n_steps + 1, n_neurons, n_memory, LANES)]
        shapes += [(*of_step, *last, LANES) for last in ((n_hidden,), (n_memory,), (), (n_hidden,), (n_memory,))]
        room, (seen_gtnl, m_gtnml, a_gtnhl, d_gtnml, v_gtnl, *later) = borrowed(shapes, numbers_nw)
        seen_gtnl[:, 0] = start_gnl * mask_gnl
        m_gtnml[:, 0] = start_gnml
        slow_gnl, effort_gnl = slow_gnl.clone(), torch.zeros_like(slow_gnl)
        activity_gtnl = torch.empty_like(v_gtnl)
        w_s = nn.functional.pad(w_ny.reshape(-1), (0, 1))[wiring.order_s]
        tables = _Tables((entries.first_gt, entries.channel_e, value_el), wiring, w_s, numbers_nw)
        made = seen_gtnl, slow_gnl, m_gtnml, a_gtnhl, d_gtnml, v_gtnl, activity_gtnl, effort_gnl
        call("network_forward", addresses(ctx.sizes), tables.array, kappa_r, int(spiking), mask_gnl, *made)
        last_gnml = m_gtnml[:, -1].clone()
        ctx.given = (entries.first_gt, entries.channel_e), wiring, kappa_r, spiking
        ctx.kept = room, (seen_gtnl, m_gtnml, a_gtnhl, d_gtnml, v_gtnl), later
        ctx.save_for_backward(value_el, w_s, numbers_nw, mask_gnl)
        if not goes_back:
            give_back(room)
        return activity_gtnl, effort_gnl, slow_gnl, last_gnml

    @staticmethod
    @once_differentiable
    def backward(ctx, of_activity_gtnl: Tensor, of_effort_gnl: Tensor, of_slow_gnl: Tensor, of_m_gnml: Tensor):
        value_el, w_s, numbers_nw, mask_gnl = ctx.saved_tensors
        steps, wiring, kappa_r, spiking = ctx.given
        (room, kept, (of_a_gtnhl, of_z_gtnml)), ctx.kept = ctx.kept, None  # once, as saved tensors are
        seen_gtnl, m_gtnml, a_gtnhl, *_ = kept
        n_groups, _, n_neurons, _, n_branches, n_memory, n_hidden, n_parts = ctx.sizes
        tables, sizes = _Tables((*steps, value_el), wiring, w_s, numbers_nw), addresses(ctx.sizes)
        n_read, zeros = n_branches + n_memory, numbers_nw.new_zeros
        into, out, own = (n_read + 1) * n_hidden, (n_hidden + 1) * n_memory, 3 * n_memory + 1
        w_xh = numbers_nw[:, :into].view(n_neurons, -1, n_hidden)[:, :n_read]
        w_hm = numbers_nw[:, into : into + out].view(n_neurons, -1, n_memory)[:, :n_hidden]
        turned_nw = torch.cat([w_xh.mT.flatten(1), w_hm.mT.flatten(1)], dim=1)
        of_slow_gnl, of_m_gnml = of_slow_gnl.clone().contiguous(), of_m_gnml.clone().contiguous()
        of_start_gnl = torch.empty_like(of_slow_gnl)
        of_w_gs = [zeros(n_groups, len(each)) for each in (wiring.source_r, wiring.place_f)]
        of_own_gnwl = zeros(n_groups, n_neurons, own, LANES)
        of_value_pel = zeros(n_parts, *value_el.shape) if ctx.needs_input_grad[6] else 0
        constants = tables.array, turned_nw, kappa_r, int(spiking), SLOPE, mask_gnl
        given = of_activity_gtnl.contiguous(), of_effort_gnl.contiguous()
        made = of_slow_gnl, of_m_gnml, of_start_gnl, of_a_gtnhl, of_z_gtnml, *of_w_gs, of_own_gnwl, of_value_pel
        call("network_backward", sizes, *constants, *kept, *given, *made)
        of_weights_nw = numbers_nw.new_empty(n_neurons, into + out)
        call("network_weights", sizes, tables.array, seen_gtnl, m_gtnml, a_gtnhl, of_a_gtnhl, of_z_gtnml, of_weights_nw)
        give_back(room)
        of_w = w_s.new_empty(ctx.n_synapses + 1)  # the last is none
        of_w[wiring.order_s] = torch.cat([each.sum(0) for each in of_w_gs])
        of_w_ny = of_w[:-1].view(n_neurons, -1)
        of_numbers_nw = torch.cat([of_weights_nw, of_own_gnwl.sum((0, 3))], dim=1)
        of_value_el = of_value_pel.sum(0) if isinstance(of_value_pel, Tensor) else None
        return *(None,) * 6, of_value_el, of_w_ny, of_numbers_nw, of_start_gnl, of_slow_gnl, of_m_gnml, None


class _Tables:
    """Addresses of what `Listening` of the kernel reads, and the tensors there."""

    def __init__(self, entries: tuple[Tensor, ...], wiring: Wiring, w_s: Tensor, numbers_nw: Tensor) -> None:
        w_r, w_f = w_s.view(torch.int32).split([len(wiring.source_r), len(wiring.place_f)])
        hearing, feeding = (
            torch.stack([wiring.source_r, wiring.branch_r, w_r], 1),
            torch.stack([wiring.place_f, w_f], 1),
        )
        held = *entries, wiring.first_n, hearing, wiring.first_cp, feeding, numbers_nw
        self._held = [each.contiguous() for each in held]
        self.array = addresses([each.data_ptr() for each in self._held])


def addresses(values: Sequence[int]) -> Tensor:
    """Sizes or addresses, as the kernel takes many of them."""
    return torch.tensor(list(values), dtype=torch.int64)


_spare: list[Tensor] = []  # at most one


def borrowed(shapes: Sequence[tuple[int, ...]], like: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Memory for a step, and tensors of these shapes in it: what `give_back` has kept where it is large enough.

    Without it, a step asks for tens of MB that the system takes back and clears anew each time, for as long as half the
    kernel's own work.
    """
    sizes = [math.prod(shape) for shape in shapes]
    room = _spare.pop() if _spare and _spare[0].numel() >= sum(sizes) else like.new_empty(sum(sizes))
    parts = room[: sum(sizes)].split(sizes)
    return room, [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


def give_back(room: Tensor) -> None:
    """Keep memory that nothing uses any more for the next step, in place of any smaller."""
    if not _spare or _spare[0].numel() < room.numel():
        _spare[:] = [room]
