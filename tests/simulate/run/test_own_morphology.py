"""How a user's morphology is understood is said before a run, and kept with the data, so that the cell can be drawn."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

from apical.simulate.cell import biophysics, morphologies
from apical.simulate.cell.outline import outline
from apical.simulate.presets import preset
from apical.simulate.run.dataset import simulate
from apical.simulate.run.provenance import provenance
from apical.simulate.schema import InputError

OUTLINED = "".join(
    f"{at + 1} 1 {8 * np.cos(at * np.pi / 6):.3f} {8 * np.sin(at * np.pi / 6):.3f} 0 0.1 {at or -1}\n"
    for at in range(12)
)


@pytest.fixture
def files(tmp_path):
    """An outlined soma with a dendrite of type 7, and a parameter file that says what that is."""
    (tmp_path / "mine.swc").write_text(OUTLINED + "13 7 9 0 0 1 1\n14 7 69 0 0 1 13\n")
    text = biophysics.text_of("ball-and-stick").replace("[all]", 'types = { 7 = "apical" }\n[all]', 1)
    (tmp_path / "mine.toml").write_text(text)
    return {"morphology": str(tmp_path / "mine.swc"), "biophysics": str(tmp_path / "mine.toml")}


def test_what_is_made_of_an_outline_is_said(files, tmp_path):
    said = []
    with pytest.raises(InputError, match="no such dataset to resume"):  # said before, and no trial need run
        simulate(preset("ball-and-stick").model_copy(update=files), tmp_path / "none", resume=True, note=said.append)
    (line,) = said
    assert line.startswith(
        f"morphology {files['morphology']}: the 12 points of its soma are an outline, read as NEURON"
    )


def test_it_is_kept_and_the_cell_drawn_of_it(files):
    made = provenance(morphologies.resolve(files["morphology"]), preset("ball-and-stick").model_copy(update=files))
    assert "12 points of its soma are an outline" in made["morphology"]["remarks"][0]
    attrs = {"config": json.dumps({"morphology": files["morphology"]}), "provenance": json.dumps(made)}
    drawn = outline(xr.Dataset({"segment_length_um": ("segment", [20.0] * 3)}, attrs=attrs))
    assert drawn["x_um"].values[drawn["segment"].values >= 0].round(3).tolist() == [9, 29, 29, 49, 49, 69]
