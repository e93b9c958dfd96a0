"""The published scores: complete, sourced, and the released checkpoints reproduce the published metrics."""

from __future__ import annotations

import json

import pytest

from apical.analysis.comparison.literature import published_scores
from apical.analysis.scores.evaluate import evaluate

# Facts of the literature, as stated there: family, trainable parameters, ROC-AUC, RMSE in mV
STATED = [
    ("Branch-ELM", 8002, 0.9922, 0.638),
    ("Branch-ELM", 4601, 0.9437, 1.332),
    ("Branch-ELM best effort", 54002, 0.99456, 0.564),
    ("ELM", 296_600, 0.9927, 0.623),
    ("LSTM", 1_529_500, 0.9925, 0.626),
    ("TCN", 9_234_582, 0.9911, 0.71),
    ("LIF", 1280, 0.9117, 2.29),
]
COLUMNS = {
    "TP @ 0.0025 FP": ("tp_at_fp_0025", 1),
    "TP @ 0.0100 FP": ("tp_at_fp_01", 1),
    "AUC @ 0.0025 FP": ("auc_at_fp_0025", 1),
    "AUC @ 0.0100 FP": ("auc_at_fp_01", 1),
    "AUC": ("roc_auc", 1),
    "soma_explained_variance_percent": ("explained_variance_rescaled", 100),
    "soma_RMSE": ("rmse_rescaled_mv", 1),
    "soma_MAE": ("mae_rescaled_mv", 1),
}


def test_published_scores_are_those_of_the_literature():
    rows = published_scores()
    assert {(row.family, row.n_parameters, row.roc_auc, row.rmse_rescaled_mv) for row in rows} >= set(STATED)
    assert all(row.source for row in rows)
    assert {row.input_set for row in rows} == {"NMDA", "AMPA"}
    assert all(row.roc_auc > 0.9 and row.rmse_rescaled_mv < 2.5 for row in rows)
    assert len({(row.family, row.label, row.source) for row in rows}) == len(rows) == 42


def test_released_models_reproduce_the_published_metrics(shared, tmp_path):
    from apical.simulate.neuronio.importing import import_neuronio
    from apical.surrogate.use.checkpoint import load_published_elm
    from apical.surrogate.use.predict import predict

    golden = json.loads(shared("data/elm_checkpoints/golden_metrics_nmda_4_trials.json").read_text())
    truth = import_neuronio([shared("data/neuronio/nmda_4_trials.p")], tmp_path / "truth.zarr")
    predictions = [
        predict(load_published_elm(shared(f"data/elm_checkpoints/{name}")), truth, tmp_path / name, device="cpu")
        for name in golden
    ]
    for expected, score in zip(golden.values(), evaluate(truth, predictions), strict=True):
        found = {key: getattr(score, column) * scale for key, (column, scale) in COLUMNS.items()}
        assert found == pytest.approx(expected, abs=1e-4)
        assert score.rmse_mv > score.rmse_rescaled_mv
        assert (score.dataset, score.spike_times, score.n_trials, score.n_output_spikes) == (
            "NeuronIO",
            "published",
            4,
            9,
        )
