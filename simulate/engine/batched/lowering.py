"""Expressions made cheap to compute at every step: what never changes is computed once, into tables.

Done with NumPy in 64 bits, whatever the generated code calculates in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from . import elements
from . import expression as x
from .expression import Expression
from .statements import plain

LOG2_E = x.constant(math.log2(math.e))


@dataclass
class Tables:
    """Numbers and indices that the generated code reads, each kind in one array."""

    numbers: list[np.ndarray] = field(default_factory=list)
    indices: list[np.ndarray] = field(default_factory=list)
    _looked_up: dict[Expression, Expression] = field(default_factory=dict)

    def add_numbers(self, values: np.ndarray) -> int:
        """Where they begin."""
        self.numbers.append(np.asarray(values, float))
        return sum(map(len, self.numbers[:-1]))

    def place(self, table: Expression) -> Expression:
        """A table that is looked up in, as the generated code finds it."""
        if table not in self._looked_up:
            self._looked_up[table] = x.placed(self.add_numbers(np.array(table.numbers)), len(table.numbers) - 1)
        return self._looked_up[table]

    def add_indices(self, values: Sequence[int] | np.ndarray) -> int:
        self.indices.append(np.asarray(values, np.int32))
        return sum(map(len, self.indices[:-1]))


@dataclass
class Lowered:
    """outputs: the expressions as they are to be computed. tables: symbol in them -> where its numbers begin."""

    outputs: list[Expression]
    tables: dict[str, int]
    called: dict[Expression, str]


def lower(
    outputs: Sequence[Expression],
    constants: Mapping[str, np.ndarray],
    tables: Tables,
    called: Mapping[Expression, str],
) -> Lowered:
    """Put every part of `outputs` that depends on `constants` alone into `tables`.

    constants: symbol -> its number at each place. called: names for readers, kept for what is still there.
    """
    fixed = _Fixed(constants)
    names = list(called)
    cheap = x.rewrite([*outputs, *names], fixed.reduced)
    found: dict[str, int] = {}
    seen: dict[bytes, Expression] = {}

    def from_table(node: Expression) -> Expression:
        numbers = np.broadcast_to(np.asarray(x.evaluate([node], constants)[0], float), fixed.places)
        if fixed.places > 1 and (numbers == numbers[0]).all():
            return x.constant(numbers[0])
        if numbers.tobytes() not in seen:
            name = plain(node.name) if node.op == "symbol" else f"constant_{len(found)}"
            found[name] = tables.add_numbers(numbers)
            seen[numbers.tobytes()] = x.symbol(name)
        return seen[numbers.tobytes()]

    order = x.walk(cheap[: len(outputs)])
    named = {id(node): called[old] for old, node in zip(names, cheap[len(outputs) :], strict=True)}
    asked = {id(node) for node in cheap[: len(outputs)]}  # and all that is left outside of tables
    for node in reversed(order):
        if id(node) in asked and not fixed(node):
            asked |= {id(part) for part in node.of}
    done: dict[int, Expression] = {}
    kept: dict[Expression, str] = {}
    for node in order:
        if id(node) not in asked and id(node) not in named:
            continue
        if node.op == "table":
            done[id(node)] = tables.place(node)
        elif node.op != "constant" and fixed(node):
            done[id(node)] = from_table(node)
        elif node.op == "element":
            index, *of_all = node.of
            done[id(node)] = x.call("element", done[id(index)], x.array(elements.name_of(of_all), len(of_all)))
        else:
            done[id(node)] = x.build(node.op, *(done[id(part)] for part in node.of)) if node.of else node
        if id(node) in named:
            kept[done[id(node)]] = named[id(node)]
    return Lowered([done[id(node)] for node in cheap[: len(outputs)]], found, {n: s for n, s in kept.items() if n.of})


class _Fixed:
    """Tells expressions of constants alone from others."""

    def __init__(self, constants: Mapping[str, np.ndarray]) -> None:
        self._names = constants.keys()
        self._known: dict[int, bool] = {}
        self.places = len(next(iter(constants.values())))

    def __call__(self, node: Expression) -> bool:
        waiting = [node]
        while waiting:
            each = waiting[-1]
            if unknown := [part for part in each.of if id(part) not in self._known]:
                waiting += unknown
                continue
            of_symbol = each.op in ("constant", "table") or (each.op == "symbol" and each.name in self._names)
            self._known[id(each)] = of_symbol or (bool(each.of) and all(self._known[id(part)] for part in each.of))
            waiting.pop()
        return self._known[id(node)]

    def reduced(self, node: Expression, of: tuple[Expression, ...]) -> Expression:
        """The same with multiplications for divisions by constants, and base 2 for exponentials, one product inside."""
        if not of:
            return node
        if node.op == "put":
            return x.select(x.call("==", of[0], of[1]), of[2], of[3])
        if node.op == "element" and not elements.name_of(of[1:]):
            return elements.chosen(of[0], of[1:])
        if node.op == "/" and self(of[1]):
            return of[0] * (x.ONE / of[1])
        if node.op == "*" and not self(node):
            if self(of[1]):
                of = of[1], of[0]
            if self(of[0]) and of[1].op == "*" and self(of[1].of[0]):  # one constant factor, in front
                return of[0] * of[1].of[0] * of[1].of[1]
        if node.op in ("exp", "expm1") and not self(node):
            variable, factor, offset = self._affine(of[0])
            inside = variable * (factor * LOG2_E) + offset * LOG2_E
            return x.call("exp2" if node.op == "exp" else "exp2m1", inside)
        return x.build(node.op, *of)

    def _affine(self, node: Expression) -> tuple[Expression, Expression, Expression]:
        """(variable, factor, offset) of an expression that is  variable * factor + offset  with constants."""
        if node.op == "neg":
            variable, factor, offset = self._affine(node.of[0])
            return variable, -factor, -offset
        if node.op in ("+", "-") and self(node.of[1]):
            variable, factor, offset = self._affine(node.of[0])
            return variable, factor, x.build(node.op, offset, node.of[1])
        if node.op in ("+", "-") and self(node.of[0]):
            variable, factor, offset = self._affine(node.of[1])
            return variable, x.build(node.op, x.ZERO, factor), x.build(node.op, node.of[0], offset)
        for at in (0, 1):
            if node.op == "*" and self(node.of[at]):
                variable, factor, offset = self._affine(node.of[1 - at])
                return variable, factor * node.of[at], offset * node.of[at]
        return node, x.ONE, x.ZERO
