"""Channels as ModelDB's files write them, compiled by NEURON and generated here, give the same voltages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_same_voltages_as_neuron(tmp_path):
    """Tables, procedures that solve, names that hide others, powers, constants of units, an electrode's ramp."""
    script = Path(__file__).with_name("modeldb_style.py")
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 2
    for each in found.values():
        assert each["largest_mv"] > 30, "no spike, so nothing was tested"
        assert each["difference_mv"] < 1e-4  # NEURON takes dI/dv from a difference of 0.001 mV
