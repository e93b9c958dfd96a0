"""A population in plain PyTorch and NumPy: the truth for the kernel, and the way of ELMs that it cannot take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from .arriving import Arriving
from .connections import Connections
from .group import Group
from .random_numbers import uniform
from .recorded import Recorded
from .spikes_in_flight import SpikesInFlight


class Plain:
    """Each bin, every group's model takes one `step` with the dense input of all its neurons."""

    name = "reference"

    def __init__(self, groups: Sequence[Group], wires: Connections, seed: int, threshold: float | None) -> None:
        self._groups, self._wires, self._seed, self._threshold = groups, wires, seed, threshold
        self._states = [group.model.init_state(group.n) for group in groups]

    @staticmethod
    def bytes_per_neuron(group: Group) -> int:
        """What a neuron takes while it is stepped, beside its connections: input, dense, and that of each synapse."""
        n_synapses = len(group.model.valid_indices_mask)
        return 4 * (group.model.n_inputs + 3 * n_synapses + 2 * group.model.n_branches + 4 * group.model.config.d_m)

    @torch.inference_mode()
    def advance(self, arriving: Arriving, flying: SpikesInFlight, t_ms: int, watched: np.ndarray) -> Recorded:
        """As many bins as spikes arrive in, from t_ms on. watched: neurons whose outputs are kept."""
        told = []
        for t in range(t_ms, t_ms + len(arriving.first_t) - 1):
            here = arriving.part(t - t_ms, 1)
            due = self._wires.due(flying, t)
            post_e, synapse_e, weight_e = (np.concatenate(pair) for pair in zip(due, here[1:], strict=True))
            outputs = [self._step(at, t, post_e, synapse_e, weight_e) for at in range(len(self._groups))]
            spiking_n, probability_n, v_mv_n = (np.concatenate(each) for each in zip(*outputs, strict=True))
            spiking = np.flatnonzero(spiking_n)
            self._wires.route(flying, t, spiking)
            traces = probability_n[None, watched], v_mv_n[None, watched]
            told.append(Recorded(spiking, np.full(len(spiking), t), *traces, probability_n, v_mv_n))
        return Recorded.joined(told)

    def _step(self, at: int, t_ms: int, post_e: np.ndarray, synapse_e: np.ndarray, weight_e: np.ndarray):
        group = self._groups[at]
        here = (post_e >= group.first) & (post_e < group.first + group.n)
        x_bs = np.zeros((group.n, len(group.sign_s)), np.float32)
        np.add.at(x_bs, (post_e[here] - group.first, synapse_e[here]), weight_e[here])
        if group.poisson is not None:
            np.add.at(x_bs, group.poisson.draw(group.n, at, t_ms, self._seed), 1)
        y_bo, self._states[at] = group.model.step(torch.from_numpy(x_bs * group.sign_s), self._states[at])
        probability_b = y_bo[:, 0].sigmoid().numpy()
        v_mv_b = group.surrogate.scaling.to_mv(y_bo[:, 1]).numpy()
        bound = uniform(group.n, at, t_ms, self._seed) if self._threshold is None else None
        spiking_b = bound < probability_b if bound is not None else probability_b >= np.float32(self._threshold)
        return spiking_b, probability_b, v_mv_b

    def arrays(self) -> dict[str, np.ndarray]:
        """The state, by name."""
        return {f"{at}.{part}": x.numpy() for at, state in enumerate(self._states) for part, x in enumerate(state)}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take over what `arrays` gave."""
        self._states = [
            tuple(torch.from_numpy(arrays[f"{at}.{part}"].copy()) for part in range(len(state)))
            for at, state in enumerate(self._states)
        ]
