"""All connections of a network as one table: read from files, or drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...simulate.schema import InputError
from ..population.connections import BYTES, Drawn, checked_table, whole
from ..population.population import check_memory
from .config import Network, Wiring
from .sonata import connections_from_sonata
from .tables import is_matrix, read_columns, read_matrix

DRAWN_BYTES = 100  # of a connection, while it is drawn and checked


class Neurons(NamedTuple):
    """Which neurons there are: numbers of each group, and the sign of each of its synapses."""

    numbers: Sequence[range]
    sign_sets: Sequence[np.ndarray]

    @property
    def group_n(self) -> np.ndarray:
        """The group of each neuron: (N,)."""
        return np.repeat(np.arange(len(self.numbers)), [len(each) for each in self.numbers])

    @property
    def n_inputs_n(self) -> np.ndarray:
        """Synapses of each neuron: (N,)."""
        return np.array([len(sign_s) for sign_s in self.sign_sets])[self.group_n]


def table_of(network: Network, neurons: Neurons, folder: Path) -> dict[str, np.ndarray] | None:
    """All connections, by column as `Population` takes them; None where there are none.

    Each part of them is drawn by the seed and by its place in the list alone. folder: what paths of files are in.
    Raises InputError naming the file, or the part, and what is wrong with it.
    """
    tables = []
    for at, wiring in enumerate(network.connections):
        where = str(folder / wiring.file) if wiring.file else f"connections.{at}"
        pre, post = (_numbers(network, neurons, name) for name in (wiring.pre, wiring.post))
        random = np.random.default_rng([network.seed, at])
        if wiring.file:
            table = _of_file(folder / wiring.file, wiring, pre, post)
        else:
            table = _of_rule(wiring, pre, post, random, where)
        n_connections = np.size(table.get("pre", ()))
        if "delay_ms" not in table:
            least, most = wiring.delay_ms
            table["delay_ms"] = random.integers(least, most + 1, size=n_connections)
        drawn = Drawn(neurons.sign_sets, neurons.group_n, [network.seed, at, 1])
        try:
            tables.append(checked_table(table, neurons.n_inputs_n, 1, drawn))
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
    if not tables:
        return None
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _numbers(network: Network, neurons: Neurons, name: str | None) -> range:
    if name is None:
        return range(neurons.numbers[-1].stop)
    return neurons.numbers[[group.name for group in network.groups].index(name)]


def _of_file(path: Path, wiring: Wiring, pre: range, post: range) -> dict[str, np.ndarray]:
    if is_matrix(path):
        matrix = read_matrix(path)
        if matrix.shape != (len(pre), len(post)):
            expected = f"({len(pre)}, {len(post)}): neurons that send, and that receive"
            raise InputError(f"{path}: a matrix of shape {matrix.shape}, expected {expected}")
        table = {"pre": matrix.row.astype(np.int64), "post": matrix.col.astype(np.int64), "weight": matrix.data}
    elif path.suffix in (".h5", ".hdf5"):
        apart = None if wiring.pre is None or wiring.post is None else (0, 0)
        table = connections_from_sonata(path, wiring.population, synapse=wiring.synapse, first=apart)
    else:
        table = read_columns(path)
    for name, group, numbers in (("pre", wiring.pre, pre), ("post", wiring.post, post)):
        if group is not None and name in table:
            try:
                table[name] = numbers.start + whole(name, table[name], len(numbers), f"neurons of '{group}'")
            except InputError as error:
                raise InputError(f"{path}: {error}") from error
    if np.asarray(table.get("weight", 1)).dtype.kind in "iuf":
        table["weight"] = wiring.weight * np.asarray(table.get("weight", np.ones(np.shape(table.get("pre", ())))))
    return table


def _of_rule(wiring: Wiring, pre: range, post: range, random: np.random.Generator, where: str) -> dict[str, np.ndarray]:
    """Nobody sends to itself, and nobody to the same neuron twice."""
    fewest = min(len(pre) - (target in pre) for target in post)
    if wiring.in_degree is not None and wiring.in_degree > fewest:
        raise InputError(f"{where}: in_degree is {wiring.in_degree:,}, there are {fewest:,} others to choose from")
    probability = wiring.probability or 0.0
    expected = len(post) * (wiring.in_degree or len(pre) * probability)
    check_memory(expected * (BYTES + DRAWN_BYTES), f"{where}: {expected:,.0f} connections")
    senders = []
    for target in post:
        others = len(pre) - (target in pre)
        n_senders = wiring.in_degree or random.binomial(others, probability)
        chosen = pre.start + random.choice(others, n_senders, replace=False, shuffle=False)
        senders.append(chosen + (chosen >= target) if target in pre else chosen)
    counts = [len(each) for each in senders]
    weight = np.full(sum(counts), wiring.weight, np.float32)
    return {"pre": np.concatenate(senders), "post": np.repeat(np.array(post), counts), "weight": weight}
