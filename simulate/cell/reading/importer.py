"""NEURON's importer of morphologies: its words, what it is told before it makes sections, and where they come from."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ...schema import InputError
from . import swc

TREES = {"soma": 1, "axon": 2, "dend": 3, "apic": 4}  # as NEURON names their sections -> type
# How a line begins that NEURON's importer prints where it gives up, but for raising anything
FAULT = re.compile(r"^(?:parse |Lexical |internal )?error\b", re.MULTILINE)
READ_TO_THE_END = re.compile(r"\d+ lines read\n")
PROGRESS = re.compile(r"\d+ lines read")
TREES_OF_ASC = ("axon", "basal", "apical")


def read(text: str, suffix: str, where: str, printed: io.StringIO):
    """NEURON's reader of a file of that text, with the pieces of which it would make sections.

    printed: takes what NEURON prints. Raises InputError, in these words, for a file that it gives up.
    """
    from neuron import h

    with tempfile.TemporaryDirectory() as folder, heard(where, printed):
        copy = Path(folder, f"morphology{suffix}")
        copy.write_text(text, encoding="utf-8", newline="\n")
        reader = h.Import3d_SWC_read() if suffix == ".swc" else h.Import3d_Neurolucida3()
        reader.input(str(copy))
        said = printed.getvalue()
        if FAULT.search(said):
            raise ValueError("it stops")
        if suffix == ".asc" and not READ_TO_THE_END.search(said):
            last = f"the point on line {int(reader.iline[-1])}" if len(reader.iline) else "the beginning"
            raise ValueError(f"it reads no further than {last}; what comes next is no tree, contour or marker")
    return reader


def instantiate(reader, cell: object) -> None:
    """Have NEURON make the sections of `cell`, with points of eight digits as in a template of hoc.

    Of a cell that is a Python object it takes points whole, and those of a soma drawn as a contour are calculated.
    Published models are templates; an area that differs from theirs in the ninth digit parts the spikes.
    """
    import neuron

    whole = neuron._pt3dadd_in_obj

    def eight_digits(owner: object, section: str, *um: float) -> None:
        whole(owner, section, *(float(f"{value:.8g}") for value in um))

    neuron._pt3dadd_in_obj = eight_digits
    try:
        neuron.h.Import3d_GUI(reader, False).instantiate(cell)
    finally:
        neuron._pt3dadd_in_obj = whole


@contextlib.contextmanager
def heard(where: str, printed: io.StringIO) -> Iterator[None]:
    """Keep what NEURON's importer prints; where it gives up, that is what is wrong, with the line that it names."""
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield
    except Exception as error:  # hoc errors come as RuntimeError or worse; the file is what is wrong
        words = in_a_line(printed) or f"{error} ".splitlines()[0]
        line = re.search(r"\bline (\d+)", words)
        at = f"{where}, line {line[1]}" if line else where
        raise InputError(f"{at}: NEURON cannot read it: {words.strip()}") from error


def in_a_line(printed: io.StringIO) -> str:
    """What NEURON's importer printed, but for how far it had come."""
    told = (" ".join(line.split()) for line in re.split(r"[\r\n]", printed.getvalue()))
    return "; ".join(line for line in told if line and not PROGRESS.fullmatch(line))


def take_for_contour(soma, pieces) -> None:
    """Have NEURON make of the soma what it makes of a contour in an ASC file: all trees start at its middle."""
    soma.iscontour_ = 1
    for piece in pieces:
        if piece.parentsec == soma:
            piece.parentx = 0.5
            piece.first = int(piece.raw.ncol() > 2)  # without the way from the outline to the piece's own first point


def check_trees(reader, where: str, line_of_point: Sequence[int], types: Mapping[int, str]) -> None:
    """Give the trees of an ASC file the type that `types` says; pass where all points have a type and a diameter."""
    for piece in reader.sections:
        if piece.iscontour_:
            continue
        first, kind = int(piece.id), int(piece.type)
        region = types.get(kind, swc.TYPES.get(kind))
        if region not in TREES_OF_ASC:
            raise InputError(
                f"{where}, line {line_of_point[first]}: the tree that starts here has no type, or none of a tree: the "
                "last property before its first point must be (Axon), (Dendrite) or (Apical); or say in the parameter "
                "file what trees without a type are: types = { 0 = 'basal' }"
            )
        piece.type = swc.NUMBERS[region]
        reader.type.append(piece.type)
        for at, diam_um in enumerate(list(piece.d)[int(piece.fid) :], start=first):
            if not diam_um > 0:
                line = line_of_point[at]
                raise InputError(f"{where}, line {line}: diameter {diam_um:g}; every point needs one above 0")


def lines(reader, trees: list[list], line_of_point: Sequence[int]) -> dict[str, int]:
    """The line at which each section starts: of each type, NEURON's reader has them in the order of the sections."""
    pieces = [piece for piece in reader.sections if not piece.is_subsidiary]
    return {
        section.name(): line_of_point[int(piece.id)]
        for sections, kind in zip(trees, TREES.values(), strict=True)
        for section, piece in zip(sections, [each for each in pieces if each.type == kind], strict=True)
    }
