"""A population on a GPU: three kernels a bin, of all neurons, replayed as one CUDA graph. plain.py is the truth.

The host reads what happened once for a call of many bins. Where spikes might find no room the kernels stop, and the
call that follows goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...simulate.schema import InputError
from ..device import at
from ..kernels.recurrence.memory import why_no_other
from ..kernels.replay import Replay
from .arriving import Arriving
from .connections import Connections
from .gpu_layout import MOST_WEIGHTS, OnDevice, block, device_of, routed
from .group import Group
from .recorded import Recorded
from .spikes_in_flight import SpikesInFlight

AT_ONCE_MS = 100  # of a call
ROOM = 65_536  # spikes of a call, at least
TILE, PARTS = 512, 128  # neurons and parts that a program of `collect` has at a time: a thread or more for each
WARPS = 8  # of a program of `step`
AT_A_TIME, PROGRAMS = 128, 16  # connections of a run; programs of `mark` for each multiprocessor
PRODUCTS = {"float32": "ieee", "bfloat16": "bf16"}  # by precision; "ieee" is float32 throughout, no TF32


class OnGPU:
    """All groups' weights and states on the GPU that the surrogates lie on."""

    name = "triton"

    def __init__(
        self,
        groups: Sequence[Group],
        wires: Connections,
        seed: int,
        threshold: float | None,
        precision: str = "float32",
    ) -> None:
        """precision: of the products of hidden layer and memory; state, sums and all else are float32.

        Raises InputError where the groups lie on several devices, none of them is a GPU, or its memory is too small.
        """
        self._device, self._n = device_of(groups), sum(group.n for group in groups)
        self._longest, self._first_run_n = int(wires.delay_ms_r.max(initial=0)), wires.first_run_n
        with at(self._device):
            if self._device.type == "cuda":
                self._check_memory(groups, wires)
            given = seed, threshold, PRODUCTS[precision], self._device
            self._laid_out = [OnDevice.of(group, number, *given) for number, group in enumerate(groups)]
            self._wires = routed(wires, self._device)
            self._sizes: tuple[int, ...] = (0, 0, 0)
            self._buffers: dict[str, Tensor] = {}
            self._reserve(0, 0, 0)

    @staticmethod
    def why_not(group: Group) -> str:
        """Why the kernels do not take this group's model, or ""."""
        neuron = group.model.neuron()
        why = why_no_other(neuron)
        if why:
            return why
        if find_spec("triton") is None:
            return "triton is not installed"
        n_hidden, n_memory = len(neuron.mlp[0][0]), len(neuron.kappa_m)
        if block(n_hidden) * block(n_memory) > MOST_WEIGHTS:
            return f"{n_hidden} hidden units by {n_memory} memory units do not fit a GPU's multiprocessor"
        return ""

    @staticmethod
    def bytes_per_neuron(group: Group) -> int:
        """Of the GPU: state, place in the connections, outputs of a bin, and room for four spikes of a call."""
        neuron = group.model.neuron()
        return 4 * (len(neuron.mlp[0][0]) + len(neuron.kappa_m)) + 12 + 9 + 4 * 20

    def advance(self, arriving: Arriving, flying: SpikesInFlight, t_ms: int, watched: np.ndarray) -> Recorded:
        """As `Plain.advance`."""
        n_ms, done, told = len(arriving.first_t) - 1, 0, []
        with at(self._device):
            while done < n_ms:
                some = arriving.part(done, min(n_ms - done, AT_ONCE_MS))
                told.append(self._call(some, flying, t_ms + done, watched))
                done += len(told[-1].v_mv_tw)
        return Recorded.joined(told)

    def _call(self, arriving: Arriving, flying: SpikesInFlight, t_ms: int, watched: np.ndarray) -> Recorded:
        n_ms, before = len(arriving.first_t) - 1, flying.count
        self._reserve(before, len(arriving.post_e), len(watched))
        given = self._buffers
        _put(given["clock"], np.array([t_ms, t_ms, t_ms, len(watched)]))
        _put(given["first_k"], np.array([before]))
        _put(given["first_a"], arriving.first_t)
        for name in ("post", "synapse", "weight"):
            _put(given[f"{name}_a"], getattr(arriving, f"{name}_e"))
        for name in ("pre", "since", "run"):
            _put(given[f"{name}_k"], getattr(flying, f"{name}_f")[:before])
        _put(given["watched_w"], watched)
        given["count_j"].zero_()
        for _ in range(n_ms):
            self._bin()
        done = int(given["clock"][0]) - t_ms
        n_spikes = int(given["first_k"][done])
        pre_k, since_k, run_k = (_got(given[name][:n_spikes]) for name in ("pre_k", "since_k", "run_k"))
        on_its_way = run_k < self._first_run_n[pre_k + 1]
        flying.pre_f, flying.since_f, flying.run_f = (each[on_its_way] for each in (pre_k, since_k, run_k))
        flying.count = len(flying.pre_f)
        traces = (_got(given[name][:done, : len(watched)]) for name in ("probability_tw", "v_tw"))
        last = (_got(given[name]) for name in ("probability_n", "v_n"))
        return Recorded(pre_k[before:], since_k[before:], *traces, *last)

    def _reserve(self, flying: int, outside: int, watched: int) -> None:
        """Buffers for at least so many of each; where they have to grow, the graph of a bin is made anew."""
        needed = flying + self._n, max(outside, 1), max(watched, 1)
        if all(has >= needs for has, needs in zip(self._sizes, needed, strict=True)):
            return
        grown = flying + max(ROOM, 4 * self._n), *map(block, needed[1:])
        self._sizes = room, most_outside, most_watched = tuple(
            has if has >= needs else more for has, needs, more in zip(self._sizes, needed, grown, strict=True)
        )
        self._n_tiles = -(-max(self._n, most_watched) // TILE)
        integers = {"clock": 4, "first_k": AT_ONCE_MS + 1, "since_k": room, "run_k": room, "first_a": AT_ONCE_MS + 1}
        shorter = {"pre_k": room, "post_a": most_outside, "synapse_a": most_outside, "watched_w": most_watched}
        traces = AT_ONCE_MS, most_watched
        numbers: dict[str, int | tuple[int, int]] = {"weight_a": most_outside, "probability_n": self._n, "v_n": self._n}
        numbers |= {"probability_tw": traces, "v_tw": traces}
        made: dict[torch.dtype, dict[str, int | tuple[int, int]]] = {
            torch.int64: {**integers},
            torch.int32: {**shorter, "count_j": (2, self._n_tiles)},
            torch.float32: numbers,
            torch.int8: {"spiking_n": self._n},
        }
        self._buffers = {}  # what was there goes before
        self._buffers = {
            name: torch.zeros(shape, dtype=dtype, device=self._device)
            for dtype, shapes in made.items()
            for name, shape in shapes.items()
        }
        self._bin: Callable[[], None] = Replay(self._launch) if self._device.type == "cuda" else self._launch

    def _launch(self) -> None:
        """A bin."""
        from ..kernels import population_gpu_kernels as kernels

        wires, counts = self._wires, {"n": self._n, "room": self._sizes[0]}
        tiles = {"n_tiles": self._n_tiles, "TILE": TILE}
        since = {name: self._buffers[name] for name in ("clock", "first_k", "pre_k", "since_k", "run_k")}
        outside = {name: self._buffers[name] for name in ("first_a", "post_a", "synapse_a", "weight_a")}
        outputs = {name: self._buffers[name] for name in ("probability_n", "v_n", "spiking_n", "count_j")}
        traces = {name: self._buffers[name] for name in ("watched_w", "probability_tw", "v_tw")}
        flying: dict[str, Any] = {name: wires[name] for name in ("first_run_n", "delay_r", "words", "parts")}
        flying |= since | counts | {"longest": self._longest}
        if self._longest:
            runs = {name: wires[name] for name in ("first_r", "place_e")}
            kernels.mark[(_programs(self._device),)](**flying, **runs, E=AT_A_TIME)
        arriving = {name: wires[name] for name in ("first_word_n", "synapse_p", "weight_p", "words", "parts")}
        arriving |= outside | {name: since[name] for name in ("clock", "first_k")}
        wired = {"WIRED": self._longest > 0}
        for group in self._laid_out:
            kernels.step[(group.programs,)](
                **arriving, **outputs, **counts, **tiles, **wired, **group.arrays, **group.numbers, num_warps=WARPS
            )
        last = {"n_parts": len(wires["parts"]), "most_watched": self._sizes[2], "PARTS": PARTS}
        kernels.collect[(self._n_tiles,)](**flying, **outputs, **traces, **tiles, **wired, **last)

    def _check_memory(self, groups: Sequence[Group], wires: Connections) -> None:
        n_bytes = sum(self.bytes_per_neuron(group) * group.n for group in groups) + 13 * len(wires.post_e)
        free = torch.cuda.mem_get_info()[0]
        if n_bytes > free:
            what = f"{self._n:,} neurons with {len(wires.post_e):,} connections"
            raise InputError(
                f"{what} take {n_bytes / 2**30:,.1f} GiB of the GPU, {free / 2**30:,.1f} are free: take fewer"
            )

    def arrays(self) -> dict[str, np.ndarray]:
        """The state, by name."""
        return {name: _got(each) for name, each in self._states().items()}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take over what `arrays` gave."""
        for name, state in self._states().items():
            _put(state, arrays[name])

    def _states(self) -> dict[str, Tensor]:
        names = "u_nh", "m_nm"
        return {f"{at}.{name}": group.arrays[name] for at, group in enumerate(self._laid_out) for name in names}


def _programs(device: torch.device) -> int:
    """Of `mark`: some for each multiprocessor."""
    return PROGRAMS * torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 2


def _put(there: Tensor, values: np.ndarray) -> None:
    there[: len(values)].copy_(torch.from_numpy(np.ascontiguousarray(values)))


def _got(there: Tensor) -> np.ndarray:
    """A copy, also where the device is the CPU: the next call writes over it."""
    return there.to("cpu", copy=True).numpy()
