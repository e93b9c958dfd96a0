"""Trials of one store by several engines: allowed where they solve the same equations, and said of each trial."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

from apical.simulate import presets, schema
from apical.simulate.config import Simulation
from apical.simulate.engine.interface import Integration
from apical.simulate.run import dataset, engine_choice
from apical.simulate.schema import InputError


@pytest.fixture(scope="module")
def chosen(lasting_swc) -> Simulation:
    """A configuration that runs in a moment, with the engine left open: 26 segments, 100 ms."""
    return presets.nmda().model_copy(update={"morphology": str(lasting_swc), "seconds": 0.1, "seed": 5})


@pytest.fixture(scope="module")
def made(chosen, tmp_path_factory):
    """A store of one trial by CoreNEURON, which tests look at only."""
    return dataset.simulate(of("coreneuron", chosen), tmp_path_factory.mktemp("engines") / "a.zarr", 1)


def of(engine: str, chosen: Simulation, **fields: object) -> Simulation:
    return chosen.model_copy(update={"integration": Integration.model_validate({"engine": engine} | fields)})


def sources(path) -> list[str]:
    return schema.read(schema.open_dataset(path, complete=False), "source_file").tolist()


def test_the_number_of_trials_counts(chosen):
    for trials, engine in ((1, "coreneuron"), (2.5, "coreneuron"), (3, "batched"), (100, "batched")):
        assert engine_choice.resolved(chosen, trials=trials)[0].integration.engine == engine
    assert engine_choice.resolved(of("neuron", chosen), trials=100)[0].integration.engine == "neuron"


def test_an_id_does_not_know_that_the_default_was_another(chosen):
    """As ids were made when CoreNEURON was the default, and left out of them; other engines count."""
    from apical.simulate.cell import morphologies

    morphology = morphologies.resolve(chosen.morphology)
    assert of("coreneuron", chosen).dataset_id(morphology) == chosen.dataset_id(morphology)
    assert of("batched", chosen).dataset_id(morphology) != chosen.dataset_id(morphology)


@pytest.mark.slow
def test_another_engine_appends_and_each_trial_says_its_own(chosen, tmp_path):
    """Voltages of trials 2 and 3 are those of their own engine, to the bit, and differ by less than engines may."""
    path = dataset.simulate(of("coreneuron", chosen), tmp_path / "a.zarr", 2)
    dataset.simulate(of("batched", chosen), path, 2, append=True)
    assert sources(path) == ["nmda, seed 5, engine coreneuron"] * 2 + ["nmda, seed 5, engine batched"] * 2
    ds = schema.open_dataset(path)
    assert json.loads(ds.attrs["provenance"])["appended"][0]["integration"]["engine"] == "batched"
    alone = schema.open_dataset(dataset.simulate(of("batched", chosen), tmp_path / "b.zarr", 4))
    assert np.array_equal(ds.soma_v_mv[2:], alone.soma_v_mv[2:])
    assert 0 < np.abs(ds.soma_v_mv[:2] - alone.soma_v_mv[:2]).max() < 0.05
    before = np.array(ds.soma_v_mv)
    group = zarr.open_group(path, mode="r+")
    for trial in (1, 3):  # lost, one of each engine
        group["trial_status"].with_config({"write_empty_chunks": True})[trial] = schema.PENDING
    with pytest.raises(InputError, match=r"was begun with engine 'coreneuron', not 'neuron'; resume it with that"):
        dataset.simulate(of("neuron", chosen), path, resume=True)
    dataset.simulate(chosen, path, resume=True)
    assert np.array_equal(schema.open_dataset(path).soma_v_mv, before)


@pytest.mark.slow
def test_an_open_engine_is_that_of_the_store(chosen, tmp_path):
    path = dataset.simulate(of("coreneuron", chosen), tmp_path / "a.zarr", 1)
    dataset.simulate(chosen, path, 3, append=True)  # so many would be batched
    assert sources(path) == ["nmda, seed 5, engine coreneuron"] * 4


@pytest.mark.parametrize(
    "fields, said",
    [
        ({"dt_ms": 0.05}, r"integration.dt_ms 0.025, not 0.05"),
        ({"second_order": False}, r"integration.second_order True, not False"),
    ],
)
def test_what_differs_is_one_field_and_the_advice_destroys_nothing(chosen, made, fields, said):
    with pytest.raises(InputError, match=rf"made with other settings \({said}\); give those, or another path$"):
        dataset.simulate(of("batched", chosen, **fields), made, 1, append=True)


def test_another_parameter_set_is_named(chosen, made):
    other = of("coreneuron", chosen).model_copy(update={"biophysics": "hay2011"})
    with pytest.raises(InputError, match=r"\(biophysics bbp2015, not hay2011\); give those, or another path$"):
        dataset.simulate(other, made, 1, append=True)
