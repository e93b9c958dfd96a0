"""A layer of leaky integrate-and-fire neurons as an encoder of sequences: a leaky trace of their spikes.

The ELM paper (Spieler et al. 2024) compares with 500 such neurons of 51 thousand parameters on SHD-Adding, of which no
code is published. 700 channels to 500 neurons would be 350 thousand. Our reading: 81 synapses of random channels for
each neuron, a bias, a time constant, and the readout: 500 · 83 + 19 · 501 = 51,019.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor, nn

from ...surrogate.kernels.compiled import why_not
from ...surrogate.kernels.events import Events
from ...surrogate.kernels.recurrence.reference import synapse_table
from ...surrogate.kernels.recurrence.spiking import spiking_trace
from ...surrogate.kernels.spike_convolution import SpikeConvolution
from ...surrogate.models.routing import random_routing
from ...surrogate.models.time_constants import bounded_ms, proto_of
from .sequence import Recurrent, State, Trace
from .settings import SpikingSettings

MARGIN = 1e-3  # of their range that time constants start inside their bounds


class SpikingEncoder(Recurrent):
    """Spikes of the layer, through a leak."""

    input_y: Tensor

    def __init__(self, settings: SpikingSettings) -> None:
        super().__init__()
        self.settings, self.n_features = settings, settings.size
        inputs, _ = random_routing(settings.n_channels, settings.size, settings.synapses, settings.routing_seed)
        self.register_buffer("input_y", torch.from_numpy(inputs))
        bound = 1 / math.sqrt(settings.synapses)
        self.w_y = nn.Parameter(torch.empty(len(inputs)).uniform_(-bound, 2 * bound))  # silent neurons learn little
        self.bias = nn.Parameter(torch.zeros(settings.size))
        low, high = settings.tau_min, max(settings.tau_max, settings.tau_min + MARGIN)
        spaced = torch.linspace(MARGIN, 1 - MARGIN, settings.size, dtype=torch.float64)
        self._bounds = low, high
        self._proto_tau = nn.Parameter(proto_of(low * (high / low) ** spaced, low, high))

    def rest(self, n_sequences: int) -> State:
        zeros = self.bias.new_zeros(n_sequences, self.settings.size)
        return zeros, zeros

    def prepared(self) -> Trace:
        settings = self.settings
        valid_y = torch.ones_like(self.input_y, dtype=torch.bool)
        table_sn = synapse_table(self.w_y, self.input_y, valid_y, settings.size, settings.n_channels)
        leak_n = torch.exp(-settings.step_ms / bounded_ms(self._proto_tau, *self._bounds))
        return partial(self._trace, table_sn, leak_n)

    def _trace(self, table_sn: Tensor, leak_n: Tensor, events: Events, state: State) -> tuple[Tensor, State]:
        settings = self.settings
        if why_not(table_sn):
            drive_btn = events.summed(table_sn).view(*events.shape[:2], -1) + self.bias
        else:
            drive_btn = SpikeConvolution.apply(table_sn[None], self.bias, events)
        readout = math.exp(-settings.step_ms / settings.tau_readout)
        kept_bn, trace_bn = state
        return spiking_trace(drive_btn, leak_n, readout, settings.slope, (kept_bn, trace_bn))
