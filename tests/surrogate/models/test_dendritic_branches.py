"""Whole dendritic sections, neighbours together, become the branches of an ELM."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate.schema import UNKNOWN_TREE, InputError, open_dataset
from apical.surrogate.fitting.fit import fit
from apical.surrogate.fitting.recipe import FitConfig
from apical.surrogate.models.dendritic_branches import branches_of, together
from apical.surrogate.use.checkpoint import load_run


def test_neighbouring_sections_share_a_branch_by_hand():
    section_s = np.array([0, 0, 1, 2, 2, 3, 3, 3, 3, 3] * 2)  # excitatory inputs, then the same segments' inhibitory
    assert together(section_s, 2).tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1] * 2
    assert together(section_s, 1).max() == 0
    assert together(section_s, 4).tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 2, 2] * 2  # the longest fills two of the four


@pytest.mark.parametrize("n_branches", [1, 7, 45, 500])
def test_no_section_is_cut_and_branches_follow_the_cell(n_branches):
    section_s = np.sort(np.random.default_rng(0).integers(190, size=1278))
    branch_s = together(section_s, n_branches)
    assert set(branch_s) == set(range(branch_s.max() + 1)) and branch_s.max() < n_branches
    assert (np.diff(branch_s) >= 0).all()
    for section in np.unique(section_s):
        assert len(set(branch_s[section_s == section])) == 1


def test_a_fit_takes_the_branches_of_its_dataset(make_dataset, tmp_path):
    data = make_dataset()
    settings = {"steps": 2, "batch": 2, "window_ms": 60, "burn_in_ms": 10, "validate_every": 2}
    options = {"routing": "dendrites", "n_branches": 3}
    run = load_run(fit(FitConfig(family="elm", size=3, options=options, **settings), data, tmp_path / "run"))
    assert run.model.config.branch_of_input == branches_of(open_dataset(data), 3)
    assert run.model.config.n_branches == 3
    for wrong, message in ((0, "n_branches: Input should be greater than 0"), ("x", "n_branches: Input should be")):
        with pytest.raises(InputError, match=message):
            config = FitConfig(family="elm", size=3, options=options | {"n_branches": wrong}, **settings)
            fit(config, data, tmp_path / "wrong")


def test_data_that_do_not_tell_where_synapses_are(make_dataset):
    ds = open_dataset(make_dataset())
    untold = ds.assign_coords(segment_type=("segment", np.full(ds.sizes["segment"], UNKNOWN_TREE)))
    with pytest.raises(InputError, match="does not tell where its synapses are, so there is no routing by dendrites"):
        branches_of(untold, 3)
