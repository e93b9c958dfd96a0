#!/usr/bin/env bash
# Guess: a STATE may have any name that is no keyword of NMODL; x, y and z are the first that come to mind.
# What happens: NEURON 9.0.2 makes of a state `name` a C++ variable `name0` for its initial value. For `y` that is y0, a Bessel
#   function of the C library, and the file does not compile; with x or z, or with the state called Y, it does.
# Why it matters here: of two states that differ in nothing but a letter one compiles; whoever writes a mechanism is told of
#   `y0` and a file of C++, neither of which he has written.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check neuron==9.0.2

expect() { # state, what happens
    rm -rf mod "$(uname -m)" && mkdir mod
    cat >mod/Grows.mod <<END_OF_MOD
NEURON { SUFFIX Grows RANGE tau }
PARAMETER { tau = 10 (ms) }
STATE { $1 }
INITIAL { $1 = 0 }
BREAKPOINT { SOLVE states METHOD cnexp }
DERIVATIVE states { $1' = (1 - $1) / tau }
END_OF_MOD
    if venv/bin/nrnivmodl mod >log 2>&1; then found=compiles; else found="error at $(grep -om1 "double y0(double)" log)"; fi
    echo "STATE { $1 }: $found"
    [ "$found" = "$2" ] || { echo "it was: $2" && exit 1; }
}
expect x compiles
expect Y compiles
expect y "error at double y0(double)"
