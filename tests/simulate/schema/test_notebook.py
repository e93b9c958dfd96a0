"""In a notebook's kernel a long call shows a bar below its cell, and nothing in red; elsewhere neither."""

from __future__ import annotations

import re

import pytest

from apical.simulate.schema import notebook

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

BAR = """
from apical.simulate.mechanisms.library import announce
from apical.simulate.schema.notebook import Bar

show = Bar("Simulating")
with announce("Compiling"):
    show(1, 4)
    show(2.4, 4)
    show(4, 4)
"""
SIMULATION = """
from apical.simulate import preset, simulate

config = preset("lif").model_copy(update={"seconds": 0.5})
simulate(config, "a.zarr", 3)
simulate(config, "b.zarr", 1, report=lambda progress: print(progress.done))
"""
FIT = """
from apical.surrogate import Surrogate, fit, predict, quick

config = quick("elm", 3, steps=4, batch=2, validate_every=4)
fit(config, "truth.zarr", "run", device="cpu")
predict(Surrogate.load("run"), "truth.zarr", "prediction.zarr", device="cpu")
fit(config, "truth.zarr", "reported", device="cpu", report=lambda progress: None)
"""


@pytest.fixture
def run(tmp_path):
    """A function that runs code as a notebook's cell and returns its outputs."""

    def execute(code):
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbclient.NotebookClient(made, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
        return made.cells[0].outputs

    return execute


def test_a_bar_in_a_kernel(run):
    waited, bar = run(BAR)
    assert waited["data"] == {"text/plain": "", "text/html": ""}
    assert bar["data"]["text/plain"] == "Simulating: 4 of 4 trials in 0:00:00"
    assert '<progress max="4" value="4"></progress>' in bar["data"]["text/html"]


@pytest.mark.slow
def test_a_simulation_shows_its_trials_and_nothing_in_red(run):
    outputs = run(SIMULATION)
    assert [each.get("name") for each in outputs if each.output_type == "stream"] == ["stdout"]
    bars = [each["data"]["text/plain"] for each in outputs if "text/html" in each.get("data", {})]
    assert len(bars) == 1 and bars[0].startswith("Simulating: 3 of 3 trials in 0:00:")


@pytest.mark.slow
def test_a_fit_shows_its_steps_and_a_prediction_its_trials(run, make_dataset):
    make_dataset(seed=1)
    outputs = run(FIT)
    assert not [each for each in outputs if each.output_type == "stream"]
    fitted, predicted = (each["data"]["text/plain"] for each in outputs if "text/html" in each.get("data", {}))
    assert re.fullmatch(r"Fitting elm 3: 4 of 4 steps in 0:00:\d\d, loss \d.*  val \d.* mV  AUC \d.*", fitted)
    assert re.fullmatch(r"Predicting with elm-3: (\d) of \1 trials in 0:00:\d\d", predicted)


def test_no_kernel_here(capsys):
    from apical.simulate.mechanisms.library import announce

    assert not notebook.in_notebook()
    with announce("Compiling"):
        pass
    assert capsys.readouterr().err == "Compiling …\n"
