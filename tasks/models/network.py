"""The ELM Network as an encoder of sequences: its output layer, whose activities the classifier's readout mixes."""

from __future__ import annotations

import torch
from torch import Tensor

from ...surrogate.device import at
from ...surrogate.kernels.events import Events
from ...surrogate.models.elm_network import ElmNetwork, Traced
from ...surrogate.models.elm_network_config import ElmNetworkConfig, NetworkShape
from .sequence import Recurrent, Sequences, State, Trace
from .settings import ElmNetworkSettings, Pool


class ElmNetworkEncoder(Recurrent):
    """An output neuron for each class. The state also has the mask of a sequence, and sums for the regularisers."""

    def __init__(self, settings: ElmNetworkSettings) -> None:
        super().__init__()
        shape = {name: getattr(settings, name) for name in NetworkShape.model_fields}
        sizes = {"n_inputs": settings.n_channels, "n_outputs": settings.n_classes, "n_neurons": settings.size}
        self.settings, self.n_features = settings, settings.n_classes
        self.cell = ElmNetwork(ElmNetworkConfig.checked(settings.family, shape | sizes))
        del self.cell.head

    def rest(self, n_sequences: int) -> State:
        share = self.settings.recurrent_dropout if self.training else 0.0
        mask_bn = self.cell.masks(n_sequences, share)
        nothing_bn = mask_bn.new_zeros(mask_bn.shape)
        return (*self.cell.init_state(n_sequences), mask_bn, nothing_bn, nothing_bn)

    def prepared(self) -> Trace:
        return self._trace

    def forward(self, sequences: Sequences, pool: Pool) -> Tensor:
        if self.cell.chosen_path(sequences.events) != "triton":
            return super().forward(sequences, pool)
        weight_bt = sequences.weights(pool)
        with at(weight_bt.device):  # a GPU has the memory for whole sequences, whose launches are one graph
            y_bto, state = self._trace(sequences.events, self.rest(len(weight_bt)))
        self.end(state, weight_bt.shape[1])
        return torch.bmm(weight_bt[:, None], y_bto)[:, 0]

    def _trace(self, events: Events, state: State) -> tuple[Tensor, State]:
        *before, mask_bn, effort_bn, activity_bn = state
        y_bto, after, more_effort_bn, more_activity_bn = self.cell.trace(events, tuple(before), mask_bn)
        return y_bto, (*after, mask_bn, effort_bn + more_effort_bn, activity_bn + more_activity_bn)

    def going_on(self, state: State, n_sequences: int) -> State:
        return (*state[:-3], *self.rest(n_sequences)[-3:])

    def end(self, state: State, n_steps: int) -> None:
        *after, _, effort_bn, activity_bn = state
        traced = Traced(effort_bn, tuple(after), effort_bn, activity_bn)
        weights = {"effort": self.settings.u_penalty, "activity": self.settings.activity_penalty}
        self.penalty = self.cell.penalty(traced, n_steps, **weights) if self.training else 0.0
