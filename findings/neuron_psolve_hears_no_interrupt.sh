#!/usr/bin/env bash
# Guess: Ctrl-C during ParallelContext.psolve ends it soon, since NEURON and Python each handle SIGINT.
# What happens: with NEURON 9.0.2 the signal waits until the whole call returns, however long it integrates; only then
#   Python raises KeyboardInterrupt. A call for a second of a large cell looks like a program that does not listen.
# Why it matters here: a trial is integrated by such calls, in worker processes. Ctrl-C ends them by ending the process
#   (cli/interrupts.py) and does not wait for them; a plain `except KeyboardInterrupt` in the worker would come late.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check neuron==9.0.2

cat >long.py <<'END'
import os
import signal
import threading
import time

from neuron import h

h.load_file("stdrun.hoc")
sections = [h.Section(name=f"s{i}") for i in range(300)]
for section in sections:
    section.nseg = 11
    section.insert("hh")
pc = h.ParallelContext()
pc.set_maxstep(10)
h.finitialize(-65)
began = time.monotonic()
pc.psolve(20)
alone_s = (time.monotonic() - began) / 20  # of a ms

sent = []


def interrupt():
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)


until_ms = 20 + round(15 / alone_s)  # some fifteen seconds more
threading.Timer(1.0, interrupt).start()
try:
    pc.psolve(until_ms)
    time.sleep(1)
except KeyboardInterrupt:
    late_s = time.monotonic() - sent[0]
    print("reached the end:", abs(h.t - until_ms) < 1, "- over a second late:", late_s > 1)
END
found=$(venv/bin/python long.py)
echo "$found"
expected="reached the end: True - over a second late: True"
[ "$found" = "$expected" ] || { echo "it was: $expected" && exit 1; }
