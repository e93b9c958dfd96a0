#!/usr/bin/env bash
# Guess: lazy_loader.attach_stub gives a package the names that its stub gives it, so that one list serves people, type
#   checkers and Python.
# What happens: lazy_loader 0.6 does not look at what stands behind `as`. With `from .many import sweep as run_sweep` in
#   __init__.pyi a type checker knows `run_sweep` alone, and Python `sweep` alone: what type-checks does not run, and a
#   name runs that no list shows. Nothing is said when the stub is read.
# Why it matters here: the __init__.pyi of a stage is the list of its public names. A function whose name in its room is
#   not the public one has to be renamed where it is defined, as save_figure of analysis/style.py was;
#   tests/test_layout.py opens every name of every front door.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check lazy_loader==0.6 mypy==2.4.1

mkdir stage
echo 'def sweep() -> int:
    return 1' >stage/many.py
echo 'import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)' >stage/__init__.py
echo 'from .many import sweep as run_sweep

__all__ = ["run_sweep"]' >stage/__init__.pyi

expect() {
    echo "$1"
    [ "$1" = "$2" ] || { echo "it was: $2" && exit 1; }
}
expect "$(venv/bin/mypy -c 'from stage import run_sweep; run_sweep()')" "Success: no issues found in 1 source file"
expect "$(venv/bin/python -c 'from stage import run_sweep' 2>&1 | tail -1 | sed 's/ (.*//')" \
    "ImportError: cannot import name 'run_sweep' from 'stage'"
expect "$(venv/bin/mypy -c 'from stage import sweep' | head -1)" \
    '<string>:1: error: Module "stage" has no attribute "sweep"  [attr-defined]'
expect "$(venv/bin/python -c 'import stage; print(stage.__all__, stage.sweep())')" "['sweep'] 1"
