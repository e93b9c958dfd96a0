"""A population by the compiled kernel: many bins of all neurons in one call. plain.py is the truth."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
import torch

from ..kernels.compiled import kernel
from ..kernels.recurrence.cpu import ACTIVATIONS
from ..kernels.recurrence.memory import path_of
from .arriving import Arriving
from .connections import Connections
from .group import Group
from .random_numbers import BLOCK, LANES
from .recorded import Recorded
from .spikes_in_flight import SpikesInFlight

NEURON_STEPS = 20_000_000  # of a call: about a second, after which a key press is heard
ROOM = 65_536  # spikes of a call, at least


class _Group(ctypes.Structure):
    _fields_ = (
        [(name, ctypes.c_int64) for name in ("first", "n", "S", "H", "A", "M", "activation", "n_counts")]
        + [(name, ctypes.c_void_p) for name in ("table_sa", "bias_h", "w_mh", "w_hm", "bias_m", "kappa_m", "gain_m")]
        + [
            (name, ctypes.c_void_p)
            for name in ("w_mo", "bias_o", "count_c", "accept_s", "other_s", "share_na", "m_bmn")
        ]
        + [(name, ctypes.c_float) for name in ("kappa", "scale_mv", "offset_mv")]
    )


class _Wires(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in Connections._fields]


class _Flying(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("count", "room")] + [
        (name, ctypes.c_void_p) for name in ("pre_f", "since_f", "run_f")
    ]


class _Events(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in Arriving._fields]


class _Out(ctypes.Structure):
    _fields_ = (
        [(name, ctypes.c_int64) for name in ("room", "count")]
        + [(name, ctypes.c_void_p) for name in ("neuron_k", "t_k")]
        + [("n_watched", ctypes.c_int64)]
        + [(name, ctypes.c_void_p) for name in ("watched_w", "v_tw", "probability_tw")]
        + [(name, ctypes.c_void_p) for name in ("v_n", "probability_n", "spiking_n")]
    )


class Compiled:
    """All groups' weights as the kernel reads them, and their states."""

    name = "compiled"

    def __init__(self, groups: Sequence[Group], wires: Connections, seed: int, threshold: float | None) -> None:
        """Raises NoKernel where it cannot be compiled here."""
        self._run, self._seed, self._n = kernel().population_run, seed, sum(group.n for group in groups)
        self._run.restype = ctypes.c_int64
        self._threshold = float("nan") if threshold is None else threshold
        self._laid_out = [_laid_out(group) for group in groups]
        self._groups = (_Group * len(groups))(*map(_group, groups, self._laid_out))
        self._kept, self._wires = wires, _Wires(*(each.ctypes.data for each in wires))

    @staticmethod
    def why_not(group: Group) -> str:
        """Why the kernel does not take this group's model, or ""."""
        return path_of(group.model.neuron())[1]

    @staticmethod
    def bytes_per_neuron(group: Group) -> int:
        """State of a neuron, its place in the connections, and what is noted of a bin."""
        (w_first, _), *_ = group.model.neuron().mlp
        return 4 * (_padded(len(w_first)) + group.model.config.d_m) + 48

    def advance(self, arriving: Arriving, flying: SpikesInFlight, t_ms: int, watched: np.ndarray) -> Recorded:
        """As `Plain.advance`."""
        n_ms, watched, told = len(arriving.first_t) - 1, watched.astype(np.int32), []
        done = 0
        while done < n_ms:
            some = arriving.part(done, max(1, min(n_ms - done, NEURON_STEPS // self._n)))
            told.append(self._call(some, flying, t_ms + done, watched))
            done += len(told[-1].v_mv_tw)
        return Recorded.joined(told)

    def _call(self, arriving: Arriving, flying: SpikesInFlight, t_ms: int, watched: np.ndarray) -> Recorded:
        n_ms, room = len(arriving.first_t) - 1, max(ROOM, 4 * self._n)
        flying.make_room(max(ROOM // 16, 2 * self._n))
        flown = _Flying(flying.count, len(flying.pre_f), *map(_at, (flying.pre_f, flying.since_f, flying.run_f)))
        neuron_k, time_ms_k = np.empty(room, np.int32), np.empty(room, np.int64)
        v_mv_tw, probability_tw = (np.empty((n_ms, len(watched)), np.float32) for _ in range(2))
        v_mv_n, probability_n = np.empty(self._n, np.float32), np.empty(self._n, np.float32)
        spiking_n = np.empty(self._n, np.uint8)
        traces = map(_at, (watched, v_mv_tw, probability_tw, v_mv_n, probability_n, spiking_n))
        out = _Out(room, 0, _at(neuron_k), _at(time_ms_k), len(watched), *traces)
        events, by = _Events(*map(_at, arriving)), ctypes.byref
        sizes = map(ctypes.c_int64, (t_ms, n_ms, torch.get_num_threads()))
        structures = by(self._wires), by(flown), by(events), by(out)
        numbers = ctypes.c_uint64(self._seed), ctypes.c_float(self._threshold)
        counts = ctypes.c_int64(len(self._groups)), ctypes.c_int64(self._n)
        done = self._run(self._groups, *counts, *structures, *numbers, *sizes)
        flying.count = flown.count
        spikes = neuron_k[: out.count].copy(), time_ms_k[: out.count].copy()
        return Recorded(*spikes, probability_tw[:done], v_mv_tw[:done], probability_n, v_mv_n)

    def arrays(self) -> dict[str, np.ndarray]:
        """The state, by name."""
        states = ("share_na", "m_bmn")
        return {f"{at}.{name}": arrays[name] for at, arrays in enumerate(self._laid_out) for name in states}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take over what `arrays` gave."""
        for name, state in self.arrays().items():
            state[...] = arrays[name]


def _laid_out(group: Group) -> dict[str, np.ndarray]:
    """Arrays of the kernel's PopulationGroup, in its order: weights, tables of Poisson input, the state."""
    weights = group.folded()
    table_sh, n_memory, n_blocks = weights.pop("table_sh"), len(weights["kappa_m"]), -(-group.n // BLOCK)
    table_sa = np.zeros((len(table_sh), _padded(table_sh.shape[1])), np.float32)
    table_sa[:, : table_sh.shape[1]] = table_sh
    poisson = group.poisson._asdict() if group.poisson is not None else {}
    tables = {name: poisson.get(name, np.empty(0)) for name in ("count_c", "accept_s", "other_s")}
    return {
        "table_sa": table_sa,
        **weights,
        **tables,
        "share_na": np.zeros((n_blocks * BLOCK, table_sa.shape[1]), np.float32),
        "m_bmn": np.zeros((n_blocks, n_memory, BLOCK), np.float32),
    }


def _group(group: Group, arrays: dict[str, np.ndarray]) -> _Group:
    neuron, scaling = group.model.neuron(), group.surrogate.scaling
    (n_inputs, apart), n_memory = arrays["table_sa"].shape, len(neuron.kappa_m)
    sizes = group.first, group.n, n_inputs, len(arrays["bias_h"]), apart, n_memory
    numbers = float(neuron.kappa_k[0]), scaling.scale_mv, scaling.offset_mv
    n_counts = len(arrays["count_c"])
    return _Group(*sizes, ACTIVATIONS[type(neuron.activation)], n_counts, *map(_at, arrays.values()), *numbers)


def _padded(n: int) -> int:
    return -(-n // LANES) * LANES


def _at(array: np.ndarray) -> int:
    return array.ctypes.data
