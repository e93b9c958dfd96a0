"""The points of an SWC file: checked, and written so that NEURON reads what they mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from ...schema import InputError

NO_SOMA = "has no soma (ASC: a contour marked CellBody; SWC: points of type 1)"
TYPES = {1: "soma", 2: "axon", 3: "basal", 4: "apical"}
NUMBERS = {name: number for number, name in TYPES.items()}
LIKE_ITS_PARENT = "parent"  # in place of a region: for types that say that a tree forks or ends
THIN = 0.25  # of an outlined soma's extent are its points, at most; those of one that is drawn solid are half of it
CLOSED = 1.5  # steps of an outline that its ends may be apart


class Point(NamedTuple):
    """A point: its line in the file, number, type, coordinates and radius in um, and its parent's number."""

    line: int
    number: int
    kind: int
    x: float
    y: float
    z: float
    radius: float
    parent: int


def points(text: str, where: str, types: Mapping[int, str]) -> list[Point]:
    """The points of an SWC file, those of the soma first; they form one tree that starts at the soma.

    types: region (or `LIKE_ITS_PARENT`) of the points of a type, over those that SWC has.
    Raises InputError that names the line.
    """
    found: dict[int, Point] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        fields = line.split("#")[0].split()
        if fields:
            point = _point(fields, f"{where}, line {number}", number, found, types)
            found[point.number] = point
    if not found:
        raise InputError(f"{where}: {NO_SOMA}")
    return sorted(found.values(), key=lambda point: point.kind != NUMBERS["soma"])


def written(ordered: Sequence[Point]) -> str:
    """The points as an SWC file, numbered from 1 in their order, of which NEURON makes the most."""
    place = {point.number: at for at, point in enumerate(ordered, start=1)}
    lines = (
        f"{at} {each.kind} {each.x!r} {each.y!r} {each.z!r} {each.radius!r} {place.get(each.parent, -1)}\n"
        for at, each in enumerate(ordered, start=1)
    )
    return "".join(lines)


def is_outlined(ordered: Sequence[Point], where: str) -> bool:
    """Whether the soma is drawn as its outline: a closed line of points much thinner than it is wide.

    Raises InputError where such points form no closed line, so that nobody knows how large the soma is.
    """
    soma = [point for point in ordered if point.kind == NUMBERS["soma"]]
    middle = [sum(each) / len(soma) for each in zip(*(point[3:6] for point in soma), strict=True)]
    extent_um = sum(math.dist(point[3:6], middle) for point in soma) / len(soma)
    if len(soma) < 4 or max(point.radius for point in soma) > THIN * extent_um:
        return False
    chained = all(point.parent == before.number for before, point in pairwise(soma))
    steps_um = [math.dist(before[3:6], point[3:6]) for before, point in pairwise(soma)]
    if chained and math.dist(soma[0][3:6], soma[-1][3:6]) <= CLOSED * max(steps_um):
        return True
    raise InputError(
        f"{where}, line {soma[0].line}: the {len(soma)} points of the soma are {extent_um:.3g} um from its middle and "
        "much thinner than that, so they are an outline, but they form no closed line; draw the soma as one point with "
        "its radius"
    )


def _point(fields: Sequence[str], at: str, line: int, before: Mapping[int, Point], types: Mapping[int, str]) -> Point:
    try:
        number, kind, x, y, z, radius, parent = map(float, fields[:7])
        if not all(each.is_integer() for each in (number, kind, parent)):
            raise ValueError
    except ValueError:
        raise InputError(
            f"{at}: expected 7 numbers (point, type, x, y, z, radius, parent; three of them whole), got "
            f"'{' '.join(fields)[:80]}'"
        ) from None
    found = Point(line, int(number), int(kind), x, y, z, radius, int(parent))
    named = f"{at}: point {found.number}"
    if not found.radius > 0:
        raise InputError(f"{named} has radius {found.radius:g}; every point needs one above 0")
    if not all(map(math.isfinite, (x, y, z, radius))):
        raise InputError(f"{named}: expected finite coordinates and radius, got {' '.join(fields[2:6])}")
    if found.number in before:
        raise InputError(f"{named} is there twice")
    above = before.get(found.parent)
    if above is None and (before or found.parent > 0):
        raise InputError(
            f"{named} hangs on nothing: its parent {found.parent} is not among the lines before; "
            "all points must form one tree that starts at the soma"
        )
    found = found._replace(kind=_kind(found.kind, above, named, types))
    soma = found.kind == NUMBERS["soma"]
    if above is None and not soma:
        raise InputError(f"{at}: the first point is of type {found.kind}, expected 1: the tree must start at the soma")
    if above and soma and above.kind != NUMBERS["soma"]:
        raise InputError(
            f"{named} is of the soma and hangs on point {above.number}, which is not; give it that one's type"
        )
    return found


def _kind(kind: int, above: Point | None, named: str, types: Mapping[int, str]) -> int:
    """The type as SWC has it."""
    region = types.get(kind, TYPES.get(kind))
    if region is None:
        known = ", ".join(f"{number} {tree}" for number, tree in TYPES.items())
        raise InputError(
            f"{named} is of type {kind}, expected {known}; say in the parameter file what it is, "
            f"as in types = {{ {kind} = '{'basal' if above else 'soma'}' }}"
        )
    if region != LIKE_ITS_PARENT:
        return NUMBERS[region]
    if above is None or above.kind == NUMBERS["soma"]:
        raise InputError(f"{named} is of type {kind}, which types says is as its parent's, which is the soma or none")
    return above.kind
