"""What the generated code reads to solve the tree: the tables of chains.h, and those of rounds.h."""

from __future__ import annotations

import numpy as np

from .circuit import Circuit
from .contraction import Contraction
from .lowering import Tables
from .place_source import Rows

FEW = 32  # nodes of a round that one warp eliminates as soon as many would, which have to wait for each other


def by_chains(circuit: Circuit, tables: Tables, rows: Rows) -> dict[str, int]:
    """Where they begin, and how many there are, by name."""
    chains = circuit.chains
    assert chains is not None
    return {
        "G": tables.add_numbers(circuit.g_us),
        "LEFT": rows.add(np.zeros((len(chains.head), 2))),
        "CHAINS": len(chains.head),
        "HEAD": tables.add_indices(chains.head),
        "TAIL": tables.add_indices(chains.tail),
        "PARENT": tables.add_indices(chains.parent),
        "BEYOND_FIRST": tables.add_indices(chains.beyond_first),
        "BEYOND": tables.add_indices(chains.beyond),
    }


def by_rounds(circuit: Circuit, of: Contraction, tables: Tables, rows: Rows) -> tuple[dict[str, int], list[str]]:
    """The same, and lines that define what all threads read at once.

    What a thread reads of a node stands where node and round say, so that it waits for it once. Neighbours of a round's
    nodes that have gone: the first of each node, then the second of each, and so on, with room where a node has fewer.
    """
    begin, n = int(of.round[0]), len(circuit.g_us)
    g_us = np.concatenate([circuit.g_us, np.zeros(of.n_made)])
    near, near_us = np.zeros((n - begin, 2, 2), int), np.zeros((n - begin, 2))
    near[..., 1] = np.arange(begin, n)[:, None]  # where there is none, itself, without conductance
    for row, row_us, ends in zip(near, near_us, of.near, strict=True):
        row[: len(ends)], row_us[: len(ends)] = ends, g_us[ends[:, 0]]
    gone = []
    for first, last in zip(of.round - begin, of.round[1:] - begin, strict=False):
        block = np.zeros((last - first, max(map(len, of.gone[first:last])), 2), int)
        for row, ends in zip(block, of.gone[first:last], strict=True):
            row[: len(ends)] = ends
        gone.append(block.transpose(1, 0, 2).reshape(-1, 2))
    all_gone = np.concatenate(gone)

    def packed(ends: np.ndarray) -> np.ndarray:  # the row of an edge that was made, from 1 on, or 0; and the node
        return np.maximum(ends[..., 0] - n + 1, 0) << 16 | ends[..., 1]

    wide = np.flatnonzero(np.diff(of.round) > FEW)
    names = {
        "TIPS": len(of.tip_parent),
        "TIP_PARENT": tables.add_indices(of.tip_parent),
        "TIP_G": tables.add_numbers(circuit.g_us[:begin]),
        "ROUNDS": len(gone),
        "WIDE": int(wide[-1]) + 1 if len(wide) else 0,
        "NEAR": tables.add_indices(packed(near).ravel()) - 2 * begin,  # of nodes, of which the first is `begin`
        "NEAR_G": tables.add_numbers(near_us.ravel()) - 2 * begin,
        "MAKES": tables.add_indices(np.maximum(of.made - n + 1, 0) << 16 | [*map(len, of.gone)]) - begin,
        "GONE": tables.add_indices(packed(all_gone)),
        "GONE_G": tables.add_numbers(g_us[all_gone[:, 0]]),
        "MADE": rows.add(np.zeros((of.n_made + 1, 1))),  # the first one stays 0
    }
    of_all = {
        "STEP": np.append(of.step, of.step[-1]),  # none after the last one
        "ROUND": of.round,
        "GONE_AT": np.cumsum([0, *map(len, gone)]),
    }
    return names, [f"__constant__ int {name}[] = {{{', '.join(map(str, at))}}};" for name, at in of_all.items()]
