"""The notebooks run from top to bottom, at their smallest size, each in a folder where nothing is there yet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext")
nbclient = pytest.importorskip("nbclient")

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.py"))


@pytest.fixture
def execute(monkeypatch):
    """Runs a notebook in a folder, in a kernel of this Python; returns its code cells with their outputs."""
    monkeypatch.setenv("APICAL_NOTEBOOK_TINY", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("http_proxy", "https_proxy", "all_proxy"):  # a closed door: the notebooks need no network
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    def run(path: Path, folder: Path) -> list:
        notebook = jupytext.read(path)
        nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": os.fspath(folder)}}).execute()
        return [cell for cell in notebook.cells if cell.cell_type == "code"]

    return run


def pictures(cells):
    return [output for cell in cells for output in cell.outputs if "image/png" in output.get("data", {})]


def shown(cells):
    return "".join(output.get("data", {}).get("text/plain", "") for cell in cells for output in cell.outputs)


def in_red(cells):
    return [output.text for cell in cells for output in cell.outputs if output.get("name") == "stderr"]


def printed(cells):
    return "".join(output.text for cell in cells for output in cell.outputs if output.output_type == "stream")


def test_these_are_the_notebooks():
    names = ["01_simulate", "02_fit", "03_compare", "04_look_inside", "05_long_horizon", "06_population"]
    assert [path.stem for path in NOTEBOOKS] == names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_text_form(path):
    """Jupytext opens it as a notebook for Python 3, and writes it back as it is."""
    notebook = jupytext.read(path)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.jupytext.formats == "py:percent"
    assert jupytext.writes(notebook, "py:percent").split("# ---\n", 2)[2] == path.read_text().split("# ---\n", 2)[2]
    assert notebook.cells[0].source.startswith("# ")


@pytest.mark.slow
def test_the_notebooks_in_order(execute, tmp_path):
    """They share a folder: the later ones take what the earlier ones made."""
    executed = [execute(path, tmp_path) for path in NOTEBOOKS]
    simulate, fit, *_ = executed
    assert [len(pictures(cells)) for cells in executed] == [1, 1, 2, 5, 2, 3]
    assert "Simulating: 4 of 4 trials" in shown(simulate)
    assert "elm 10: step 10 of 10" in printed(fit)
    assert [in_red(cells) for cells in executed] == [[]] * 6
    made = {path.name for path in (tmp_path / "notebook_data").iterdir()}
    assert {"truth.zarr", "truth.png", "runs", "predictions", "prediction.png", "scores.csv", "compare.png"} <= made


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS[1:], ids=lambda path: path.stem)
def test_a_later_notebook_alone(execute, tmp_path, path):
    assert pictures(execute(path, tmp_path))
