"""The generated source: one time step of one cell in C++, written to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .circuit import Circuit
from .contraction import Contraction
from .group_source import GroupSource, Rows
from .lowering import Tables
from .program import Program

WARP = 32  # threads of a GPU that do the same: of different groups in different warps, none waits for another
TO_US = 1e-5  # 1 uF/cm2 over 1 um2 in nF; 1 nF over 1 ms is 1 uS


@dataclass(frozen=True, eq=False)  # so it can be the key of a cache, as itself
class Source:
    """text: of the generated file. numbers, indices: the tables that it reads.

    first_values: what each row of a tile begins with; the first of them is a voltage. real: of the numbers.
    """

    text: str
    numbers: np.ndarray
    indices: np.ndarray
    first_values: np.ndarray
    real: np.dtype

    @property
    def trial_bytes(self) -> int:
        """Of the rows of one trial."""
        return len(self.first_values) * self.real.itemsize


def write(
    circuit: Circuit,
    rounds: Contraction | None,
    programs: Sequence[Program],
    connections: Sequence[tuple[int, int, float]],
    dt_ms: float,
    v_init_mv: float,
    second_order: bool,
    real: str,
    name: str,
) -> Source:
    """The source of one step of cell `name`.

    rounds: in which nodes are eliminated by threads that share the cell; None for one thread, which goes by chains.
    connections: (number of the program, place, weight) of each that brings input spikes. real: 'float' or 'double'.
    """
    tables, rows, n = Tables(), Rows(by_variable=rounds is not None), len(circuit.g_us)
    capacitance_us = (2 if second_order else 1) * TO_US * circuit.cm_uf_per_cm2 * circuit.area_um2 / dt_ms
    branchings = [number for number, segment in enumerate(circuit.segments) if segment is None]
    kinds, places, weights = zip(*connections, strict=True) if connections else ((), (), ())
    names = {
        "N_NODES": n,
        "NODES": rows.add(np.outer(np.ones(n), [v_init_mv, 0, 0])),
        "DIAGONAL": tables.add_numbers(circuit.axial_us + capacitance_us),
        **_tree(circuit, rounds, tables, rows),
        "BRANCHINGS": len(branchings),
        "BRANCHING": tables.add_indices(branchings),
        "SECOND_ORDER": int(second_order),
        "CONNECTION_KIND": tables.add_indices(list(kinds)),
        "CONNECTION_PLACE": tables.add_indices(list(places)),
        "CONNECTION_WEIGHT": tables.add_numbers(np.array(weights)),
    }
    groups, before = [], len(branchings)
    for program in programs:
        before = -(-before // WARP) * WARP
        groups.append(GroupSource(program, tables, rows, real, dt_ms, before))
        before += len(program.group.node)
    names["N_ROWS"] = len(rows)
    order = "second order (Crank-Nicolson, staggered gates)" if second_order else "first order (implicit Euler)"
    lines = [
        f"// One time step of {name}: dt {dt_ms:g} ms, {order}, in {real}.",
        "// Generated from the cell and the NMODL of its mechanisms. Units: mV, ms, nA, uS, mM.",
        f"typedef {real} real;",
        *(f"static const int {key} = {value};" for key, value in names.items()),
        '#include "tile.h"',
        "",
        *(line for group in groups for line in group.functions()),
        "// An input spike at one place",
        "FUNCTION void receive(const Tile& t, int lane, int connection) {",
        "    const int i = t.indices[CONNECTION_PLACE + connection];",
        "    const real weight = t.numbers[CONNECTION_WEIGHT + connection];",
        "    switch (t.indices[CONNECTION_KIND + connection]) {",
        *(f"        {line}" for number, group in enumerate(groups) for line in group.receive(number)),
        "    }",
        "}",
        "",
        "FUNCTION void states_before_events(const Tile& t, real time_ms) {",
        *(f"    advance_{group.name}(t, time_ms);" for group in groups if group.waits),
        "}",
        "",
        "template <bool advance> FUNCTION void currents(const Tile& t, real time_ms) {",
        "    EACH(i, BRANCHINGS, 0) {  // no membrane",
        "        const int node = t.indices[BRANCHING + i];",
        "        RHS(node) = spread((real)0);",
        "        D(node) = spread(t.numbers[DIAGONAL + node]);",
        "    }",
        *(f"    {line}" for group in groups for line in group.calls()),
        "}",
        "",
    ]
    return Source(
        "\n".join(lines),
        np.concatenate(tables.numbers),
        np.concatenate(tables.indices),
        np.concatenate(rows.first),
        np.dtype("f4" if real == "float" else "f8"),
    )


def _tree(circuit: Circuit, rounds: Contraction | None, tables: Tables, rows: Rows) -> dict[str, int]:
    """What rounds.h reads, or chains.h."""
    if rounds is not None:
        return _rounds(circuit, rounds, tables) | {"MADE": rows.add(np.zeros((rounds.n_made, 1)))}
    chains = circuit.chains
    assert chains is not None
    return {
        "G": tables.add_numbers(circuit.g_us),
        "LEFT": rows.add(np.zeros((len(chains.head), 2))),
        "LEVELS": len(chains.level) - 1,
        "LEVEL": tables.add_indices(chains.level),
        "HEAD": tables.add_indices(chains.head),
        "TAIL": tables.add_indices(chains.tail),
        "PARENT": tables.add_indices(chains.parent),
        "BEYOND_FIRST": tables.add_indices(chains.beyond_first),
        "BEYOND": tables.add_indices(chains.beyond),
    }


def _rounds(circuit: Circuit, rounds: Contraction, tables: Tables) -> dict[str, int]:
    """Where a thread finds what it needs of a node depends on the node and the round alone, so it waits for it once.

    Neighbours of a round's nodes that have gone are a block, the first of each node, then the second, and so on; where
    there is none, the node itself, without conductance.
    """
    n = len(circuit.g_us)
    root = int(np.flatnonzero(circuit.parents == np.arange(n))[0])
    blocks = []
    for begin, end in zip(rounds.first, rounds.first[1:], strict=False):
        most = max(len(rounds.gone[node]) for node in range(begin, end))
        block = np.array([[[root, node]] * most for node in range(begin, end)], int).reshape(end - begin, most, 2)
        for row, node in zip(block, range(begin, end), strict=True):
            row[: len(rounds.gone[node])] = rounds.gone[node]
        blocks.append(block.transpose(1, 0, 2).reshape(-1, 2))
    sizes = np.array([len(block) for block in blocks])
    g_us = np.concatenate([circuit.g_us, np.zeros(rounds.n_made)])

    def ends(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        edge, node = pairs.reshape(-1, 2).T
        return np.maximum(edge - n + 1, 0) << 16 | node, g_us[edge]

    near, near_us = ends(rounds.near.transpose(1, 0, 2))
    gone, gone_us = ends(np.concatenate(blocks))
    return {
        "ROUNDS": len(blocks),
        "ROUND": tables.add_indices(rounds.first),
        "NEAR": tables.add_indices(near),
        "NEAR_G": tables.add_numbers(near_us),
        "MAKES": tables.add_indices(rounds.made - n),
        "GONE_AT": tables.add_indices(np.cumsum(sizes) - sizes),
        "GONE_MOST": tables.add_indices(sizes // np.diff(rounds.first)),
        "GONE": tables.add_indices(gone),
        "GONE_G": tables.add_numbers(gone_us),
    }
