#!/usr/bin/env bash
# Guess: one morphology file gives one geometry, whether NEURON's Import3d makes the sections of a hoc template or of a
#   Python object.
# What happens: NEURON 9.0.2 hands points over to a template as text of eight digits, to a Python object whole. The points
#   of a soma drawn as a contour are calculated, so their last bits differ, and with them the soma's area.
# Why it matters here: published models are templates. An area that differs in the ninth digit is enough for spikes to part
#   by 0.8 mV in 3 s; cells now get points as a template does, and are bit for bit the published one
#   (simulate/cell/reading/importer.py).
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check neuron==9.0.2

cat >cell.asc <<'END'
("CellBody" (CellBody)
 (-4.18 13.03 0 0) (-6.69 8.44 0 0) (-7.02 4.94 0 0) (-6.24 -0.17 0 0) (-5.22 -3.24 0 0) (-4.1 -9.49 0 0)
 (0.54 -14.19 0 0) (6.43 -10.96 0 0) (11.38 -5.55 0 0) (12.8 0.67 0 0) (6.98 9.89 0 0) (1.6 15.09 0 0))
((Dendrite) (0 15 0 2) (0 60 0 2) (0 120 0 1))
END
cat >area.py <<'END'
from neuron import h

h.load_file("stdlib.hoc")
h.load_file("import3d.hoc")
h("""
begintemplate Cell
public soma, dend, all, somatic, axonal, basal
create soma[1], dend[1]
objref all, somatic, axonal, basal
proc init() {
    forall delete_section()
    all = new SectionList()
    somatic = new SectionList()
    axonal = new SectionList()
    basal = new SectionList()
}
endtemplate Cell
""")


class Python:
    pass


for cell in (h.Cell(), Python()):
    reader = h.Import3d_Neurolucida3()
    reader.quiet = 1
    reader.input("cell.asc")
    h.Import3d_GUI(reader, False).instantiate(cell)
    print("template:" if str(cell).startswith("Cell[") else "Python object:", *(repr(section[0](0.5).area()) for section in (cell.soma, cell.dend)))
END
found=$(venv/bin/python area.py 2>/dev/null)
echo "$found"
expected="template: 1363.6655938907707 565.4964949527689
Python object: 1363.665604262687 565.4964949527689"
[ "$found" = "$expected" ] || { echo "it was: $expected" && exit 1; }
