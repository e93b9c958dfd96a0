"""What a morphology file means, however it is written: against the same cell written otherwise, and by hand."""

from __future__ import annotations

import codecs
import re
from itertools import chain

import numpy as np
import pytest

from apical.simulate.cell.reading import reconstruction, swc
from apical.simulate.schema import InputError

SWC = """\
1 1 0 0 0 8 -1
2 1 0 -8 0 8 1
3 1 0 8 0 8 1
4 3 8 0 0 1 1
5 3 60 0 0 1 4
6 3 120 30 0 0.7 5
7 3 120 -30 0 0.7 5
8 3 -8 0 0 1 1
9 3 -90 0 0 0.8 8
"""
CONTOUR_UM = [(8 * np.cos(angle), 6 * np.sin(angle)) for angle in np.arange(16) * np.pi / 8]
ASC = (
    '("CellBody" (CellBody)\n'
    + "".join(f"({x:.3f} {y:.3f} 0 0.2)\n" for x, y in CONTOUR_UM)
    + ")\n{0}\n(9 0 0 2)\n(60 0 0 2)\n((60 0 0 1.4)\n(120 30 0 1.4) |\n(60 0 0 1.4)\n(120 -30 0 1.4)))\n"
    + "( (Dendrite)\n(-9 0 0 2)\n(-90 0 0 2))\n"
)


@pytest.fixture
def read(tmp_path):
    """A function that reads a text, or bytes, and returns tree -> of each section its points, parent, line and area."""
    from neuron import h

    class Reader:
        pass

    def read(content: str | bytes, name: str = "mine.swc", types=None):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        cell = Reader()
        try:
            sections = reconstruction.read(path, cell, types)
            return {
                tree: [
                    (
                        [[getattr(s, f"{field}3d")(i) for field in ("x", "y", "z", "diam")] for i in range(s.n3d())],
                        s.parentseg() and (s.parentseg().sec.name().split(".")[-1], s.parentseg().x),
                        sections.line[s.name()],
                        sum(segment.area() for segment in s),
                    )
                    for s in getattr(sections, tree)
                ]
                for tree in ("soma", "axon", "basal", "apical")
            }
        finally:
            for section in [s for s in h.allsec() if s.cell() is cell]:
                h.delete_section(sec=section)

    return read


def without_lines(cell):
    return {tree: [(*each[:2], each[3]) for each in sections] for tree, sections in cell.items()}


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + SWC.encode(),
        codecs.BOM_UTF8 + b"# made elsewhere\n" + SWC.encode(),
        SWC.encode("utf-16"),
        SWC.replace("\n", "\r\n").encode() + b"\x1a",
        SWC.replace("\n", "\r").encode(),
        SWC.replace(" ", "\t").encode() + "# \u00b5m".encode("latin-1"),
        b"\n# about\n" + SWC.replace("\n", " 0 extra # remark\n").encode(),
    ],
    ids=["bom", "bom, comment", "utf-16", "crlf", "cr", "tabs, latin-1", "more columns"],
)
def test_an_swc_file_of_any_editor(read, content):
    assert without_lines(read(content)) == without_lines(read(SWC))


@pytest.mark.parametrize("change", [lambda s: codecs.BOM_UTF8 + s, lambda s: s.replace(b"\n", b"\r") + b"\x1a"])
def test_an_asc_file_of_any_editor(read, change):
    text = ASC.format("( (Dendrite)")
    assert read(change(text.encode()), "mine.asc") == read(text, "mine.asc")


@pytest.mark.parametrize("number", [lambda n: n - 1, lambda n: 10 * n])
def test_numbers_of_points_are_names(read, number):
    """The same tree with points numbered from 0, or with gaps."""
    rows = [line.split() for line in SWC.splitlines()]
    renamed = [[number(int(row[0])), *row[1:6], -1 if row[6] == "-1" else number(int(row[6]))] for row in rows]
    assert read("".join(" ".join(map(str, row)) + "\n" for row in renamed)) == read(SWC)


def test_points_are_numbered_in_their_order():
    """NEURON wants ascending numbers, and a parent before its children."""
    points = [swc.Point(1, 9, 1, 0, 0, 0, 8, -1), swc.Point(2, 7, 3, 8, 0, 0, 1, 9), swc.Point(3, 4, 3, 60, 0, 0, 1, 7)]
    assert swc.written(points) == "1 1 0 0 0 8 -1\n2 3 8 0 0 1 1\n3 3 60 0 0 1 2\n"


def test_soma_points_that_stand_apart_are_one_soma(read):
    """A sphere of 8 um: 4 pi r^2. The points of its three-point form stand after a dendrite."""
    apart = read(
        "1 1 0 0 0 8 -1\n2 3 8 0 0 1 1\n3 3 60 0 0 1 2\n4 3 120 30 0 0.7 3\n5 3 120 -30 0 0.7 3\n"
        "6 1 0 -8 0 8 1\n7 1 0 8 0 8 1\n8 3 -8 0 0 1 1\n9 3 -90 0 0 0.8 8\n"
    )
    assert without_lines(apart) == without_lines(read(SWC))
    ((*_, area_um2),) = apart["soma"]
    assert area_um2 == pytest.approx(4 * np.pi * 8**2, rel=1e-6)
    assert [line for _, _, line, _ in apart["basal"]] == [2, 4, 5, 8]


def outline_swc(order=lambda points: points, radius=0.1):
    points = order(CONTOUR_UM)
    n = len(points)
    soma = [f"{i} 1 {x:.3f} {y:.3f} 0 {radius} {i - 1 if i > 1 else -1}\n" for i, (x, y) in enumerate(points, start=1)]
    return "".join(soma) + f"{n + 1} 3 9 0 0 1 1\n{n + 2} 3 60 0 0 1 {n + 1}\n"


@pytest.mark.parametrize("order", [lambda points: points, lambda points: [*points, points[0]], lambda p: p[::-1]])
def test_an_outlined_soma_is_what_it_is_in_an_asc_file(read, order, tmp_path):
    """NEURON's reading of the same contour; about the area of a spheroid of 8 by 6 by 6 um (Knud Thomsen's formula)."""
    found = read(outline_swc(order))
    ((points, _, line, area_um2),) = found["soma"]
    ((expected, *_, expected_um2),) = read(ASC.format("( (Dendrite)"), "mine.asc")["soma"]
    if order(CONTOUR_UM) == CONTOUR_UM:
        assert np.sort(points, axis=0) == pytest.approx(np.sort(expected, axis=0), abs=1e-3)
    assert area_um2 == pytest.approx(expected_um2, rel=0.03)
    p = 1.6075
    spheroid_um2 = 4 * np.pi * ((2 * (8 * 6) ** p + (6 * 6) ** p) / 3) ** (1 / p)
    assert area_um2 == pytest.approx(spheroid_um2, rel=0.1)
    assert line == 1
    ((points, parent, line, _),) = found["basal"]
    assert parent == ("soma[0]", 0.5) and np.array(points)[:, 0].tolist() == [9, 60]
    (said,) = reconstruction.remarks(tmp_path / "mine.swc", {})
    assert f"the {len(order(CONTOUR_UM))} points of its soma are an outline" in said


def test_a_soma_that_is_drawn_solid_is_none(read, tmp_path):
    """By hand: a spindle of five points along y, 20 um by at most 10 um; frusta between them."""
    soma = "1 1 0 -10 0 2 -1\n2 1 0 -5 0 4 1\n3 1 0 0 0 5 2\n4 1 0 5 0 4 3\n5 1 0 10 0 2 4\n"
    found = read(soma + "6 3 5 0 0 1 3\n7 3 60 0 0 1 6\n")
    frusta_um2 = 2 * np.pi * ((2 + 4) * np.hypot(5, 2) + (4 + 5) * np.hypot(5, 1))
    assert sum(area_um2 for *_, area_um2 in found["soma"]) == pytest.approx(frusta_um2, rel=1e-3)
    assert reconstruction.remarks(tmp_path / "mine.swc", {}) == []


def test_an_outline_that_is_not_closed_is_refused(read):
    half = outline_swc(lambda points: points[:9])
    star = re.sub(r"0\.1 \d+$", "0.1 1", outline_swc(), flags=re.M)
    for text in (half, star):
        with pytest.raises(
            InputError, match=r"mine.swc, line 1: the \d+ points of the soma are .* form no closed line"
        ):
            read(text)


FORKED = SWC.replace("5 3 60", "5 5 60").replace("6 3 120", "6 6 120").replace("9 3", "9 0")


@pytest.mark.parametrize(
    "types",
    [
        {5: "parent", 6: "parent", 0: "parent"},
        {5: "basal", 6: "basal", 0: "basal"},
        {5: "basal", 6: "parent", 0: "basal"},
    ],
)
def test_types_are_what_the_parameter_file_says(read, types):
    assert read(FORKED, types=types) == read(SWC)


def test_a_type_may_be_taken_for_another(read):
    found = read(SWC.replace("8 3", "8 7").replace("9 3", "9 7"), types={3: "apical", 7: "axon"})
    assert [len(found[tree]) for tree in ("soma", "axon", "basal", "apical")] == [1, 1, 0, 3]


def test_a_type_is_not_as_a_soma_before_it(read):
    with pytest.raises(
        InputError, match=r"mine.swc, line 8: point 8 is of type 5, which types says is as its parent's"
    ):
        read(SWC.replace("8 3", "8 5"), types={5: "parent"})


@pytest.mark.parametrize("region", ["axon", "basal", "apical"])
def test_a_tree_without_a_type_is_what_the_parameter_file_says(read, region):
    name = {"axon": "Axon", "basal": "Dendrite", "apical": "Apical"}[region]
    found = read(ASC.format("( (Color White)"), "mine.asc", {0: region})
    assert found == read(ASC.format(f"( (Color White) ({name})"), "mine.asc")
    assert len(found["basal"]) == (4 if region == "basal" else 1)
    lines = [line for _, _, line, _ in chain(*found.values())]
    assert sorted(lines) == [2, 20, 22, 24, 27]


def test_a_name_with_an_at_sign(read):
    text = ASC.format('((Name "b") (Dendrite)')
    assert read(text.replace('"b"', '"a@b"'), "mine.asc") == read(text, "mine.asc")
