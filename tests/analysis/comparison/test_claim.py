"""The sentence says what the scores say, and the documentation's is that of the committed results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from apical.analysis.comparison.claim import claim
from apical.analysis.scores.files import read_scores
from apical.analysis.scores.resamples import Resamples

ROOT = Path(__file__).parents[3]


def test_by_hand(make_score):
    scores = [
        make_score(
            family=family,
            size=str(n),
            name=f"{family}-{n}",
            n_parameters=n,
            roc_auc=auc,
            resamples=Resamples("a", {"roc_auc": np.full(100, auc)}),
        )
        for family, n, auc in (("elm", 4000, 0.97), ("elm", 8000, 0.985), ("tcn", 900_000, 0.9), ("tcn", 10**6, 0.96))
    ]
    assert claim(scores, 0.98) == (
        "To reach a ROC-AUC of 0.98 on 30 scored trials (60 output spikes) of nmda ttpc1, ELM needs 8,000 trainable "
        "parameters (8,000 to 8,000), with which it has 0.9850 (0.9850 to 0.9850); no TCN of up to 1,000,000 "
        "parameters is enough: the best, of 1,000,000, has 0.9600 (0.9600 to 0.9600)."
    )
    floor = make_score(family="noise-floor", name="cell, dt 0.05 ms", n_parameters=0, roc_auc=0.9987)
    assert claim([*scores, floor], 0.98).endswith("The cell against itself (dt 0.05 ms) has 0.9987.")
    without = [score.model_copy(update={"resamples": None}) for score in scores]
    assert "ELM needs 8,000 trainable parameters, with which it has 0.9850; no TCN" in claim(without, 0.98)


def test_nothing_is_claimed_from_few_trials_with_spikes(make_score):
    told = "Too few trials with output spikes were scored, 19 of 30: from fewer than 20 an interval"
    known = Resamples("a", {"roc_auc": np.linspace(0.9, 1, 100)}, 19)
    assert claim([make_score(), make_score(seed=1, resamples=known)], 0.4).startswith(told)
    assert claim([make_score(n_output_spikes=19)]).startswith(told)  # resamples unknown: 19 spikes are in 19 at most
    assert claim([make_score(n_trials=1)]).startswith("Too few trials with output spikes were scored, 1 of 1: ")
    enough = Resamples("a", {"roc_auc": np.linspace(0.9, 1, 100)}, 20)
    assert claim([make_score(resamples=enough)], 0.4).startswith("To reach")


def words(text):
    return " ".join(text.split())


def test_the_sentence_of_the_documentation_is_that_of_the_results():
    """Made by `apical compare results/parameter_efficiency.csv results/noise_floor.csv --target 0.98`."""
    page = words((ROOT / "docs" / "results.md").read_text(encoding="utf-8"))
    tables = [ROOT / "results" / f"{name}.csv" for name in ("parameter_efficiency", "noise_floor")]
    assert words(claim(read_scores(tables), 0.98)) in page.replace("> ", "")


@pytest.mark.parametrize("name", ["parameter_efficiency"])
def test_every_committed_row_has_its_intervals(name):
    assert all(row.resamples is not None for row in read_scores([ROOT / "results" / f"{name}.csv"]))
