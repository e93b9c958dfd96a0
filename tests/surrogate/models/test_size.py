"""What no machine holds is refused before a weight of it is made: the count that decides is about the network's own."""

from __future__ import annotations

import pytest

from apical.simulate.schema import InputError
from apical.surrogate.models import settings
from apical.surrogate.models.families import build, configure

NETWORKS = [
    ("elm", 7, {}),
    ("elm", 7, {"mlp_layers": 3, "mlp_hidden_size": 11}),
    ("elm", 5, {"n_branches": None}),
    ("lstm", 6, {}),
    ("tcn", "3x8", {"n_dendrite_components": 2}),
    ("tcn", "1x4", {"receptive_field_ms": 9}),
]


@pytest.mark.parametrize("family, size, options", NETWORKS)
def test_the_bound_is_on_the_weights_of_the_network(monkeypatch, family, size, options):
    network = build(family, size, 40, **options)
    n = sum(weight.numel() for name, weight in network.named_parameters() if weight.ndim > 1 or "proto_w_s" in name)
    monkeypatch.setattr(settings, "LARGEST", n)
    configure(family, size, 40, **options)
    monkeypatch.setattr(settings, "LARGEST", n - 1)
    with pytest.raises(InputError, match=f"weights, expected {n - 1:,} at most; choose a smaller one"):
        configure(family, size, 40, **options)


@pytest.mark.parametrize(
    "family, size, options, said",
    [
        ("elm", 3, {"mlp_layers": 101}, "mlp_layers: Input should be less than or equal to 100"),
        ("elm", 3, {"synapses_per_branch": 2**62}, "weights, expected"),
        ("tcn", "1001x1", {}, "expected 1,000 layers at most"),
        ("tcn", "1x1", {"receptive_field_ms": 2**62}, "receptive_field_ms is 4611686018427387904, expected"),
        ("tcn", "1x1", {"receptive_field_ms": "long"}, "receptive_field_ms is 'long', expected"),
        ("ln", 1001, {}, "n_exponentials: Input should be less than or equal to 1000"),
        ("gru", 2**40, {}, "weights, expected"),
        ("alif", 1, {"tau_adaptation_ms": 1e-300}, "tau_adaptation_ms: Input should be greater than or equal to 0.001"),
        ("elm", 3, {"routing_seed": -1}, "routing_seed: Input should be greater than or equal to 0"),
        ("elm", 3, {"width": 4}, "option 'width' of elm: family, size and data give it"),
    ],
)
def test_what_cannot_end_is_refused_at_once(family, size, options, said):
    with pytest.raises(InputError, match=said):
        configure(family, size, 40, **options)
