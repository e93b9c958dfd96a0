#!/usr/bin/env bash
# Guess: METHOD cnexp on an equation that is not linear in its state, x' = 1 - x*x, is refused, or solved by another method.
# What happens: NEURON 9.0.2's nocmodl translates it without a word, and x stays where it began: 0 after 2 ms, where the
#   solution is tanh(2) = 0.9640. The same file with METHOD derivimplicit is right.
# Why it matters here: a surrogate would be fitted to a channel that never opens; such a file is refused on every engine.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check neuron==9.0.2
mkdir mod
for method in cnexp derivimplicit; do
    cat >"mod/Square_$method.mod" <<END_OF_MOD
NEURON { SUFFIX Square_$method }
UNITS { (mV) = (millivolt) }
STATE { x }
INITIAL { x = 0 }
BREAKPOINT { SOLVE states METHOD $method }
DERIVATIVE states { x' = 1 - x*x }
END_OF_MOD
done
venv/bin/nrnivmodl mod >log 2>&1
! grep -i "square_cnexp.*\(warning\|error\|linear\)" log
cat >run.py <<'END_OF_RUN'
from neuron import h

soma = h.Section(name="soma")
soma.insert("Square_cnexp"), soma.insert("Square_derivimplicit")
h.dt = 0.025
h.finitialize(-65)
while h.t < 2 - h.dt / 2:
    h.fadvance()
print(f"cnexp {soma(0.5).Square_cnexp.x:.4f} derivimplicit {soma(0.5).Square_derivimplicit.x:.4f}")
END_OF_RUN
found=$(NEURON_MODULE_OPTIONS=-nogui venv/bin/python run.py)
echo "$found"
python3 - "$found" <<'END_OF_CHECK'
import math, sys

_, cnexp, _, implicit = sys.argv[1].split()
assert abs(float(implicit) - math.tanh(2)) < 5e-3, "derivimplicit is no longer right"
assert float(cnexp) == 0.0, "cnexp no longer leaves it where it was"
END_OF_CHECK
