#!/usr/bin/env bash
# Guess: mypy finds the module that Python finds.
# What happens: where `shapes.py` and a folder `shapes/` of plain data files stand side by side, Python imports shapes.py,
#   since a regular module comes before a namespace package (PEP 420). mypy 2.4.1 takes the folder, as a package with
#   nothing in it, and says of every use that the "Module has no attribute"; but only while the outermost package has no
#   __init__.py: with one the same tree passes. (Reported: python/mypy 13663, open.)
# Why it matters here: the package apical is put together from folders of the repository, so mypy sees it as a namespace
#   package, and data files lie in folders beside the modules that read them: cell/morphologies.py could not have its
#   files in cell/morphologies/. They are in cell/reconstructions/.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check mypy==2.4.1

mkdir -p top/inner/shapes
echo 'SIDES = {"square": 4}' >top/inner/shapes.py
echo 'from . import shapes

print(shapes.SIDES)' >top/inner/use.py
echo 'a square' >top/inner/shapes/square.txt
touch top/inner/__init__.py

expect() {
    echo "$1"
    [ "$1" = "$2" ] || { echo "it was: $2" && exit 1; }
}
expect "$(venv/bin/python -m top.inner.use)" "{'square': 4}"
expect "$(venv/bin/mypy -p top.inner | head -1)" 'top/inner/use.py:3: error: Module has no attribute "SIDES"  [attr-defined]'
touch top/__init__.py
expect "$(venv/bin/mypy -p top | tail -1)" "Success: no issues found in 4 source files"
