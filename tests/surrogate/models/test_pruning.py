"""A pruned ELM is the one before with nothing coming from the branches that were left out, and keeps the loudest."""

import pytest
import torch

from apical.surrogate.models.cost import n_parameters
from apical.surrogate.models.families import build
from apical.surrogate.models.pruning import influence_k, pruned

OPTIONS = {
    "own": {},
    "shared": {"share_weights": True},
    "smooth": {"weight_knots": 3},
    "product": {"weight_rank": 2},
    "second version": {"version": 2, "learn_tau_m": True},
    "random": {"routing": "random"},
    "linear": {"mlp_layers": 0},
}


def model_of(options):
    model = build("elm", 5, 34, seed=2, n_branches=6, synapses_per_branch=9, **options).eval()
    for name in model.state_dict().keys() & {"_proto_w_s", "_proto_place_w_s"}:
        model.get_parameter(name).data.uniform_(0, 1, generator=torch.Generator().manual_seed(4))
    return model


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("left", [(1, 3, 4), (5,)])
def test_it_is_the_model_with_nothing_from_the_others(options, left):
    model = model_of(options)
    silent = [k for k in range(6) if k not in left]
    with torch.no_grad():
        model.mlp.network[0].weight[:, silent] *= 1e-6  # so that these say least
    smaller = pruned(model, len(left))
    assert smaller.config.kept_branches == left and smaller.n_branches == len(left)
    with torch.no_grad():
        model.mlp.network[0].weight[:, silent] = 0
    x_bts = torch.randint(-1, 2, (3, 63, 34), generator=torch.Generator().manual_seed(0)).float()
    torch.testing.assert_close(smaller(x_bts), model(x_bts), rtol=1e-5, atol=1e-5)
    of_branch = {"shared": 2, "smooth": 6, "product": 2}.get(
        next(name for name, each in OPTIONS.items() if each is options), 9
    )
    hidden = model.mlp.network[0].out_features
    assert n_parameters(model) - n_parameters(smaller) == len(silent) * (of_branch + hidden)


def test_influence_by_hand():
    model = model_of({})
    weight_hk, w_ky = model.mlp.network[0].weight[:, :6], model._proto_w_s.view(6, 9)
    valid_ky = model.valid_indices_mask.view(6, 9)
    for k in range(6):
        norm = sum(w**2 for w in weight_hk[:, k].tolist()) ** 0.5
        drive = sum(w for w, there in zip(w_ky[k].tolist(), valid_ky[k].tolist(), strict=True) if there)
        assert influence_k(model)[k].item() == pytest.approx(norm * drive, rel=1e-5)


def test_it_can_be_pruned_again():
    model = model_of({})
    once, at_once = pruned(pruned(model, 4), 2), pruned(model, 2)
    assert once.config.kept_branches == at_once.config.kept_branches
    assert all(torch.equal(each, at_once.state_dict()[name]) for name, each in once.state_dict().items())
