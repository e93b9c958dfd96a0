"""What a program of the kernels takes of a layer: how many sequences, and how much of what it reads at a time."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import NamedTuple

from ..network_reference import Neurons

SEQUENCES = 8  # of a program at most: of them a source is one sector of memory
TILE = 8192  # numbers of a product that its registers hold at once, 32 of a thread
MOST_READ = 1024  # branches, or memory units, all of which a program holds
MOST_OUTPUT = 128  # memory units of an output neuron, all of whose weights a program holds, 64 of a thread
PER_WARP = 1024
MOST_WARPS = 8
READERS = 32  # synapses that read one source, at a time
COLUMNS = 256  # steps and sequences at a time, where all of them are one sum


class Sizes(NamedTuple):
    """Of a layer and the sequences it goes through; kappa_r and spiking as `Neurons` has them."""

    n_sequences: int
    n_steps: int
    n_channels: int
    n_neurons: int
    n_branches: int
    n_per_branch: int
    n_hidden: int
    n_memory: int
    kappa_r: float
    spiking: bool

    @classmethod
    def of(cls, neurons: Neurons, n_sequences: int, n_steps: int, n_channels: int) -> Sizes:
        n_neurons, n_synapses = neurons.w_ny.shape
        n_branches, (n_hidden, n_memory) = neurons.n_branches, neurons.mlp[1][0].shape[1:]
        shape = n_neurons, n_branches, n_synapses // n_branches, n_hidden, n_memory
        return cls(n_sequences, n_steps, n_channels, *shape, neurons.kappa_r, neurons.spiking)

    def blocks(self) -> dict[str, int]:
        """Of a program: branches K, synapses of each S, hidden units H, memory units M, sequences B; and its warps."""
        k, s, h, m, b = (power_of_two(each) for each in (*self[4:8], self.n_sequences))
        read = max(k, m)
        b = min(b, SEQUENCES, max(1, TILE // (h * read)))
        h = min(h, TILE // (b * read))
        return {"K": k, "S": min(s, max(1, TILE // (k * b))), "H": h, "M": m, "B": b, "num_warps": warps(h * read * b)}


def power_of_two(size: int) -> int:
    """The next one."""
    return 1 << (size - 1).bit_length()


def warps(n_numbers: int) -> int:
    """Of a program with so many numbers, a power of two."""
    return min(MOST_WARPS, max(1, n_numbers // PER_WARP))


def why_not(layers: Sequence[Neurons]) -> str:
    """Why the kernels cannot or should not run layers, the output layer last, or ""."""
    if find_spec("triton") is None:
        return "triton is not installed"
    *hidden, output = layers
    for neurons in hidden:
        if (read := max(neurons.n_branches, neurons.kappa_nm.shape[1])) > MOST_READ:
            return f"{read} branches or memory units of a neuron do not fit a GPU's registers, {MOST_READ} would"
    if (n_memory := output.kappa_nm.shape[1]) > MOST_OUTPUT:
        return f"{n_memory} memory units of an output neuron do not fit a GPU's registers, {MOST_OUTPUT} would"
    return ""
