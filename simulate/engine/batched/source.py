"""The generated source: one time step of one cell in C++, written to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import elimination
from . import expression as x
from .circuit import Circuit
from .contraction import Contraction
from .group_source import GroupSource
from .lowering import Tables
from .place_source import Rows
from .program import WAITING, Program

WARP = 32  # threads of a GPU that do the same: of different groups in different warps, none waits for another
TO_US = 1e-5  # 1 uF/cm2 over 1 um2 in nF; 1 nF over 1 ms is 1 uS


@dataclass(frozen=True)
class Source:
    """text: of the generated file. numbers, indices: the tables that it reads.

    first_values: what each row of a tile begins with; the first of them is a voltage. real: of the numbers.
    event_times: whether it matters when within a step an event arrives.
    stream_rows: where each of the four numbers of a trial's random streams stands, again and again (4, any).
    """

    text: str
    numbers: np.ndarray
    indices: np.ndarray
    first_values: np.ndarray
    real: np.dtype
    event_times: bool
    stream_rows: np.ndarray

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
    nodes = rows.add(np.outer(np.ones(n), [v_init_mv, 0, 0]))
    tree, of_all = (
        (elimination.by_chains(circuit, tables, rows), [])
        if rounds is None
        else elimination.by_rounds(circuit, rounds, tables, rows)
    )
    names = {
        "N_NODES": n,
        "NODES": nodes,
        "DIAGONAL": tables.add_numbers(circuit.axial_us + capacitance_us),
        **tree,
        "BRANCHINGS": len(branchings),
        "BRANCHING": tables.add_indices(branchings),
        "SECOND_ORDER": int(second_order),
        "CONNECTION_KIND": tables.add_indices(list(kinds)),
        "CONNECTION_PLACE": tables.add_indices(list(places)),
        "CONNECTION_WEIGHT": tables.add_numbers(np.array(weights)),
    }
    groups: list[GroupSource] = []
    before = len(branchings)
    for program in programs:
        before = -(-before // WARP) * WARP
        under = next((to for to, of in zip(groups, programs, strict=False) if of.group is program.group.under), None)
        groups.append(GroupSource(program, tables, rows, real, dt_ms, before, under))
        before += len(program.group.node)
    names["N_ROWS"] = len(rows)
    event_times = any(each.waiting or "t" in x.symbols(each.received.values()) for each in programs)
    own_events = any(each.waiting for each in programs)
    order = "second order (Crank-Nicolson, staggered gates)" if second_order else "first order (implicit Euler)"
    lines = [
        f"// One time step of {name}: dt {dt_ms:g} ms, {order}, in {real}.",
        "// Generated from the cell and the NMODL of its mechanisms. Units: mV, ms, nA, uS, mM.",
        f"typedef {real} real;",
        *(f"static const int {key} = {value};" for key, value in names.items()),
        *of_all,
        *(["#define EVENT_TIMES"] if event_times else []),
        *([f"#define WAITING {WAITING}"] if own_events else []),
        '#include "tile.h"',
        "",
        *(line for group in groups for line in group.functions()),
        *(line for group in groups for line in group.own_events()),
        "// An input spike at one place",
        "FUNCTION void receive(const Tile& t, int lane, int connection) {",
        "    const int i = t.indices[CONNECTION_PLACE + connection];",
        "    const real weight = t.numbers[CONNECTION_WEIGHT + connection];",
        "    switch (t.indices[CONNECTION_KIND + connection]) {",
        *(f"        {line}" for number, group in enumerate(groups) for line in group.receive(number)),
        "    }",
        "}",
        "",
        *(_own_events(groups) if own_events else []),
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
        event_times,
        np.concatenate([np.empty((4, 0), int), *(group.stream_rows() for group in groups)], axis=1),
    )


def _own_events(groups: Sequence[GroupSource]) -> list[str]:
    return [
        "FUNCTION void own_events(const Tile& t, real time_ms) {",
        *(f"    {line}" for group in groups for line in group.all_own_events()),
        "}",
        "",
    ]
