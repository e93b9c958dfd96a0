"""What generated functions of one group share: where its variables stand, what they are called, and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...schema import InputError
from .evaluation import STREAM
from .lowering import Lowered, Tables
from .program import Program
from .statements import Writer, plain

INDENT = "    "


class Rows:
    """The rows of a tile, of which each holds one variable of one place.

    by_variable: whether those of a variable stand side by side, so that neighbouring threads, of neighbouring places,
    use neighbouring numbers; or those of a place, so that a processor foresees what a loop over places reads.
    first: what they begin with.
    """

    def __init__(self, by_variable: bool) -> None:
        self.by_variable = by_variable
        self.first: list[np.ndarray] = []

    def __len__(self) -> int:
        return sum(map(len, self.first))

    def add(self, first: np.ndarray) -> int:
        """Where rows that begin with `first` (places, variables) begin."""
        self.first.append(np.asarray(first, float).ravel("F" if self.by_variable else "C"))
        return len(self) - len(self.first[-1])


class PlaceSource:
    """What functions of the group of `program` share: what they read goes into `tables`, what they keep into `rows`.

    before: places of groups before it, see EACH in tile.h. under: of the group that it stands on.
    waits: whether its states must have advanced before the events of the next step arrive.
    """

    def __init__(
        self,
        program: Program,
        tables: Tables,
        rows: Rows,
        real: str,
        dt_ms: float,
        before: int,
        under: PlaceSource | None = None,
    ) -> None:
        self._program, self._tables, self._real, self._dt_ms, self._before = program, tables, real, dt_ms, before
        group = program.group
        self.name, self._point, self._n = group.name, group.point, len(group.node)
        self._names = {plain(name): name for name in program.kept}
        for name in program.kept.keys() - self._names.values():
            other = self._names[plain(name)]
            raise InputError(f"mechanisms: {name} and {other} are both {plain(name)} in generated code; rename one")
        first = np.array([*program.kept.values()]).reshape(len(program.kept), self._n).T  # (places, variables)
        per_place, per_variable = (1, self._n) if rows.by_variable else (len(program.kept), 1)
        self._row = {name: number * per_variable for number, name in enumerate(program.kept)}  # from the place's first
        self._first, self._per_place = rows.add(first), per_place
        sizes = {f"{each.name}.{n}": size for each in group.mechanisms for n, size in each.sizes.items() if size > 1}
        self._sizes = {n: size for n, size in sizes.items() if {f"{n}[{k}]" for k in range(size)} <= self._row.keys()}
        self._at = f"const int at = {self._first} + {per_place} * i;"
        self._node = tables.add_indices(group.node)
        self.waits = group.point and not program.alone and bool(program.advanced)
        turn = turns(group.node) if group.point else np.zeros(self._n, int)
        order = np.argsort(turn, kind="stable")
        self._rounds = np.searchsorted(turn[order], np.arange(turn.max() + 2)).tolist()
        self._order = tables.add_indices(order) if len(self._rounds) > 2 else None
        self._row_under: dict[str, int] = {}  # from its segment's first
        if under and (followed_or_added := program.followed | program.added.keys()):
            self._row_under = {name: under._row[name] for name in sorted(followed_or_added)}
            self._under = tables.add_indices(program.group.place_under * under._per_place + under._first)

    def stream_rows(self) -> np.ndarray:
        """Where each of the four numbers of a trial's random streams stands, at every place (4, places or none)."""
        kept = {name.partition(".")[2]: row for name, row in self._row.items()}
        places = self._first + self._per_place * np.arange(self._n)
        rows = [kept[name] + places for name in STREAM[1:] if name in kept]
        return np.array(rows, int).reshape(4, -1)

    def _numbers(self, tables: Mapping[str, int], used: set[str]) -> list[str]:
        return [f"const real {name} = t.numbers[{at} + i];" for name, at in tables.items() if name in used]

    def _writer(self, lowered: Lowered, kind: str = "V") -> Writer:
        taken = {*self._names, *self._row_under, *lowered.tables}
        return Writer(self._real, lowered.called, taken, kind, {name: self._rows(name) for name in self._sizes})

    def _rows(self, array: str) -> str:
        """The first row of an array's elements, and how far they are apart."""
        first = self._row[f"{array}[0]"]
        return f"at + {first}, {self._row[f'{array}[1]'] - first}"


def turns(node: np.ndarray) -> np.ndarray:
    """How many earlier places are at the same node, for each place.

    >>> turns(np.array([5, 7, 5, 5])).tolist()
    [0, 0, 1, 2]
    """
    seen: dict[int, int] = {}
    found = []
    for each in node.tolist():
        seen[each] = seen.get(each, -1) + 1
        found.append(seen[each])
    return np.array(found)


def indented(lines: Sequence[str]) -> list[str]:
    return [INDENT + line for line in lines]
