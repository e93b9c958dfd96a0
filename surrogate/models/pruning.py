"""An ELM with fewer branches: those are left that say most to its memory.

K branches, H hidden units.
"""

from __future__ import annotations

import torch

from .elm import ELM
from .families import assemble

OF_BRANCHES = {"_proto_w_s", "tau_s", "tau_b", "input_to_synapse_indices", "valid_indices_mask"}


@torch.no_grad()
def influence_k(model: ELM) -> torch.Tensor:
    """How much each branch says (K,): the norm of its weights into the MLP, by the sum of its synapses' weights."""
    given = model.neuron()
    drive_k = (given.w_y * given.valid_y).view(model.n_branches, -1).sum(1)
    return given.mlp[0][0][:, : model.n_branches].norm(dim=0) * drive_k


@torch.no_grad()
def pruned(model: ELM, n_branches: int) -> ELM:
    """The model without all but `n_branches` of its branches, which are what they were; it needs to be fitted further.

    n_branches: fewer than it has. Branches of whole dendrites cannot be left out, since their inputs are on no other.
    """
    config, before = model.config, model.n_branches
    kept = influence_k(model).topk(n_branches).indices.sort().values
    names = config.kept_branches or range(before)
    smaller = assemble(config.model_copy(update={"kept_branches": tuple(names[k] for k in kept.tolist())}))
    assert isinstance(smaller, ELM)
    state = model.state_dict()
    for name, tensor in state.items():
        if name == "mlp.network.0.weight":  # [b ; m]
            state[name] = torch.cat([tensor[:, kept], tensor[:, before:]], 1)
        elif name in OF_BRANCHES:  # branch after branch
            state[name] = tensor.view(before, -1)[kept].reshape(-1, *tensor.shape[1:])
    smaller.load_state_dict(state)
    return smaller
