"""Simulated datasets: complete, reproducible trial by trial, resumable, and never written over by accident."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import zarr

from apical.cli.interrupts import SAID
from apical.simulate import presets, schema
from apical.simulate.engine.interface import Integration
from apical.simulate.run import dataset
from apical.simulate.schema import InputError
from apical.simulate.trial.experiment import Trial


@pytest.fixture
def small(swc):
    """A configuration that runs in a moment: 26 segments, 120 ms."""
    quick = {"morphology": str(swc()), "seconds": 0.12, "seed": 5, "integration": Integration(engine="coreneuron")}
    return presets.nmda().model_copy(update=quick)


def arrays(path):
    ds = schema.open_dataset(path)
    return {name: schema.read(ds, name) for name in ("input_spikes", "soma_v_mv", "output_spike_time_ms")}


def test_a_dataset_says_what_it_is(small, tmp_path):
    seen = []
    fine = small.model_copy(update={"record_fine": True})
    path = dataset.simulate(fine, tmp_path / "a.zarr", 2, 1, report=seen.append)
    ds = schema.open_dataset(path, "simulation")
    assert dict(ds.sizes) | {"spike": 0} == {
        "trial": 2, "time_ms": 120, "time_fine_ms": 960, "synapse": 52, "segment": 26, "spike": 0,
    }  # fmt: skip
    assert np.allclose(ds.soma_v_mv, ds.soma_v_fine_mv[:, ::8])
    assert (ds.soma_v_mv[:, 0] == -76).all()
    assert list(np.unique(ds.synapse_receptor)) == ["AMPA_NMDA", "GABA_A"]
    assert (ds.segment_type[np.asarray(ds.synapse_segment)].values[:26] == ds.segment_type.values).all()
    assert schema.config_of(ds) == fine.model_dump(mode="json")
    provenance = json.loads(ds.attrs["provenance"])
    assert provenance["neuron"] and provenance["morphology"]["licence"]
    assert [(each.done, each.total, each.outcome.fault) for each in seen] == [(1, 2, ""), (2, 2, "")]


@pytest.mark.slow
def test_resuming_gives_what_an_undisturbed_run_gives_to_the_bit(small, tmp_path):
    whole = dataset.simulate(small, tmp_path / "whole.zarr", 3, 2)
    broken = dataset.simulate(small, tmp_path / "broken.zarr", 3, 1)
    group = zarr.open_group(broken, mode="r+")
    for trial in (0, 2):
        group["soma_v_mv"][trial] = 0
        group["trial_status"].with_config({"write_empty_chunks": True})[trial] = schema.PENDING
    with pytest.raises(InputError, match="2 of 3 trials are not there yet"):
        schema.open_dataset(broken)
    seen = []
    dataset.simulate(small, broken, 3, 1, resume=True, report=seen.append)
    assert [each.trial for each in seen] == [0, 2]
    for name, values in arrays(whole).items():
        assert np.array_equal(values, arrays(broken)[name], equal_nan=True), name


def test_resuming_makes_up_for_lost_chunks(small, tmp_path):
    path = dataset.simulate(small, tmp_path / "a.zarr", 2, 1)
    before = arrays(path)
    (path / "input_spike_synapse" / "c" / "1" / "0").unlink()
    with pytest.raises(InputError, match="'input_spike_synapse' lacks 1 of 2 chunks; finish it with --resume"):
        schema.open_dataset(path)
    dataset.simulate(small, path, 2, 1, resume=True)
    for name, values in before.items():
        assert np.array_equal(values, arrays(path)[name], equal_nan=True), name


@pytest.mark.slow
def test_an_interrupt_ends_a_long_run_soon_and_resume_goes_on(small, tmp_path):
    out = tmp_path / "long.zarr"
    arguments = ["nmda", "--morphology", small.morphology, "--seconds", "0.5", "--trials", "400", "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "apical.cli", "simulate", *arguments, "--out", str(out)],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not list(out.glob("soma_v_mv/c/*")) and time.monotonic() < deadline:
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=40)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert said.splitlines()[-1] == f"apical: {SAID}"
    assert "Traceback" not in said and "distributed" not in said
    status = schema.read(schema.open_dataset(out, complete=False), "trial_status")
    assert 0 < (status == schema.DONE).sum() < 400


def test_an_existing_path_is_left_alone(small, tmp_path):
    path = dataset.simulate(small, tmp_path / "a.zarr", 1, 1)
    with pytest.raises(InputError, match=r"a\.zarr: exists already; give --resume"):
        dataset.simulate(small, path, 1, 1)
    with pytest.raises(InputError, match="made with other settings"):
        dataset.simulate(small.model_copy(update={"seed": 6}), path, 1, 1, resume=True)
    with pytest.raises(InputError, match="was made for 1 trial, not 2"):
        dataset.simulate(small, path, 2, 1, resume=True)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="not a Zarr store; it is left alone"):
        dataset.simulate(small, tmp_path / "folder", 1, 1, overwrite=True)
    assert (tmp_path / "folder" / "thesis.tex").exists()


def test_numbers_that_cannot_be(small, tmp_path):
    with pytest.raises(InputError, match="trials and workers must be at least 1, got 0 and 1"):
        dataset.simulate(small, tmp_path / "a.zarr", 0, 1)
    with pytest.raises(ValueError, match="variable step"):
        Integration(engine="coreneuron", dt_ms=None)


def test_what_fixes_the_data_fixes_its_id(small):
    from apical.simulate.cell import morphologies

    morphology = morphologies.resolve(small.morphology)
    one = small.dataset_id(morphology)
    assert one == small.model_copy(update={"preset": "renamed", "record_fine": True}).dataset_id(morphology)
    for field, value in {"seed": 6, "seconds": 0.13, "biophysics": "hay2011", "sk_e2_factor": 0.5}.items():
        assert small.model_copy(update={field: value}).dataset_id(morphology) != one, field


def test_output_spikes_are_peaks_above_minus_25_mv():
    """Found at 8 per ms as published, placed at the step of the peak; what stays below -25 mV is none."""
    time_ms = np.arange(0, 50, 0.025)
    bump = lambda centre, height: height * np.exp(-((time_ms - centre) ** 2))  # noqa: E731
    v_mv = -70 + bump(10.31, 90) + bump(20.0, 44.9) + bump(30.075, 46)
    found = Trial(np.zeros((2, 50), bool), time_ms, v_mv).output_spike_times_ms()
    assert found == pytest.approx([10.3, 30.075], abs=0.0126)
