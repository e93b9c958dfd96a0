"""ELM, LSTM and GRU as encoders of sequences: the surrogates' own cells and kernels."""

from __future__ import annotations

import torch
from torch import Tensor

from ...surrogate.device import at
from ...surrogate.kernels.compiled import why_not
from ...surrogate.kernels.events import Events
from ...surrogate.kernels.recurrence.memory import Pieces, memory, path_of
from ...surrogate.models.elm import ELM, ELMConfig
from ...surrogate.models.gated import Gated, GatedConfig
from .sequence import Pool, Recurrent, Sequences, State, Trace
from .settings import ElmSettings, GatedSettings


class ElmEncoder(Recurrent):
    """The memory of an ELM. Its readout is the classifier's."""

    def __init__(self, settings: ElmSettings) -> None:
        super().__init__()
        branches = {
            "n_branches": settings.n_branches,
            "synapses_per_branch": settings.synapses_per_branch,
            "routing": "random",
            "routing_seed": settings.routing_seed,
        }
        config = ELMConfig.checked(
            settings.family,
            {
                "n_inputs": settings.n_channels,
                "d_m": settings.size,
                "lambda_value": settings.lambda_value,
                "tau_b_ms": settings.tau_s,
                "tau_m_min_ms": settings.tau_m_min,
                "tau_m_max_ms": settings.tau_m_max,
                "learn_tau_m": settings.learn_tau_m,
                "w_s_init": settings.w_s_init,
                "delta_t_ms": settings.step_ms,
                **(branches if settings.family == "branch-elm" else {"n_branches": None}),
            },
        )
        self.cell, self.n_features = ELM(config), settings.size
        del self.cell.w_y

    def rest(self, n_sequences: int) -> State:
        return self._pieces().rest(n_sequences)

    def prepared(self) -> Trace:
        return self._pieces().trace

    def forward(self, sequences: Sequences, pool: Pool) -> Tensor:
        if path_of(self.cell.neuron())[0] != "triton":
            return super().forward(sequences, pool)
        with at(self.cell._proto_w_s.device):  # a GPU has the memory for whole sequences, in one launch
            m_btm = memory(sequences.events, self.cell.neuron())
        return torch.bmm(sequences.weights(pool)[:, None], m_btm)[:, 0]

    def _pieces(self) -> Pieces:
        return Pieces(self.cell.neuron(), self.cell.n_inputs)


class GatedEncoder(Recurrent):
    """The state of an LSTM's or a GRU's cells."""

    batch_dim = 1

    def __init__(self, settings: GatedSettings) -> None:
        super().__init__()
        family = "gru" if settings.family == "gru" else "lstm"
        fields = {"family": family, "n_inputs": settings.n_channels, "width": settings.size}
        self.cell, self.n_features = Gated(GatedConfig.checked(settings.family, fields)), settings.size
        del self.cell.head
        if settings.family == "chrono-lstm":
            self._remember(settings.longest)

    @torch.no_grad()
    def _remember(self, steps: int) -> None:
        """Biases with which a cell forgets in 1 to `steps` steps: log U(1, steps − 1) of the forget gate, and its
        negative of the input gate. Source: Tallec & Ollivier 2018, arXiv 1804.11188, equation 16.
        """
        width = self.n_features
        bias = self.cell.cells.get_parameter("bias_ih_l0")
        bias.zero_()
        bias[width : 2 * width] = torch.empty(width).uniform_(1, steps - 1).log()
        bias[:width] = -bias[width : 2 * width]

    def rest(self, n_sequences: int) -> State:
        zeros = self.cell.cells.get_parameter("bias_ih_l0").new_zeros(1, n_sequences, self.n_features)
        return (zeros,) if self.cell.config.family == "gru" else (zeros, zeros)

    def prepared(self) -> Trace:
        return self._by_pytorch if why_not(self.cell.cells.get_parameter("bias_ih_l0")) else self.cell.trace

    def _by_pytorch(self, events: Events, state: State) -> tuple[Tensor, State]:
        h_btc, after = self.cell.cells(events.dense(), state if len(state) == 2 else state[0])
        return h_btc, after if isinstance(after, tuple) else (after,)
