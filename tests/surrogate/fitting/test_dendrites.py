"""Dendritic components are those of scikit-learn's whitened PCA, clipped as published."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from apical.simulate import schema
from apical.simulate.schema import InputError
from apical.surrogate.fitting.dendrites import DendriteComponents, fit_components


def test_components_are_those_of_scikit_learn(make_dendrites, tmp_path):
    ds = schema.open_dataset(make_dendrites(n_trials=4))
    components = fit_components([(ds, np.array([0, 2, 3]))], n_components=4)
    clipped_btn = np.minimum(ds.dendrite_v_mv.values.astype("f8"), 2.0).transpose(0, 2, 1)
    assert (ds.dendrite_v_mv > 2.0).any()
    theirs = PCA(n_components=4, whiten=True).fit(np.concatenate(clipped_btn[[0, 2, 3]]))
    expected = np.clip(theirs.transform(clipped_btn[1]), -3, 3)
    ours = components.project(ds.dendrite_v_mv.values[1])
    flipped = np.sign((ours * expected).sum(0))  # a component's sign is free
    np.testing.assert_allclose(ours * flipped, expected, atol=2e-4)
    assert np.abs(ours).max() == 3.0

    (tmp_path / "dendrites.safetensors").write_bytes(components.to_bytes())
    again = DendriteComponents.load(tmp_path / "dendrites.safetensors")
    assert (again.project(ds.dendrite_v_mv.values[1]) == ours).all()


def test_more_components_than_the_voltages_have(make_dendrites):
    ds = schema.open_dataset(make_dendrites(noise_mv=0.0, n_signals=2, n_trials=3))
    # clipping at +2 mV adds dimensions, so take trials that stay below
    ds["dendrite_v_mv"] = (ds.dendrite_v_mv.dims, ds.dendrite_v_mv.values - 200)
    with pytest.raises(InputError, match="dendrite_components is 5: these trials have 2 independent ones"):
        fit_components([(ds, np.array([0]))], n_components=5)


def test_no_dendritic_voltages(make_dataset):
    with pytest.raises(InputError, match="has no variable 'dendrite_v_mv'"):
        fit_components([(schema.open_dataset(make_dataset()), np.array([0]))], n_components=2)


def test_voltages_of_some_segments_only(make_dendrites):
    ds = schema.open_dataset(make_dendrites(n_trials=3))
    v_mv = ds.dendrite_v_mv.values
    v_mv[:, 2] = np.nan
    ds["dendrite_v_mv"] = (ds.dendrite_v_mv.dims, v_mv)
    with pytest.raises(InputError, match="lacks the voltage of some segments: simulate with --set"):
        fit_components([(ds, np.array([0, 1]))], n_components=2)
