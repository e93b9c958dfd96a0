"""Every family bin by bin gives what it gives for the whole window."""

from __future__ import annotations

import pytest
import torch

from apical.surrogate.models.families import FAMILIES, build

MODELS = [
    ("elm", 20, {}),
    ("elm", 7, {"version": 2, "learn_tau_m": True}),
    ("elm", 5, {"n_branches": None, "mlp_layers": 3, "mlp_activation": "silu"}),
    ("elm", 5, {"mlp_layers": 2}),
    ("elm", 5, {"share_weights": True}),
    ("elm", 5, {"n_branches": 4, "synapses_per_branch": 7, "weight_knots": 3}),
    ("elm", 5, {"n_branches": 4, "synapses_per_branch": 7, "weight_rank": 2}),
    ("elm", "simplest", {}),
    ("tcn", "3x8", {"n_dendrite_components": 4}),
    ("tcn", "1x4", {}),
    ("lstm", 6, {}),
    ("gru", 6, {}),
    ("ln", 1, {}),
    ("ln", 4, {}),
    ("lif", 1, {}),
    ("alif", 1, {}),
]


@pytest.mark.parametrize("family, size, options", MODELS)
def test_bin_by_bin_is_the_whole_window(family, size, options):
    model = build(family, size, 16, seed=3, **options)
    random = torch.Generator().manual_seed(0)
    x_bts = torch.randint(-1, 2, (3, 220, 16), generator=random).float()
    model(x_bts)  # so that a TCN's running statistics are not those of a new one
    model.eval()
    with torch.no_grad():
        whole, state, outputs = model(x_bts), model.init_state(3), []
        for x_bs in x_bts.unbind(1):
            y_bo, state = model.step(x_bs, state)
            outputs.append(y_bo)
    torch.testing.assert_close(torch.stack(outputs, 1), whole, rtol=1e-5, atol=1e-5)


def test_every_family_is_there():
    assert {family for family, _, _ in MODELS} == set(FAMILIES)
