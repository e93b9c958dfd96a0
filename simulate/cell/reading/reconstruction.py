"""A morphology file becomes NEURON sections; what is wrong with it is said in one line that names the place."""

from __future__ import annotations

import codecs
import io
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ...schema import InputError
from . import importer, neurolucida, swc

NO_LENGTH_UM = 1e-6  # NEURON gives a section whose points are in one place a length of 1e-9 um


class Sections(NamedTuple):
    """The sections of each tree, in the file's order. The first of the soma's is where its electrode goes.

    line: the line of the file at which each of them starts, by the section's name.
    """

    soma: list
    axon: list
    basal: list
    apical: list
    line: dict[str, int]


def read(path: Path, cell: object, types: Mapping[int, str] | None = None) -> Sections:
    """Make the sections that the ASC or SWC file at `path` describes, as those of `cell`.

    types: region of the points of a type, see biophysics.Biophysics.
    Raises InputError for a file that NEURON cannot read or without a soma, for a point or section without a diameter,
    for a tree without a region, and for pieces that hang on nothing.
    """
    from neuron import h

    h.load_file("stdlib.hoc")
    h.load_file("import3d.hoc")
    where, printed = f"morphology {path}", io.StringIO()
    reading = _swc if path.suffix.lower() == ".swc" else _asc
    reader, line_of_point = reading(_text(path), where, types or {}, printed)
    with importer.heard(where, printed):
        importer.instantiate(reader, cell)
    soma, axon, basal, apical = trees = [list(getattr(cell, name, [])) for name in importer.TREES]
    if not soma:
        words = importer.in_a_line(printed)
        raise InputError(f"{where}: {swc.NO_SOMA}" + (f"; NEURON says: {words}" if words else ""))
    sections = Sections(soma, axon, basal, apical, importer.lines(reader, trees, line_of_point))
    for section in chain(*trees):
        at = f"{where}, line {sections.line[section.name()]}: section {section.name().split('.')[-1]}"
        if section.parentseg() is None and section != soma[0]:
            raise InputError(f"{at} hangs on nothing; connect it to the soma")
        if not min(section.diam3d(i) for i in range(section.n3d())) > 0:
            raise InputError(f"{at} has a point with diameter 0; every point needs one above 0")
        if section.L < NO_LENGTH_UM:
            raise InputError(f"{at} has no length: all of its points are in one place; take them out")
    return sections


def remarks(path: Path, types: Mapping[int, str]) -> list[str]:
    """How the file at `path`, which can be read, is understood where it could be taken otherwise.

    types: as `read`.
    """
    where = f"morphology {path}"
    if path.suffix.lower() != ".swc" or not swc.is_outlined(points := swc.points(_text(path), where, types), where):
        return []
    n = sum(point.kind == swc.NUMBERS["soma"] for point in points)
    return [f"{where}: the {n} points of its soma are an outline, read as NEURON reads a contour in an ASC file"]


def _swc(text: str, where: str, types: Mapping[int, str], printed: io.StringIO):
    """NEURON's reader of an SWC file, and the line of the file on which each of its points stands."""
    points = swc.points(text, where, types)
    reader = importer.read(swc.written(points), ".swc", where, printed)
    if swc.is_outlined(points, where):
        importer.take_for_contour(reader.sections[0], reader.sections)
    return reader, [point.line for point in points]


def _asc(text: str, where: str, types: Mapping[int, str], printed: io.StringIO):
    """The same of an ASC file."""
    neurolucida.check(text, where)
    reader = importer.read(text.replace("@", "_"), ".asc", where, printed)  # a line ends for it at the first @
    line_of_point = neurolucida.lines_of_points(text, reader.iline, reader.x, reader.y)
    importer.check_trees(reader, where, line_of_point, types)
    return reader, line_of_point


def _text(path: Path) -> str:
    """The file as text with LF line ends, whatever editor it comes from."""
    raw = path.read_bytes()
    utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = raw.decode("utf-16" if utf16 else "utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a")  # which ends a file of DOS
