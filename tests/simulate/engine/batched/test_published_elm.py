"""A published ELM checkpoint, which never saw either, scores the same on data of engine batched and of CoreNEURON."""

from __future__ import annotations

import numpy as np
import pytest

from apical.analysis.scores.evaluate import evaluate
from apical.simulate import presets, schema
from apical.simulate.engine.interface import Integration
from apical.simulate.run import dataset
from apical.surrogate.use.checkpoint import load_published_elm
from apical.surrogate.use.predict import predict

SCORES = ("roc_auc", "rmse_mv", "rmse_rescaled_mv")


@pytest.mark.slow
def test_the_checkpoint_scores_the_same(shared, tmp_path):
    model = load_published_elm(shared("data/elm_checkpoints/num_memory_20"))
    chosen = presets.nmda().model_copy(
        update={"morphology": str(shared("data/hay2011/cell1.asc")), "seconds": 2.0, "seed": 1}
    )
    found, spikes = {}, {}
    for engine in ("coreneuron", "batched"):
        made = chosen.model_copy(update={"integration": Integration(engine=engine)})
        data = dataset.simulate(made, tmp_path / f"{engine}.zarr", 12, 2)
        prediction = predict(model, data, tmp_path / f"{engine}-elm.zarr", trials="all")
        (found[engine],) = evaluate(data, [prediction])
        spikes[engine] = np.isfinite(schema.read(schema.open_dataset(data), "output_spike_time_ms")).sum()
    assert spikes["batched"] == spikes["coreneuron"] > 5
    theirs, ours = found["coreneuron"], found["batched"]
    for name in SCORES:
        low, high = np.nanquantile(theirs.resamples.values[name], (0.025, 0.975))
        assert low <= getattr(ours, name) <= high, name
