"""The temporal convolutional network: causal convolutions over the input spikes, and one linear head per target.

B windows, T ms, S inputs, C channels, P dendritic components.
Source: Beniaguev, Segev & London 2021, Neuron 109:2727, and the code published with it.
"""

from __future__ import annotations

import re
from typing import Literal

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from ...simulate.schema import InputError, shown
from ..kernels.events import Events
from ..kernels.spike_convolution import bins_outermost, convolve_spikes
from ..kernels.tiled_convolution import convolve_channels
from .batch_norm import BatchNorm
from .network import Network, State
from .settings import Settings, check_size

MOST_LAYERS = 1000  # hundreds are already slow
LONGEST_MS = 10_000
RECEPTIVE_FIELD_MS = 153  # of the headline network, 7 × 128
LAYER_INIT_SD = 0.002
SPIKE_INIT_SD, SPIKE_INIT_BIAS = 0.001, -2.0
VOLTAGE_INIT_SD = 0.03
DENDRITE_INIT_SD = 0.05
BATCH_NORM_EPS, BATCH_NORM_MOMENTUM = 1e-3, 0.01  # Keras' defaults, which the published networks were trained with


class TCNConfig(Settings):
    """Everything that fixes a TCN's shape."""

    family: Literal["tcn"] = "tcn"
    n_inputs: int = Field(gt=0)
    width: int = Field(gt=0, description="channels of each layer")
    kernels_ms: tuple[PositiveInt, ...] = Field(
        min_length=1, max_length=MOST_LAYERS, description="kernel of each layer"
    )
    n_dendrite_components: int = Field(default=0, ge=0, le=10_000, description="outputs of the third head")
    batch_norm_momentum: float = Field(default=BATCH_NORM_MOMENTUM, gt=0, le=1, description="share of the newest batch")

    @model_validator(mode="after")
    def _fits_into_memory(self) -> TCNConfig:
        first_ms, *later_ms = self.kernels_ms
        heads = 2 + self.n_dendrite_components
        check_size(self.width * (self.n_inputs * first_ms + self.width * sum(later_ms) + heads))
        return self


def kernels_for(depth: int, receptive_field_ms: int) -> tuple[int, ...]:
    """Kernels of `depth` layers that together see `receptive_field_ms` bins, the first the longest.

    Gives the published [45, 19 × 6] for 7 layers of 153 ms and [54, 24, 24] for 3 of 100 ms.
    """
    later = int((receptive_field_ms - 1) / (depth + 1.3))
    return (receptive_field_ms - (depth - 1) * later, *[later + 1] * (depth - 1))


def tcn(size: str, n_inputs: int, *, receptive_field_ms: int = RECEPTIVE_FIELD_MS, **options: object) -> TCNConfig:
    """The TCN of a size "depth x width", such as "7x128".

    Raises InputError for a size or an option that is not one.
    """
    match = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})", str(size))
    depth, width = (int(n) for n in match.groups()) if match else (0, 0)
    if not depth or not width:
        raise InputError(f"size {shown(str(size))}: a tcn's size is depth x width, such as 7x128")
    if depth > MOST_LAYERS:
        raise InputError(f"size '{size}': expected {MOST_LAYERS:,} layers at most")
    if not isinstance(receptive_field_ms, int) or not 0 < receptive_field_ms <= LONGEST_MS:
        given = shown(receptive_field_ms)
        raise InputError(f"receptive_field_ms is {given}, expected a whole number of ms from 1 to {LONGEST_MS:,}")
    derived = {"n_inputs": n_inputs, "width": width, "kernels_ms": kernels_for(depth, receptive_field_ms)}
    return TCNConfig.checked(f"tcn of size '{size}'", {**derived, **options})


class Layer(nn.Module):
    """Convolution over the past → ReLU → BatchNorm; how it is convolved depends on the input."""

    def __init__(self, n_in: int, n_out: int, kernel_ms: int, momentum: float):
        super().__init__()
        self.conv = _initialise(nn.Conv1d(n_in, n_out, kernel_ms), LAYER_INIT_SD)
        self.conv.weight = nn.Parameter(bins_outermost(self.conv.weight.detach()))
        self.norm = BatchNorm(n_out, eps=BATCH_NORM_EPS, momentum=momentum)

    @property
    def parts(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the convolution."""
        assert self.conv.bias is not None
        return self.conv.weight, self.conv.bias

    def activate(self, convolved_btc: Tensor) -> Tensor:
        """What follows the convolution."""
        return self.norm(torch.relu(convolved_btc).flatten(0, 1)).view(convolved_btc.shape)

    def newest(self, seen_bkc: Tensor) -> Tensor:
        """Output (B, 1, C) of the last of the K bins that the kernel sees."""
        weight_csk, bias_c = self.parts
        return self.activate((seen_bkc.flatten(1) @ weight_csk.permute(2, 1, 0).flatten(0, 1) + bias_c)[:, None])


class CausalLayer(Layer):
    """A later layer."""

    def forward(self, x_btc: Tensor) -> Tensor:
        return self.activate(convolve_channels(x_btc, *self.parts))


class SpikeLayer(Layer):
    """The first layer: its input is almost all silence."""

    def forward(self, events: Events) -> Tensor:
        return self.activate(convolve_spikes(events, *self.parts))


class TCN(Network):
    """Signed input spikes in; spike logit, scaled voltage and, where asked for, dendritic components out."""

    def __init__(self, config: TCNConfig):
        super().__init__()
        self.config, self.n_inputs = config, config.n_inputs
        self.history_ms = sum(kernel_ms - 1 for kernel_ms in config.kernels_ms)
        first_ms, *later_ms = config.kernels_ms
        width, momentum = config.width, config.batch_norm_momentum
        self.layers = nn.Sequential(
            SpikeLayer(config.n_inputs, width, first_ms, momentum),
            *(CausalLayer(width, width, kernel_ms, momentum) for kernel_ms in later_ms),
        )
        self.spike = _initialise(nn.Conv1d(config.width, 1, 1), SPIKE_INIT_SD, SPIKE_INIT_BIAS)
        self.voltage = _initialise(nn.Conv1d(config.width, 1, 1), VOLTAGE_INIT_SD)
        self.heads = [self.spike, self.voltage]
        if config.n_dendrite_components:
            self.dendrites = _initialise(nn.Conv1d(config.width, config.n_dendrite_components, 1), DENDRITE_INIT_SD)
            self.heads.append(self.dendrites)

    def forward(self, x: Tensor | Events) -> Tensor:
        """Outputs (B, T, 2 + P) of whole windows; the published TCN sees spikes as 0 and 1, without their sign."""
        events = x if isinstance(x, Events) else Events.from_dense(x)
        return self._read_out(self.layers(events._replace(value_n=events.value_n.abs())))

    def init_state(self, n_windows: int) -> State:
        """Of each layer the bins that its kernel looks back on: (B, kernel - 1, C)."""
        convolutions = [layer.conv for layer in self._layers()]
        return tuple(
            conv.weight.new_zeros(n_windows, conv.kernel_size[0] - 1, conv.in_channels) for conv in convolutions
        )

    def step(self, x_bs: Tensor, state: State) -> tuple[Tensor, State]:
        assert not self.training, "a step has no batch of bins to normalise by: model.eval() first"
        newest_b1c, after = x_bs.abs()[:, None], []
        for layer, past in zip(self._layers(), state, strict=True):
            seen_bkc = torch.cat([past, newest_b1c], dim=1)
            newest_b1c = layer.newest(seen_bkc)
            after.append(seen_bkc[:, 1:])
        return self._read_out(newest_b1c)[:, 0], tuple(after)

    def _read_out(self, features_btc: Tensor) -> Tensor:
        """All heads at once, in full precision: convolutions of one bin are one matrix product."""
        weights, biases = ([getattr(head, part) for head in self.heads] for part in ("weight", "bias"))
        with torch.autocast(features_btc.device.type, enabled=False):
            weight_oc = torch.cat(weights)[..., 0]
            return F.linear(features_btc.to(weight_oc.dtype), weight_oc, torch.cat(biases))

    @property
    def macs_per_ms(self) -> int:
        return sum(conv.weight.numel() for conv in [layer.conv for layer in self._layers()] + self.heads)

    def _layers(self) -> list[Layer]:
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    def set_spike_bias(self, logit: float) -> None:
        assert self.spike.bias is not None
        nn.init.constant_(self.spike.bias, logit)


def _initialise(conv: nn.Conv1d, sd: float, bias: float = 0.0) -> nn.Conv1d:
    nn.init.trunc_normal_(conv.weight, std=sd, a=-2 * sd, b=2 * sd)
    assert conv.bias is not None
    nn.init.constant_(conv.bias, bias)
    return conv
