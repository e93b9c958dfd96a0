#!/usr/bin/env bash
# Guess: TITLE of an NMODL file is free text, as it has always been; whatever stands in it cannot matter.
# What happens: NEURON 9.0.2 copies it between double quotes into C++. With quotes of its own that is no string any more, and
#   a compiler's message about a literal operator is all that one is told. Without quotes the same file compiles.
# Why it matters here: NMODL comes from many hands, titles with it; what is reported is a line of C++ that nobody wrote.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check neuron==9.0.2

expect() { # title, what happens
    rm -rf mod "$(uname -m)" && mkdir mod
    printf 'TITLE %s\n' "$1" >mod/Leak.mod
    cat >>mod/Leak.mod <<'END_OF_MOD'
NEURON { SUFFIX Leak NONSPECIFIC_CURRENT i RANGE g }
PARAMETER { g = 1e-4 (siemens/cm2) }
ASSIGNED { v (millivolt) i (milliamp/cm2) }
BREAKPOINT { i = g * (v + 70) }
END_OF_MOD
    if venv/bin/nrnivmodl mod >log 2>&1; then found=compiles; else found="$(grep -c 'error: .*literal' log) error"; fi
    echo "TITLE $1: $found"
    [ "$found" = "$2" ] || { echo "it was: $2" && exit 1; }
}
expect 'A quick channel' compiles
expect 'A "quick" channel' "1 error"
