"""Elements of long arrays, of which the code finds one by its number: read and set where they lie, in rows in order.

To expressions they are variables as others are. `element` (index, all of them) is the one that an index names, and
setting it makes each of them a `put` (index, its own number, the new value, what it was). Here both become short.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from . import expression as x
from .expression import Expression

NOWHERE = x.constant(-1)  # an index of no element


class Store(NamedTuple):
    """A new value for the element of `array` that `at` says; of none where that is beyond its ends."""

    array: str
    at: Expression
    value: Expression


def read(index: Expression, elements: Sequence[Expression]) -> Expression:
    """The element that an index names, after what has been put there, and chosen, alike for all of them."""
    first = elements[0]
    if first.op == "put" and all(_put_alike(each, number, first) for number, each in enumerate(elements)):
        there = x.call("==", index, first.of[0])
        return x.select(there, first.of[2], read(index, [each.of[3] for each in elements]))
    if first.op == "select" and all(each.op == "select" and each.of[0] is first.of[0] for each in elements):
        then, otherwise = (read(index, [each.of[part] for each in elements]) for part in (1, 2))
        return x.select(first.of[0], then, otherwise)
    return x.call("element", index, *elements)


def put(index: Expression, number: int, value: Expression, before: Expression) -> Expression:
    """What the element of this number is once `value` is put where an index says."""
    return x.call("put", index, x.constant(number), value, before)


def _put_alike(each: Expression, number: int, first: Expression) -> bool:
    return each.op == "put" and each.of[0] is first.of[0] and each.of[1].value == number and each.of[2] is first.of[2]


def name_of(elements: Sequence[Expression]) -> str:
    """The array of which these are all elements in order, as they lie in its rows; '' where they are others."""
    name = elements[0].name.removesuffix("[0]")
    in_order = (each is x.symbol(f"{name}[{number}]") for number, each in enumerate(elements))
    return name if all(in_order) else ""


def chosen(index: Expression, elements: Sequence[Expression]) -> Expression:
    """The element that an index names, one after another; from a table where all of them are constants."""
    if all(each.op == "constant" for each in elements):
        return x.call("lookup", index, x.table(each.value for each in elements))
    found = elements[0]
    for number, each in enumerate(elements[1:], start=1):
        found = x.select(x.call("==", index, x.constant(number)), each, found)
    return found


def of_arrays(values: Iterable[Expression]) -> list[set[str]]:
    """The elements among which an index chooses in `values`, by name, of each time that one does."""
    chosen_among = (node.of[1:] for node in x.walk(values) if node.op == "element")
    return [{each.name for each in of_one if each.op == "symbol"} for of_one in chosen_among]


def stores(values: Mapping[str, Expression], sizes: Mapping[str, int]) -> tuple[dict[str, Expression], list[Store]]:
    """What is set of `values`: one by one, and of those of whole arrays what is put somewhere, in this order.

    sizes: array, as expressions call it -> number of its elements.
    """
    alone, found = dict(values), []
    for array, size in sizes.items():
        names = [f"{array}[{number}]" for number in range(size)]
        if not values.keys() >= {*names}:
            continue
        of_each = [_put(values[name], name, number) for number, name in enumerate(names)]
        if of_each[0] is not None and all(each == of_each[0] for each in of_each):
            found += [Store(array, *each) for each in of_each[0]]
            for name in names:
                del alone[name]
    return alone, found


def _put(value: Expression, name: str, number: int) -> list[tuple[Expression, Expression]] | None:
    """Where (an index) and what is put into an array, told from one element; None where more is done to it."""
    if value is x.symbol(name):
        return []
    if value.op == "put" and value.of[1].value == number:
        before = _put(value.of[3], name, number)
        return None if before is None else [*before, (value.of[0], value.of[2])]
    if value.op == "select":
        condition, then, otherwise = value.of[0], *(_put(each, name, number) for each in value.of[1:])
        if then is not None and otherwise is not None:
            there = [(x.select(condition, index, NOWHERE), new) for index, new in then]
            return there + [(x.select(condition, NOWHERE, index), new) for index, new in otherwise]
    return None
