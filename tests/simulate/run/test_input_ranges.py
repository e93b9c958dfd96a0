"""Input ranges: what published cells make of their presets'; one for a tree that is not there is refused where it was
given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from apical.simulate import preset, schema
from apical.simulate.changes import configured
from apical.simulate.run import dataset, preparation, worker
from apical.simulate.schema import InputError


@pytest.mark.parametrize(
    "words, said",
    [
        ([], ""),
        (["statistics.excitatory_apical=[0, 50]"], ""),
        (["statistics.excitatory_basal=[0, 0]"], ""),  # which says that there is none
        (["statistics.excitatory_basal=[0, 50]"], "statistics.excitatory_basal: given as (0, 50), but the cell has no"),
        (
            ["statistics.inhibitory_minus_excitatory_basal=[-9, 9]"],
            "statistics.inhibitory_minus_excitatory_basal: given as (-9, 9), but the cell has no basal dendrite",
        ),
    ],
)
def test_a_range_of_no_tree(tmp_path, words, said):
    config = configured("lif", words=["seconds=0.01", *words])
    whole = worker.describe(config)
    apical = whole.coordinates | {"segment_type": np.full(config.lif.segments, "apical")}
    preparation.create(tmp_path / "both.zarr", config, None, 1, whole)
    try:
        preparation.create(tmp_path / "new.zarr", config, None, 1, replace(whole, coordinates=apical))
    except InputError as error:
        assert said and str(error).startswith(said)
        assert not (tmp_path / "new.zarr").exists()
    else:
        assert said == ""


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["utpc", "mc", "chc", "ngc"])  # one of each published model; all of them: docs/cell.md
def test_the_preset_of_a_published_cell_makes_it_fire(cell, tmp_path):
    """A few trials of those that docs/cell.md has rates of: 0.5 to 5 Hz."""
    config = preset(f"nmda-{cell}")
    config = config.model_copy(update={"integration": config.integration.model_copy(update={"engine": "batched"})})
    ds = schema.open_dataset(dataset.simulate(config, tmp_path / "new.zarr", trials=8, workers=1))
    spikes = ds.output_spike_time_ms.notnull().sum().item()
    assert 0.5 <= spikes / (8 * config.seconds) <= 5
