"""A fit may start from the training spikes' rate: the quick recipe does, the published ones do not."""

from __future__ import annotations

import json
import math

import pytest
import torch

from apical.simulate import schema
from apical.surrogate.fitting.fit import fit
from apical.surrogate.fitting.recipe import paper, quick
from apical.surrogate.models.families import build


@pytest.mark.parametrize(
    ("family", "size"),
    [("elm", 3), ("elm", "simplest"), ("tcn", "2x4"), ("gru", 3), ("ln", 2), ("lif", 1), ("alif", 1)],
)
def test_the_bias_moves_the_spike_logit_and_nothing_else(family, size):
    model = build(family, size, 16).eval()
    silence = torch.zeros(1, 300, 16)
    before = model(silence)
    model.set_spike_bias(-9.0)
    after = model(silence)
    assert torch.equal(before[..., 1:], after[..., 1:])
    moved = after[..., 0] - before[..., 0]
    assert torch.allclose(moved, moved[0, 0].expand_as(moved), atol=1e-5) and moved[0, 0] < -1


@pytest.mark.parametrize(("family", "size"), [("elm", 3), ("tcn", "2x4")])
def test_a_quick_fit_starts_at_the_log_odds_of_a_training_spike(make_dataset, tmp_path, family, size):
    data = make_dataset()
    config = quick(family, size, steps=1, learning_rate=1e-12)
    run = fit(config, data, tmp_path / "run", device="cpu")
    train = json.loads((run / "config.json").read_text())["split"]["train"]
    rate = schema.output_spike_bins(schema.open_dataset(data))[train].mean()
    from safetensors.torch import load_file

    bias = load_file(run / "weights.safetensors")["w_y.bias" if family == "elm" else "spike.bias"][0]
    assert float(bias) == pytest.approx(math.log(rate / (1 - rate)), rel=1e-5)


def test_published_recipes_start_as_published():
    assert not paper("elm").spike_bias_from_rate and not paper("tcn").spike_bias_from_rate
