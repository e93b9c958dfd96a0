"""A made-up prediction of a made-up truth, and made-up scores."""

from __future__ import annotations

import numpy as np
import pytest

MODEL = {"family": "elm", "size": 20, "name": "elm-20", "seed": 3, "n_parameters": 8002, "trained_on": "other"}


@pytest.fixture
def make_prediction(tmp_path):
    """A function that writes a prediction of the dataset at a path: the truth, changed by `change`."""

    def make(truth, name="prediction.zarr", trials=None, change=None, time_ms=None, config=MODEL, part=None, **attrs):
        """change(trial, v_mv, probability) returns what is predicted instead of the truth. part: of each trial."""
        from apical.simulate import schema

        ds = schema.open_dataset(truth)
        trials = np.asarray(ds["trial"]) if trials is None else np.asarray(trials)
        time_ms = np.asarray(ds["time_ms"]) if time_ms is None else time_ms
        spikes = schema.output_spike_bins(ds)
        schema.create(
            tmp_path / name,
            "prediction",
            {"soma_v_mv": "f4", "spike_probability": "f4"},
            {
                "trial": trials,
                "time_ms": time_ms,
                "source_file": np.array(["made-up"] * len(trials)),
                **({} if part is None else {"part": np.array(part)}),
            },
            dataset_id=f"{ds.attrs['dataset_id']}/made-up",
            config=config,
            provenance={"made_by": "tests"},
            **{"truth_id": ds.attrs["dataset_id"]} | attrs,
        )
        for row, trial in enumerate(trials):
            at = int(np.flatnonzero(np.asarray(ds["trial"]) == trial)[0]) if trial in ds["trial"] else 0
            v_mv, probability = np.minimum(schema.read(ds, "soma_v_mv", at), -55), spikes[at].astype(float)
            if change is not None:
                v_mv, probability = change(trial, v_mv, probability)
            arrays = {"soma_v_mv": v_mv[: len(time_ms)], "spike_probability": probability[: len(time_ms)]}
            schema.write_trial(tmp_path / name, row, arrays)
        return tmp_path / name

    return make


@pytest.fixture
def few_are_enough(monkeypatch):
    """Intervals from as few trials as there are, so that small data have them."""
    monkeypatch.setattr("apical.analysis.scores.uncertainty.LEAST_TRIALS", 2)


@pytest.fixture
def make_score():
    """A function that gives a made-up score, any column replaced."""
    from apical.analysis.scores.rows import COLUMNS, Score

    def make(**columns):
        base = dict.fromkeys(COLUMNS, 0.5)
        base |= dict.fromkeys(("seed", "n_parameters", "macs_per_ms", "train_trials"), 3)
        base |= {"n_trials": 30, "n_output_spikes": 60}  # enough for intervals
        base |= {"family": "elm", "size": "20", "name": "elm-20", "mode": "windows", "spike_times": "exact"}
        base |= {"dataset_id": "a", "dataset": "nmda ttpc1", "trained_on": "b", "scores_schema": 3}
        return Score(**base | columns)

    return make
