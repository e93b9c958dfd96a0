"""Trials ordered by how badly a model does, where it is known by how much it errs in each."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from apical.analysis.inside.worst_trials import TrialError, typical_of, worst_figure, worst_trials
from apical.analysis.style import save_figure
from apical.simulate import schema
from apical.simulate.schema import InputError

SPIKES = np.array([200, 700, 900, 1200])


@pytest.fixture
def truth(make_dataset):
    """Four trials of four output spikes each; the first of them is before what is scored."""
    path = make_dataset(n_trials=4, silent=True)
    for trial in range(4):
        times_ms = np.full(200, np.nan)
        times_ms[: SPIKES.size] = SPIKES + 0.75
        schema.write_trial(path, trial, {"output_spike_time_ms": times_ms})
    return path


def opened(*paths):
    return [schema.open_dataset(path) for path in paths]


def test_a_known_error_in_each_trial(truth, make_prediction):
    path = make_prediction(truth, change=lambda trial, v_mv, p: (v_mv + (0.5, 3, 1, 2)[trial], p))
    found = worst_trials(*opened(truth, path))
    assert [each.trial for each in found] == [1, 3, 2, 0]
    assert [each.rmse_mv for each in found] == pytest.approx([3, 2, 1, 0.5], abs=1e-5)
    for each in found:
        assert (each.n_spikes, each.expected_spikes, each.n_missed, each.invented) == (3, 3, 0, 0)
    with pytest.raises(ValidationError, match="frozen"):
        found[0].trial = 7


def test_the_start_of_a_trial_does_not_count(truth, make_prediction):
    def wrong_at_first(trial, v_mv, p):
        before = np.arange(v_mv.size) < 500
        return v_mv + 50 * before, np.where(before, 0.9, p)

    (worst, *_) = worst_trials(*opened(truth, make_prediction(truth, change=wrong_at_first)))
    assert (worst.rmse_mv, worst.expected_spikes, worst.invented) == (pytest.approx(0, abs=1e-6), 3, 0)


def test_missed_and_invented_spikes_by_hand(truth, make_prediction):
    """A spike 5 ms late is a hit and one 6 ms late is not; two halves near one spike make one."""

    def late(trial, v_mv, p):
        p = np.zeros_like(p)
        p[{0: [705, 900, 1200], 1: [706, 900, 1200], 2: [], 3: [697, 703, 1000]}[trial]] = 1
        return v_mv, p * (0.25 if trial == 3 else 1)

    found = worst_trials(*opened(truth, make_prediction(truth, change=late)), by="n_missed")
    told = {each.trial: (each.n_missed, each.invented, each.expected_spikes) for each in found}
    assert told == {0: (0, 0, 3), 1: (1, 1, 3), 2: (3, 0, 0), 3: (2, 0.25, 0.75)}
    assert [each.trial for each in found] == [2, 3, 1, 0]
    by_invented = worst_trials(*opened(truth, make_prediction(truth, "again.zarr", change=late)), by="invented")
    assert [each.trial for each in by_invented][:2] == [1, 3]


def test_a_perfect_prediction_and_a_silent_truth(truth, make_dataset, make_prediction):
    silent = make_dataset("silent.zarr", n_trials=2, silent=True)
    for path in (truth, silent):
        found = worst_trials(*opened(path, make_prediction(path, f"{path.stem}-p.zarr")))
        assert [each.rmse_mv for each in found] == pytest.approx([0] * len(found), abs=1e-6)
        assert [each.n_missed for each in found] == [0] * len(found)
    assert typical_of(found) == 0


def test_the_typical_trial_has_the_median_count():
    def error(trial, n_spikes):
        return TrialError(trial=trial, rmse_mv=1, n_spikes=n_spikes, expected_spikes=0, n_missed=0, invented=0)

    assert typical_of([error(4, 9), error(2, 0), error(8, 2), error(5, 5)]) == 5
    assert typical_of([error(4, 0), error(2, 0)]) == 2


def test_what_cannot_be_ordered(truth, make_prediction):
    ds, prediction = opened(truth, make_prediction(truth))
    with pytest.raises(InputError, match="ordered by rmse_mv, n_missed, invented, not by 'auc'"):
        worst_trials(ds, prediction, by="auc")
    nan = make_prediction(truth, "nan.zarr", change=lambda _, v_mv, p: (v_mv * np.nan, p))
    with pytest.raises(InputError, match=r"nan.zarr: 'soma_v_mv' of trial 0 holds NaN"):
        worst_trials(*opened(truth, nan))


def test_trials_too_short_to_score(make_dataset, make_prediction):
    short = make_dataset("short.zarr", n_trials=1, duration_ms=300)
    with pytest.raises(InputError, match="no trial is left to score"):
        worst_trials(*opened(short, make_prediction(short)))


def test_the_figure_is_the_same_each_time(truth, make_prediction, tmp_path):
    ds, prediction = opened(truth, make_prediction(truth))
    errors = worst_trials(ds, prediction)
    first, second = (save_figure(worst_figure(ds, prediction, errors, 2), tmp_path / f"{n}.svg") for n in "ab")
    assert first.read_bytes() == second.read_bytes()
    text = first.read_text()
    assert "trial 1: RMSE 0.00 mV, 3 spikes, 3.0 expected, 0 missed, 0.0 invented" in text and "trial 2" not in text
