#!/usr/bin/env bash
# Guess: a number in NMODL means the same wherever it stands, since all of NEURON is in double precision.
# What happens: NEURON 9.0.2 keeps six digits of the default of a PARAMETER, all digits in UNITS, CONSTANT and expressions.
#   Its translator for CoreNEURON cuts CONSTANT to six digits as well, so the two engines integrate other equations.
# Why it matters here: a temperature factor 2.952882641412121 became 2.95288. Our default cell then parted from its
#   published template, which calculates the factor in an expression, by 0.9 mV in 3 s; now it is 6e-9 mV, with the factor in
#   UNITS (simulate/mechanisms/*.mod).
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check neuron==9.0.2

mkdir mod
cat >mod/Digits.mod <<'END'
NEURON { THREADSAFE SUFFIX Digits RANGE by_range, of_units, of_global, of_constant, of_expression }
UNITS { in_units = 2.952882641412121 (1) }
CONSTANT { in_constant = 2.952882641412121 }
PARAMETER { by_range = 2.952882641412121 by_global = 2.952882641412121 }
ASSIGNED { of_units of_global of_constant of_expression }
INITIAL {
    of_units = in_units
    of_global = by_global
    of_constant = in_constant
    of_expression = 2.952882641412121
}
END
venv/bin/nrnivmodl -coreneuron mod >log 2>&1 || { tail -5 log && exit 1; }
cat >digits.py <<'END'
from neuron import h

section = h.Section()
section.insert("Digits")
names = ("by_range", "of_global", "of_units", "of_constant", "of_expression")
h.finitialize()
print(*(f"{name}={getattr(section(0.5).Digits, name)!r}" for name in names))
END

expect() {
    echo "$1: $2"
    [ "$2" = "$3" ] || { echo "it was: $3" && exit 1; }
}
whole=2.952882641412121
expect NEURON "$(venv/bin/python digits.py 2>/dev/null)" \
    "by_range=2.95288 of_global=2.95288 of_units=$whole of_constant=$whole of_expression=$whole"
generated=$(grep -oE '(in_constant|by_global)\{[0-9.]+\}|in_units = [0-9.]+' "$(uname -m)/corenrn/mod2c/Digits.cpp" | sort | tr '\n' ' ')
expect "generated for CoreNEURON" "$generated" "by_global{2.95288} in_constant{2.95288} in_units = $whole "
