#!/usr/bin/env bash
# Guess: with secondorder = 2 (Crank-Nicolson) a state that METHOD cnexp solves decays as it does with secondorder = 0, since
#   cnexp is exact either way; it does so in a file of its own.
# What happens: where another block of the same file is solved by METHOD sparse, NEURON 9.0.2's nocmodl halves dt for all
#   blocks of the mechanism while they are solved, and goes on the second half of the step for that method's states alone. The
#   state that cnexp solves takes half of each step: it decays at half of its rate. No word is said.
# Why it matters here: an engine that solves what the file says differs from NEURON by tenths of a mV; the choice of order changes
#   not how exact such a model is, but which model it is.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check neuron==9.0.2
mkdir mod
cat >mod/Alone.mod <<'END_OF_MOD'
NEURON { SUFFIX Alone }
STATE { x }
INITIAL { x = 1 }
BREAKPOINT { SOLVE decay METHOD cnexp }
DERIVATIVE decay { x' = -x / 10 }
END_OF_MOD
cat >mod/Beside.mod <<'END_OF_MOD'
NEURON { SUFFIX Beside RANGE rate }
PARAMETER { rate = 0.1 (/ms) }
STATE { x p q }
INITIAL { x = 1 p = 1 q = 0 }
BREAKPOINT {
    SOLVE decay METHOD cnexp
    SOLVE other METHOD sparse
}
DERIVATIVE decay { x' = -x / 10 }
KINETIC other { ~ p <-> q (rate, 0) CONSERVE p + q = 1 }
END_OF_MOD
venv/bin/nrnivmodl mod >log 2>&1
cat >run.py <<'END_OF_RUN'
from neuron import h

soma = h.Section(name="soma")
soma.insert("Alone"), soma.insert("Beside")
h.dt = 0.025
for order in (0, 2):
    h.secondorder = order
    h.finitialize(-65)
    while h.t < 10 - h.dt / 2:
        h.fadvance()
    here = soma(0.5)
    print(f"secondorder {order}: x alone {here.Alone.x:.4f} beside {here.Beside.x:.4f} p {here.Beside.p:.4f}")
END_OF_RUN
found=$(NEURON_MODULE_OPTIONS=-nogui venv/bin/python run.py)
echo "$found"
python3 - "$found" <<'END_OF_CHECK'
import math, re, sys

first, second = ([float(number) for number in re.findall(r"\d\.\d+", line)] for line in sys.argv[1].splitlines())
whole, half = math.exp(-1), math.exp(-0.5)
print(f"after 10 ms of a time constant of 10 ms: exactly {whole:.4f}; at half of the rate {half:.4f}")
assert all(abs(number - whole) < 1e-3 for number in first), "in first order something else is solved"
alone, beside, p = second
assert abs(alone - whole) < 1e-3 and abs(p - whole) < 1e-3, "in second order something else is solved"
assert abs(beside - half) < 1e-3, "the state beside the scheme no longer takes half a step"
END_OF_CHECK
