"""What readers make of small reconstructions that they take differently: the soma's area, and the dendrite.

    python -m pip install morphio neurom arbor
    python benchmarks/morphology_readers.py

Each reader has each file in a process of its own; one that is not installed has an empty column. Prints a table in
Markdown: soma in um2, dendritic sections, their length in um; "no" where the file is refused or nothing comes of it.
The files are made up: a soma 20 um across and a dendrite of 100 um.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

READERS = {"NEURON": "neuron", "MorphIO": "morphio", "NeuroM": "neurom", "Arbor": "arbor", "apical": "apical"}
STICK = "{n} 3 0 10 0 1 {soma}\n{m} 3 0 110 0 1 {n}\n"
ONE = "1 1 0 0 0 10 -1\n"
CONTOUR = """("CellBody" (Color Red) (CellBody)
 (-10 0 0 0.1) (-7 7 0 0.1) (0 10 0 0.1) (7 7 0 0.1) (10 0 0 0.1) (7 -7 0 0.1) (0 -10 0 0.1) (-7 -7 0 0.1) )
"""
TREE = "( (Color Green) (Dendrite)\n (0 10 0 2) (0 60 0 2) (0 110 0 2) )\n"
FILES = {
    "SWC, soma of one point": ONE + STICK.format(n=2, m=3, soma=1),
    "SWC, soma of two points": "1 1 0 -10 0 10 -1\n2 1 0 10 0 10 1\n" + STICK.format(n=3, m=4, soma=2),
    "SWC, soma of three points": ONE + "2 1 0 -10 0 10 1\n3 1 0 10 0 10 1\n" + STICK.format(n=4, m=5, soma=1),
    "SWC, soma as an outline": "1 1 -10 0 0 0.1 -1\n2 1 0 10 0 0.1 1\n3 1 10 0 0 0.1 2\n4 1 0 -10 0 0.1 3\n"
    + STICK.format(n=5, m=6, soma=1),
    "SWC, dendrite from the soma's middle": ONE + "2 3 0 0 0 1 1\n3 3 0 110 0 1 2\n",
    "SWC, dendrite of a single point": ONE + "2 3 0 110 0 1 1\n",
    "SWC, branches of a single point": ONE + "2 3 0 10 0 1 1\n3 3 0 60 0 1 2\n4 3 0 110 0 1 3\n5 3 30 110 0 1 3\n",
    "SWC, a point of type 5": ONE + "2 3 0 10 0 1 1\n3 5 0 60 0 1 2\n4 3 0 110 0 1 3\n",
    "SWC, a tree of type 7": ONE + "2 7 0 10 0 1 1\n3 7 0 110 0 1 2\n",
    "SWC, no soma": "1 3 0 0 0 1 -1\n2 3 0 100 0 1 1\n",
    "ASC, contour": CONTOUR + TREE,
    "ASC, two contours, one above the other": CONTOUR + CONTOUR.replace(" 0 0.1)", " 4 0.1)") + TREE,
    "ASC, dendrite from the contour's middle": CONTOUR + TREE.replace("(0 10 0 2)", "(0 0 0 2)"),
    "ASC, branches of a single point": CONTOUR + TREE.replace("(0 110 0 2)", "( (0 110 0 2) | (30 110 0 2) )"),
    "ASC, a marker within a branch": CONTOUR
    + TREE.replace("(0 110 0 2)", '(Flower (Color White) (Name "Marker 1") (3 60 0 1)) (0 110 0 2)'),
    "ASC, a tree without a type": CONTOUR + TREE.replace("(Dendrite)", ""),
}


def main() -> None:
    there = {}
    for name, package in READERS.items():
        try:
            there[name] = f"{name} {version(package)}"
        except PackageNotFoundError:
            there[name] = name
    print(f"| | {' | '.join(there.values())} |\n| --- |{' --- |' * len(there)}")
    with tempfile.TemporaryDirectory() as folder:
        for what, text in FILES.items():
            path = Path(folder, f"case.{what[:3].lower()}")
            path.write_text(text)
            print(f"| {what} | {' | '.join(told(name, path) for name in READERS)} |", flush=True)


def told(reader: str, path: Path) -> str:
    done = subprocess.run([sys.executable, __file__, reader, path], capture_output=True, text=True)
    lines = done.stdout.strip().splitlines()
    try:
        area_um2, sections, length_um = json.loads(lines[-1]) if not done.returncode and lines else (None, 0, 0)
    except ValueError:
        sections = 0
    if not sections:
        return "no"
    return f"{'–' if area_um2 is None else f'{area_um2:,.0f}'}, {sections}, {length_um:.0f}"


def of_neuron(path: str) -> tuple[float | None, int, float]:
    from neuron import h

    h.load_file("import3d.hoc")
    reader = h.Import3d_SWC_read() if path.endswith(".swc") else h.Import3d_Neurolucida3()
    reader.input(path)
    owner = type("Cell", (), {})()
    h.Import3d_GUI(reader, False).instantiate(owner)
    return _of_sections(
        [s for s in h.allsec() if "soma" in s.name()], [s for s in h.allsec() if "soma" not in s.name()]
    )


def of_apical(path: str) -> tuple[float | None, int, float]:
    from apical.simulate.cell import morphologies
    from apical.simulate.cell.built import Cell

    cell = Cell(morphologies.resolve(path), axon="remove")
    dendrites = [*cell.basal, *cell.apical]
    return _of_sections(cell.sections()[: -len(dendrites)], dendrites)


def of_morphio(path: str) -> tuple[float | None, int, float]:
    import morphio
    import numpy as np

    cell = morphio.Morphology(path)
    sections = list(cell.iter())
    length_um = sum(float(np.linalg.norm(np.diff(each.points, axis=0), axis=1).sum()) for each in sections)
    try:
        return float(cell.soma.surface), len(sections), length_um
    except morphio.MorphioError:  # it has none of a contour
        return None, len(sections), length_um


def of_neurom(path: str) -> tuple[float | None, int, float]:
    import neurom

    cell = neurom.load_morphology(path)
    return float(cell.soma.area), len(list(neurom.iter_sections(cell))), float(sum(neurom.get("section_lengths", cell)))


def of_arbor(path: str) -> tuple[float | None, int, float]:
    import arbor

    loaded = arbor.load_swc_neuron(path) if path.endswith(".swc") else arbor.load_asc(path)
    tree, area_um2, length_um, sections = loaded.morphology, 0.0, 0.0, 0
    for branch in range(tree.num_branches):
        pieces = tree.branch_segments(branch)
        sections += any(piece.tag != 1 for piece in pieces)
        for piece in pieces:
            near, far = piece.prox, piece.dist
            long_um = math.dist((near.x, near.y, near.z), (far.x, far.y, far.z))
            if piece.tag == 1:
                area_um2 += math.pi * (near.radius + far.radius) * math.hypot(long_um, near.radius - far.radius)
            else:
                length_um += long_um
    return area_um2, sections, length_um


def _of_sections(soma: list, dendrites: list) -> tuple[float | None, int, float]:
    area_um2 = sum(segment.area() for section in soma for segment in section)
    return area_um2, len(dendrites), sum(section.L for section in dendrites)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if len(sys.argv) > 1:
        print(json.dumps(globals()[f"of_{sys.argv[1].lower()}"](sys.argv[2])))
    else:
        main()
