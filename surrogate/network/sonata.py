"""Connections from an edges file of SONATA: an edge is a connection. Times are in ms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...simulate.schema import InputError
from ...simulate.schema.input_error import one_line

SYNAPSE, WEIGHT, DELAY_MS = "synapse", "syn_weight", "delay"  # attributes of an edge; the first is ours


def connections_from_sonata(
    path: str | Path,
    population: str | None = None,
    *,
    synapse: str | None = None,
    first: tuple[int, int] | None = None,
) -> dict[str, np.ndarray]:
    """The connections of a SONATA edges file, as a table that `Population` takes.

    `pre` and `post` are the numbers of the source and the target node, `weight` is the attribute syn_weight and
    `delay_ms` is delay, where edges have them. Attributes of edge types, in a CSV file of their own, are not read.
    path: the file, of HDF5. population: the name of the edge population; None where the file has one alone.
    synapse: the attribute that holds the target's synapse, from 0 on; None takes `synapse` where there is one. Without
    it `Population` draws synapses by its seed: excitatory ones for weights above 0, inhibitory ones below.
    first: which neurons source node 0 and target node 0 are; None where both are nodes of one population, whose numbers
    are those of the neurons.
    Raises InputError where libsonata is not installed, or the file, the population or the attribute cannot be read.
    Whether numbers, weights and delays fit is for `Population` to say.
    """
    edges = _population(Path(path), population)
    names = set(edges.attribute_names)
    if synapse is not None and synapse not in names:
        there = ", ".join(sorted(names)) or "none"
        raise InputError(f"{path}: edges have no attribute '{synapse}' for the synapse; there are {there}")
    if first is None and edges.source != edges.target:
        raise InputError(
            f"{path}: population '{edges.name}' leads from nodes '{edges.source}' to nodes '{edges.target}': say which "
            "neurons these are (pre and post in a file, `first` in Python)"
        )
    first_pre, first_post = first or (0, 0)
    wanted = {"synapse": synapse or SYNAPSE, "weight": WEIGHT, "delay_ms": DELAY_MS}
    if not edges.size:  # libsonata selects nothing of nothing
        return {"pre": np.zeros(0, np.int64), "post": np.zeros(0, np.int64)}
    try:
        every = edges.select_all()
        pre, post = (np.asarray(ids).astype(np.int64) for ids in (edges.source_nodes(every), edges.target_nodes(every)))
        told = {name: np.asarray(edges.get_attribute(of, every)) for name, of in wanted.items() if of in names}
    except Exception as error:  # of HDF5 and of libsonata, each their own kinds
        raise InputError(f"{path}: population '{edges.name}' cannot be read ({one_line(error)})") from error
    return {"pre": pre + first_pre, "post": post + first_post, **told}


def _population(path: Path, name: str | None) -> Any:
    try:
        import h5py
        import libsonata
    except ImportError as error:
        raise InputError(
            "SONATA takes libsonata and h5py, one of which is not installed: pip install 'apical[sonata]'"
        ) from error
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with h5py.File(path) as file:  # libsonata prints a page about a file that has none
            names = sorted(file["edges"])
        if name is None and len(names) == 1:
            (name,) = names
        found = libsonata.EdgeStorage(str(path)).open_population(name) if name in names else None
    except Exception as error:  # as above
        raise InputError(f"{path}: not a readable SONATA file of edges ({one_line(error)})") from error
    if found is None:
        which = "name one of its edge populations" if name is None else f"has no edge population '{name}'"
        raise InputError(f"{path}: {which}: there are {', '.join(names) or 'none'}")
    return found
