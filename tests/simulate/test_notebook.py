"""In a notebook's kernel a simulation shows a bar below its cell, and nothing in red; elsewhere neither."""

from __future__ import annotations

import pytest

from apical.simulate import notebook

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

BAR = """
from apical.simulate.mechanisms.library import announce
from apical.simulate.notebook import bar

with announce("Compiling"), bar("Simulating", 1, 4) as show:
    show(2.4, 4)
    show(4, 4)
"""
SIMULATION = """
from apical.simulate import preset, simulate

config = preset("lif").model_copy(update={"seconds": 0.5})
simulate(config, "a.zarr", 3)
simulate(config, "b.zarr", 1, report=lambda progress: print(progress.done))
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


def test_no_kernel_here(capsys):
    from apical.simulate.mechanisms.library import announce

    assert not notebook.in_notebook()
    with announce("Compiling"):
        pass
    assert capsys.readouterr().err == "Compiling …\n"
