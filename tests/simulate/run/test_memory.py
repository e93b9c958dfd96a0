"""A worker takes no more memory for its hundredth trial than for its tenth."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

TRIALS = 32

MEASURED = """
import json, re, sys
from pathlib import Path
from apical.simulate import presets
from apical.simulate.cell import morphologies
from apical.simulate.run import preparation, store, worker

def resident_mb():
    return int(re.search(r"VmRSS:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

out, trials = Path(sys.argv[1]), int(sys.argv[2])
cell = presets.preset("ball-and-stick")
preparation.create(out, cell, morphologies.resolve(cell.morphology), trials, worker.describe(cell))
held_mb = []
for trial in range(trials):
    worker.simulate_trials(cell, str(out), store.dataset_id(out), [(trial, trial)])
    held_mb.append(resident_mb())
print(json.dumps(held_mb))
"""


@pytest.mark.slow
def test_memory_stays_flat_with_the_number_of_trials(tmp_path):
    """Queued events that CoreNEURON took over were lost to NEURON's pool: 1 MB a trial of this small cell."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, tmp_path / "out.zarr", str(TRIALS)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536"},  # what is freed is given back
    )
    held_mb = json.loads(done.stdout.splitlines()[-1])
    assert held_mb[-1] - held_mb[8] < 8, held_mb
