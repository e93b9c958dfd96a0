"""The ELM Network: layers of ELM neurons that listen to their input and to one another, read by a layer of ELM neurons.

The output layer, of smaller neurons, one for each output and linear inside, listens to the last layer; a dense layer
mixes its activities. kernels/recurrence/network_reference.py has the equations, elm_layer.py what starts how.

Source: Spieler, Martius & Levina 2026, arXiv 2605.12049, as the code published with it has it. Our reading: the output
layer has the input scale, the time constants and the start of w of the others.

B sequences, T steps, C channels, N neurons of all layers, M memory units, O outputs.
"""

from __future__ import annotations

import copy
from typing import NamedTuple, Self, cast

import torch
from torch import Tensor, nn

from ...simulate.schema import InputError
from ..kernels.events import Events
from ..kernels.recurrence.network import NetworkPath, path_of, trace
from ..kernels.recurrence.network_reference import LayerState, output_step, recurrent_step
from .elm_layer import ElmLayer
from .elm_network_config import ElmNetworkConfig

State = tuple[Tensor, ...]  # activity, slow part and memory of each layer in order, and the output layer's memory


class Traced(NamedTuple):
    """What the steps of a network give, before the dense layer.

    y_bto: activity of the output layer. effort_bn: sum of |u| over steps and memory units. activity_bn: sum of the
    activity over steps.
    """

    y_bto: Tensor
    state: State
    effort_bn: Tensor
    activity_bn: Tensor


class ElmNetwork(nn.Module):
    """Sequences in, outputs of every step."""

    path: NetworkPath = "auto"  # of the recurrence

    def __init__(self, config: ElmNetworkConfig) -> None:
        super().__init__()
        self.config, self.n_inputs = config, config.n_inputs
        sizes = [config.n_inputs] + [config.n_neurons] * config.n_layers
        self.layers = nn.ModuleList(
            ElmLayer(config, n_sources, config.n_neurons, config.d_m, rho=config.rho, number=number)
            for number, n_sources in enumerate(sizes[:-1])
        )
        self.output = ElmLayer(config, sizes[-1], config.n_outputs, config.output_d_m, rho=0.0, number=config.n_layers)
        self.head = nn.Linear(config.n_outputs, config.n_outputs)

    def forward(self, x: Tensor | Events, mask_bn: Tensor | None = None) -> Tensor:
        """Outputs (B, T, O) of whole sequences that start from rest: events, or dense (B, T, C).

        mask_bn: as `masks` draws them. Raises InputError for a sequence without a step, of which none is the last.
        """
        n_sequences = x.shape[0]
        return self.head(self.trace(x, self.init_state(n_sequences), mask_bn).y_bto)

    def trace(self, x: Tensor | Events, state: State, mask_bn: Tensor | None = None) -> Traced:
        """The steps of a piece of the sequences that goes on from a state."""
        if not x.shape[1]:
            raise InputError("elm-network: a sequence has no step, and its head reads the last one; leave it out")
        mask_bn = self.masks(x.shape[0], 0.0) if mask_bn is None else mask_bn
        masks = mask_bn.split(self.config.n_neurons, dim=1)
        pairs, output = self._with_states(state), self.output.neurons()
        neurons, path = [layer.neurons() for layer, _ in pairs], self.chosen_path(x)
        layers = [
            (own, layer.wiring(own, path), of_layer, mask)
            for own, (layer, of_layer), mask in zip(neurons, pairs, masks, strict=True)
        ]
        made = trace(x, layers, output, state[-1], path)
        after = [each for of_layer in made.states for each in of_layer]
        return Traced(made.y_bto, (*after, made.m_bom), torch.cat(made.effort, 1), torch.cat(made.activity, 1))

    def chosen_path(self, x: Tensor | Events) -> NetworkPath:
        """The path that `trace` takes for an input: `path`, or for 'auto' the fastest that can."""
        if self.path != "auto":
            return self.path
        return path_of(x, [layer.neurons() for layer in self._all_layers()])[0]

    def init_state(self, n_sequences: int) -> State:
        """All neurons silent, as before the first step."""
        config, zeros = self.config, self.output.bias.new_zeros
        silent = zeros(n_sequences, config.n_neurons)
        of_layer = silent, silent, zeros(n_sequences, config.n_neurons, config.d_m)
        return (*of_layer * config.n_layers, zeros(n_sequences, config.n_outputs, config.output_d_m))

    def step(self, x_bc: Tensor, state: State) -> tuple[Tensor, State]:
        """Outputs (B, O) of one step with input x_bc (B, C), and the state after it: `forward`, a step at a time."""
        given, after = x_bc, State()
        for layer, of_layer in self._with_states(state):
            _, of_layer = recurrent_step(given, layer.neurons(), of_layer)
            given = of_layer.activity_bn
            after += of_layer
        y_bo, m_bom = output_step(given, self.output.neurons(), state[-1])
        return self.head(y_bo), (*after, m_bom)

    def frozen(self) -> Self:
        """A copy for inference on the CPU; what depends on the weights alone is not computed again in each step."""
        copied = copy.deepcopy(self).cpu().requires_grad_(False).eval()
        for layer in copied._all_layers():
            layer.freeze()
        return copied

    def masks(self, n_sequences: int, share: float) -> Tensor:
        """What the layers' activities are multiplied by where their own layer listens (B, neurons of all layers).

        share: of neurons that are left out for a whole sequence, the others enlarged to make up for them.
        """
        ones = self.output.bias.new_ones(n_sequences, self.config.n_layers * self.config.n_neurons)
        return nn.functional.dropout(ones, share) if share else ones

    def penalty(self, traced: Traced, n_steps: int, *, effort: float, activity: float) -> Tensor:
        """The regularisers: effort · mean over neurons of (mean |u|)², and activity · mean of the activity.

        The mean |u| is a sequence's own. traced: of all n_steps, its sums added up where they came in pieces.
        """
        mean_u_bn = traced.effort_bn / (n_steps * self.config.d_m)
        return effort * (mean_u_bn**2).mean() + activity * traced.activity_bn.mean() / n_steps

    def _all_layers(self) -> list[ElmLayer]:
        return cast(list[ElmLayer], [*self.layers, self.output])

    def _with_states(self, state: State) -> list[tuple[ElmLayer, LayerState]]:
        layers = cast(list[ElmLayer], list(self.layers))
        return [(layer, LayerState(*state[3 * number : 3 * number + 3])) for number, layer in enumerate(layers)]
