#!/usr/bin/env bash
# Guess: a mechanism with two KINETIC blocks, each with its SOLVE … METHOD sparse, solves each on its own, as it would alone.
# What happens: NEURON 9.0.2's nocmodl writes the reactions of the first block into the matrix of both, so the first block's
#   states come out otherwise than in a file of their own: after 5 ms m is not what the same block gives alone. No word is said.
# Why it matters here: an engine that solves what the file says differs from NEURON, and is right; such a file is refused.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check neuron==9.0.2
mkdir mod
cat >mod/Alone.mod <<'END_OF_MOD'
NEURON { SUFFIX Alone RANGE rate }
PARAMETER { rate = 0.4 (/ms) }
STATE { m n }
INITIAL { m = 1 n = 0 }
BREAKPOINT { SOLVE first METHOD sparse }
KINETIC first { ~ m <-> n (rate, 0.2) CONSERVE m + n = 1 }
END_OF_MOD
cat >mod/Both.mod <<'END_OF_MOD'
NEURON { SUFFIX Both RANGE rate }
PARAMETER { rate = 0.4 (/ms) }
STATE { m n p q }
INITIAL { m = 1 n = 0 p = 1 q = 0 }
BREAKPOINT {
    SOLVE first METHOD sparse
    SOLVE second METHOD sparse
}
KINETIC first { ~ m <-> n (rate, 0.2) CONSERVE m + n = 1 }
KINETIC second { ~ p <-> q (0.1, 0.3) CONSERVE p + q = 1 }
END_OF_MOD
venv/bin/nrnivmodl mod >log 2>&1
cat >run.py <<'END_OF_RUN'
from neuron import h

soma = h.Section(name="soma")
soma.insert("Alone"), soma.insert("Both")
h.dt = 0.025
h.finitialize(-65)
while h.t < 5 - h.dt / 2:
    h.fadvance()
print(f"m alone {soma(0.5).Alone.m:.4f}, with a second block {soma(0.5).Both.m:.4f}")
END_OF_RUN
found=$(NEURON_MODULE_OPTIONS=-nogui venv/bin/python run.py)
echo "$found"
python3 - "$found" <<'END_OF_CHECK'
import math, sys

alone, both = (float(word.rstrip(",")) for word in sys.argv[1].split() if word[0].isdigit())
exact = 1 / 3 + 2 / 3 * math.exp(-0.6 * 5)  # of the first block
print(f"exactly {exact:.4f}")
assert abs(alone - exact) < 2e-3, "alone it is no longer right"
assert abs(both - exact) > 1e-2, "the blocks no longer disturb one another"
END_OF_CHECK
