#!/usr/bin/env bash
# Guess: a dendrite of a single point that hangs on the soma is as long as the way from the soma to that point.
# What happens: MorphIO 3.5.0 reads it without a word as a section of one point, so NeuroM 4.0.6 says that it is 0 um long.
#   NEURON 9.0.2 makes a dendrite of 110 um of the same file. Of a branch of a single point further out all have the length.
# Why it matters here: short stubs of one point are common in SWC files. Lengths that are compared between readers, and
#   checks by MorphIO or NeuroM of what NEURON simulates, differ by them (docs/cell.md, what readers disagree on).
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check neuron==9.0.2 morphio==3.5.0 neurom==4.0.6

cat >cell.swc <<'END'
1 1 0 0 0 10 -1
2 3 0 110 0 1 1
END
cat >lengths.py <<'END'
import morphio
import neurom
from neuron import h

h.load_file("stdlib.hoc")
h.load_file("import3d.hoc")
reader = h.Import3d_SWC_read()
reader.input("cell.swc")
h.Import3d_GUI(reader, False).instantiate(None)
in_neuron = sum(section.L for section in h.allsec() if "dend" in section.name())
points = [len(section.points) for section in morphio.Morphology("cell.swc").iter()]
in_neurom = sum(neurom.get("section_lengths", neurom.load_morphology("cell.swc")))
print(f"points {points}, NeuroM {in_neurom:.0f} um, NEURON {in_neuron:.0f} um")
END
venv/bin/python lengths.py | tee found.txt
# Seen on 2026-11-29: points [1], NeuroM 0 um, NEURON 110 um
grep -qx "points \[1\], NeuroM 0 um, NEURON 110 um" found.txt
