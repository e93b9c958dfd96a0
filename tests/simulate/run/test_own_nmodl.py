"""A user's own NMODL is part of what a dataset is: by content, wherever the folder stands."""

from __future__ import annotations

import json
from contextlib import nullcontext
from unittest import mock

import pytest
import xarray as xr

from apical.simulate import preset
from apical.simulate.cell import morphologies
from apical.simulate.engine.interface import Integration, Together
from apical.simulate.run import dataset
from apical.simulate.run.preparation import other_nmodl
from apical.simulate.run.provenance import provenance
from apical.simulate.schema import InputError

CHANNEL = """NEURON { SUFFIX %s NONSPECIFIC_CURRENT i RANGE g }
PARAMETER { g = 1e-4 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) }
BREAKPOINT { i = g * (v + 70) }
"""
CELL = """name = "own channel"
source = "made up"
reconstructed_axon = "remove"
[all]
Ra = 100
cm = 1
[soma]
Leak.g = 1e-4
[apical]
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "mod").mkdir()
    (tmp_path / "mod" / "leak.mod").write_text(CHANNEL % "Leak")
    (tmp_path / "cell.toml").write_text(CELL)
    own = {"biophysics": str(tmp_path / "cell.toml"), "mechanisms": str(tmp_path / "mod")}
    return preset("ball-and-stick").model_copy(update=own)


def test_the_id_follows_the_content_not_the_place(config, tmp_path):
    morphology = morphologies.resolve("ball-and-stick")
    before = config.dataset_id(morphology)
    (tmp_path / "mod" / "unused.mod").write_text(CHANNEL % "Other")
    (tmp_path / "mod" / "leak.mod").rename(tmp_path / "mod" / "renamed.mod")
    (tmp_path / "mod").rename(tmp_path / "moved")
    moved = config.model_copy(update={"mechanisms": str(tmp_path / "moved")})
    assert moved.dataset_id(morphology) == before
    (tmp_path / "moved" / "renamed.mod").write_text(CHANNEL.replace("70", "71") % "Leak")
    assert moved.dataset_id(morphology) != before


def test_a_dataset_keeps_the_text_and_says_what_is_another(config, tmp_path):
    made = provenance(morphologies.resolve("ball-and-stick"), config)
    assert made["biophysics"]["nmodl"] == {"Leak": {"file": "leak.mod", "text": CHANNEL % "Leak"}}
    ds = xr.Dataset(attrs={"provenance": json.dumps(made)})
    assert other_nmodl(ds, config) == []
    (tmp_path / "mod" / "leak.mod").write_text(CHANNEL.replace("70", "71") % "Leak")
    assert other_nmodl(ds, config) == ["another content of leak.mod"]
    (tmp_path / "mod" / "leak.mod").write_text(CHANNEL % "Leak2")
    (tmp_path / "cell.toml").write_text(CELL.replace("Leak.g", "Leak2.g"))
    assert other_nmodl(ds, config) == ["with leak.mod, which is not used now", "without leak.mod"]


def test_what_batched_passes_over_is_said_once(config, tmp_path, monkeypatch):
    """Before the first trial; nothing is compiled here."""
    idle = "VERBATIM\nENDVERBATIM\n"
    (tmp_path / "mod" / "leak.mod").write_text((CHANNEL % "Leak").replace("BREAKPOINT { ", "BREAKPOINT { " + idle))
    monkeypatch.setattr(dataset.compiling, "compiled", lambda *_: None)
    monkeypatch.setattr(dataset, "connected", lambda *_: nullcontext(mock.Mock()))
    monkeypatch.setattr(dataset, "trials_together", lambda *_: Together(1))
    monkeypatch.setattr(dataset.preparation, "create", mock.Mock(side_effect=InputError("far enough")))
    said: list[str] = []
    chosen = config.model_copy(update={"integration": Integration(engine="batched")})
    with pytest.raises(InputError, match="far enough"):
        dataset.simulate(chosen, tmp_path / "none.zarr", 1, note=said.append)
    assert said == [
        "leak.mod, line 4: a VERBATIM that does nothing is passed over",
        "engine batched on cpu: 1 trial side by side",
    ]
