"""Generated code computes what NEURON computes: on the shipped cells, with mechanisms of a test's own, on a cable."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from apical.simulate import presets
from apical.simulate.engine.interface import Integration
from apical.simulate.trial.experiment import Experiment

LARGEST_MV = 1e-3  # what is asked for; a 64-bit step agrees to 1e-8 mV
PLAIN = Integration(engine="neuron", fused=False)
EXACT = Integration(engine="batched", precision="float64")


def crossings(v_mv: np.ndarray, above_mv: float = -10.0) -> np.ndarray:
    return np.flatnonzero((v_mv[1:] > above_mv) & (v_mv[:-1] <= above_mv))


def compare(preset: str, morphology: str, trial: int, second_order: bool, spikes: int) -> None:
    """One second of input in plain NEURON and generated: the same spikes, to the step, and the same voltage."""
    chosen = presets.preset(preset).model_copy(update={"morphology": morphology, "seed": 1, "integration": PLAIN})
    experiment = Experiment(chosen)
    try:
        inputs = experiment.input_spikes(trial)[:, :1000]
        theirs, ours = (
            experiment.replay(inputs, way.model_copy(update={"second_order": second_order})) for way in (PLAIN, EXACT)
        )
    finally:
        experiment.close()
    assert np.array_equal(ours.time_ms, theirs.time_ms)
    assert len(crossings(theirs.v_mv)) >= spikes
    assert np.abs(crossings(ours.v_mv) - crossings(theirs.v_mv)).max() <= 1
    assert np.abs(ours.v_mv - theirs.v_mv).max() <= LARGEST_MV


@pytest.mark.parametrize("second_order", [True, False], ids=["second order", "first order"])
def test_ball_and_stick(second_order):
    compare("ball-and-stick", "ball-and-stick", 15, second_order, 6)


@pytest.mark.slow
@pytest.mark.parametrize("second_order", [True, False], ids=["second order", "first order"])
def test_hay2011(shared, second_order):
    compare("nmda", str(shared("data/hay2011/cell1.asc")), 5, second_order, 1)


@pytest.mark.slow
def test_ttpc1():
    compare("nmda-ttpc1", "ttpc1", 5, True, 2)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["utpc", "mc", "chc", "ngc"])  # one of each published model; all of them: docs/cell.md
def test_published_cells_on_all_engines(cell):
    """One second of the cell's own input, the first trial in which it spikes."""
    experiment = Experiment(presets.preset(f"nmda-{cell}").model_copy(update={"seed": 1, "integration": PLAIN}))
    try:
        for trial in range(24):
            inputs = experiment.input_spikes(trial)[:, :1000]
            ours = experiment.replay(inputs, EXACT)
            if len(crossings(ours.v_mv)):
                break
        others = [experiment.replay(inputs, PLAIN.model_copy(update={"engine": e})) for e in ("neuron", "coreneuron")]
    finally:
        experiment.close()
    assert len(crossings(ours.v_mv)), "no spike, so nothing was tested"
    for theirs in others:
        assert np.array_equal(crossings(ours.v_mv), crossings(theirs.v_mv))
        assert np.abs(ours.v_mv - theirs.v_mv).max() <= LARGEST_MV


def test_mechanisms_that_only_this_test_knows(tmp_path):
    """A current not linear in v, tables, procedures that solve, a synapse whose decay depends on v; built-ins."""
    script = Path(__file__).with_name("own_mechanism.py")
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for found in json.loads(done.stdout).values():
        assert found["largest_mv"] > 0 and found["spikes"] == [4, 4] and found["largest_shift_steps"] <= 1
        assert found["difference_mv"] <= LARGEST_MV
