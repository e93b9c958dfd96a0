#!/usr/bin/env bash
# Guess: an array's index that is no whole number, a[x*2] with x = 1.5, is calculated and then cut: it is a[3].
# What happens: NEURON 9.0.2's nocmodl casts each variable in the index, a[((int) x) * 2], without a word: it is a[2].
#   Parentheses change nothing, nor where the factor stands: a[2*(x)] is a[2] too. With y = x*2 before, a[y] is a[3].
# Why it matters here: a synapse that looks up by the time since a pulse, twice per ms, was 2.4 mV beside NEURON, since
#   we cut the product. An index, and a loop's bound, is now reckoned with the whole part of each variable.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check neuron==9.0.2
mkdir mod
cat >mod/Indexed.mod <<'END_OF_MOD'
NEURON { SUFFIX Indexed RANGE x, inside, factor_first, before }
PARAMETER { x = 1.5 }
ASSIGNED { a[10] inside factor_first before }
INITIAL {
    LOCAL y
    FROM k = 0 TO 9 { a[k] = k }
    inside = a[x*2]
    factor_first = a[2*(x)]
    y = x*2
    before = a[y]
}
END_OF_MOD
venv/bin/nrnivmodl mod >log 2>&1
! grep -i "indexed.*\(warning\|error\|integer\)" log
cat >run.py <<'END_OF_RUN'
from neuron import h

soma = h.Section(name="soma")
soma.insert("Indexed")
h.finitialize(-65)
found = soma(0.5).Indexed
print(f"{found.inside:g} {found.factor_first:g} {found.before:g}")
END_OF_RUN
found=$(NEURON_MODULE_OPTIONS=-nogui venv/bin/python run.py)
echo "a[x*2] a[2*(x)] a[y]: $found"
test "$found" = "2 2 3"
