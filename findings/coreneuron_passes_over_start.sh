#!/usr/bin/env bash
# Guess: `STATE { n START 0.3 }` lets n begin at 0.3 wherever its file is compiled for.
# What happens: NEURON 9.0.2's own translator says so in its C++ (`n0 = 0.3`); the one for CoreNEURON, `nmodl`, leaves the number
#   out, and n begins at 0 where CoreNEURON initialises a model by itself. With a line in INITIAL both begin at 0.3. Within
#   NEURON nobody sees it, since NEURON hands its own initial values over.
# Why it matters here: whoever generates code from NMODL and takes either translator as the reference gets another cell; ours
#   began such states at 0 as well.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check neuron==9.0.2

cat >written.py <<'END_OF_PYTHON'
from neuron import h

h.load_file("stdrun.hoc")
h.cvode.cache_efficient(1)
cell = h.Section(name="cell")
cell.L = cell.diam = 10
for mechanism in ("hh", "Begins"):
    cell.insert(mechanism)
context, spikes = h.ParallelContext(), (h.Vector(), h.Vector())
context.set_gid2node(1, 0)
detector = h.NetCon(cell(0.5)._ref_v, None, sec=cell)
detector.threshold = -20
context.cell(1, detector)
context.spike_record(-1, *spikes)
context.set_maxstep(10)
h.finitialize(-65)
context.nrnbbcore_write("written")
context.psolve(50)
print("spikes:", len(spikes[0]))
END_OF_PYTHON

expect() { # STATE, INITIAL, spikes in NEURON, in CoreNEURON by itself
    rm -rf mod "$(uname -m)" written out.dat && mkdir mod
    cat >mod/Begins.mod <<END_OF_MOD
NEURON { THREADSAFE SUFFIX Begins NONSPECIFIC_CURRENT i }
ASSIGNED { v (mV) i (mA/cm2) }
STATE { $1 }
INITIAL { $2 }
BREAKPOINT { SOLVE states METHOD cnexp i = -n }
DERIVATIVE states { n' = -n / 1000 }
END_OF_MOD
    venv/bin/nrnivmodl -coreneuron mod >log 2>&1 || { tail -5 log && exit 1; }
    found="$(venv/bin/python written.py 2>/dev/null | grep -o 'spikes: .*')"
    found="$found and $("$(uname -m)"/special-core -d written -e 50 --voltage -65 2>/dev/null | sed -n 's/^ *Number of spikes: *//p')"
    echo "STATE { $1 } INITIAL { $2 }: $found"
    [ "$found" = "$3" ] || { echo "it was: $3" && exit 1; }
}
expect 'n' 'n = 0.3' "spikes: 1 and 1"
expect 'n START 0.3' '' "spikes: 1 and 0"
