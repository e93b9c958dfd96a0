"""An input range for a tree that the neuron lacks is refused, where it was given and not a preset's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from apical.simulate.changes import configured
from apical.simulate.run import preparation, worker
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
