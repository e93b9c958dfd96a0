#!/usr/bin/env bash
# Guess: when NEURON's Import3d_Neurolucida3 cannot read a morphology, Python gets an exception.
# What happens: NEURON 9.0.2 gives up without one. At a marker between two points of a branch, which Neurolucida writes,
#   the importer prints "parse error", raises nothing, and `instantiate` makes a cell without a single section.
# Why it matters here: nothing is raised, so "has no soma" was all that a user was told of a file with a soma. What the
#   importer prints is caught and quoted with the file's line (simulate/cell/reading/).
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check neuron==9.0.2

soma='("Cell Body" (CellBody) (-5 -5 0 1) (5 -5 0 1) (5 5 0 1) (-5 5 0 1))'
first='((Dendrite) (0 5 0 2) (0 30 0 2)'
second='((Apical) (5 0 0 2) (60 0 0 2) (90 0 0 2))'
printf '%s\n' "$soma" "$first (0 60 0 2))" "$second" >plain.asc
printf '%s\n' "$soma" "$first (Dot (Color Red) (1 30 0 1)) (0 60 0 2))" "$second" >marker.asc
cat >sections.py <<'END'
import sys
from neuron import h

h.load_file("stdlib.hoc")
h.load_file("import3d.hoc")


class Cell:
    pass


cell, reader = Cell(), h.Import3d_Neurolucida3()
reader.quiet = 1
reader.input(sys.argv[1])
h.Import3d_GUI(reader, False).instantiate(cell)
print("sections:", *sorted(section.name().split(".")[-1] for section in h.allsec()))
END

expect() {
    found=$(venv/bin/python sections.py "$1" 2>&1 | grep -e '^sections:' -e 'parse error' | sed 's/parse error.*/parse error/; s/.*parse error/parse error/' | sort -u | tr '\n' '|')
    echo "$1: $found"
    [ "$found" = "$2" ] || { echo "it was: $2" && exit 1; }
}
expect plain.asc "sections: apic[0] dend[0] soma[0]|"
expect marker.asc "parse error|sections:|"
