"""A morphology file becomes NEURON sections; what is wrong with it is said in one line that names the place."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ..schema import InputError

NO_SOMA = "has no soma (ASC: a contour marked CellBody; SWC: points of type 1)"
SWC_TYPES = {1: "soma", 2: "axon", 3: "basal", 4: "apical"}


class Sections(NamedTuple):
    """The sections of each tree, in the file's order. The first of the soma's is where its electrode goes."""

    soma: list
    axon: list
    basal: list
    apical: list


def read(path: Path, cell: object) -> Sections:
    """Make the sections that the ASC or SWC file at `path` describes, as those of `cell`.

    Raises InputError for a file that NEURON cannot read or without a soma, for a point or section without a diameter,
    and for pieces that hang on nothing.
    """
    from neuron import h

    h.load_file("stdlib.hoc")
    h.load_file("import3d.hoc")
    where = f"morphology {path}"
    swc = path.suffix.lower() == ".swc"
    if swc:
        check_swc(path.read_text(encoding="utf-8", errors="replace"), where)
    try:
        with _quiet():
            reader = h.Import3d_SWC_read() if swc else h.Import3d_Neurolucida3()
            reader.quiet = 1
            reader.input(str(path))
            h.Import3d_GUI(reader, False).instantiate(cell)
    except Exception as error:  # hoc errors come as RuntimeError or worse; the file is what is wrong
        raise InputError(f"{where}: NEURON cannot read it ({error})".splitlines()[0]) from error
    sections = Sections(*(list(getattr(cell, name, [])) for name in ("soma", "axon", "dend", "apic")))
    if not sections.soma:
        raise InputError(f"{where}: {NO_SOMA}")
    for section in chain(*sections):
        name = section.name().split(".")[-1]
        if section.parentseg() is None and section != sections.soma[0]:
            raise InputError(f"{where}: section {name} hangs on nothing; connect it to the soma")
        if not min(section.diam3d(i) for i in range(section.n3d())) > 0:
            raise InputError(f"{where}: section {name} has a point with diameter 0; every point needs one above 0")
    return sections


def check_swc(text: str, where: str) -> None:
    """Pass text of an SWC file if its points form one tree; NEURON leaves out lines that it cannot read.

    Raises InputError that names the line.
    """
    seen: set[int] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split("#")[0].split()
        if not fields:
            continue
        at = f"{where}, line {number}"
        try:
            point, kind, parent = (int(float(fields[column])) for column in (0, 1, 6))
            radius_um = [float(field) for field in fields[2:6]][-1]
        except (IndexError, ValueError):
            raise InputError(f"{at}: expected 7 numbers (point, type, x, y, z, radius, parent), got '{line}'") from None
        if kind not in SWC_TYPES:
            known = ", ".join(f"{number} {tree}" for number, tree in SWC_TYPES.items())
            raise InputError(f"{at}: point {point} is of type {kind}, expected {known}")
        if not radius_um > 0:
            raise InputError(f"{at}: point {point} has radius {radius_um:g}; every point needs one above 0")
        if not seen and SWC_TYPES[kind] != "soma":
            raise InputError(f"{at}: the first point is of type {kind}, expected 1: the tree must start at the soma")
        if point in seen:
            raise InputError(f"{at}: point {point} is there twice")
        if seen and parent not in seen:
            raise InputError(
                f"{at}: point {point} hangs on nothing: its parent {parent} is not among the lines before; "
                "all points must form one tree that starts at the soma"
            )
        seen.add(point)
    if not seen:
        raise InputError(f"{where}: {NO_SOMA}")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what NEURON's importer prints; what goes wrong is raised."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
