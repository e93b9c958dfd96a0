"""Each construct of NMODL that is taken, in a made-up mechanism of its own: the same voltages as plain NEURON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("constructs.py")
NAMES = sorted(file.stem for file in SCRIPT.with_suffix("").glob("*.mod") if file.stem != "MadeCalcium")


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, list[float]]:
    folder = tmp_path_factory.mktemp("constructs")
    done = subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_the_same_voltages_as_neuron(found, name, order):
    """NEURON takes dI/dv from a difference of 0.001 mV, and ends Newton's method at 1e-6 of what it solves for."""
    difference_mv, range_mv = found[f"{name}, order {order}"]
    assert range_mv > 20, "nothing moved, so nothing was tested"
    assert difference_mv < 1e-5
