"""What an ELM learned of each synapse, beside where on the dendrite that is, as labelled arrays.

S inputs.
"""

from __future__ import annotations

import torch
import xarray as xr

from ...simulate.schema import read, source
from ..kernels.recurrence.reference import synapse_table
from ..use.checkpoint import Surrogate
from .elm import Labelled, about, array, elm_of, origin


def synapse_weights(surrogate: Surrogate, ds: xr.Dataset) -> xr.Dataset:
    """What an ELM learned of each synapse of an open simulation: weight and total_weight (synapse), of its sign.

    surrogate: an ELM. ds: the open simulation.
    The weight is the mean of the weights, which are never negative, of the branch synapses that read this input; the
    total weight, what a spike adds to all branches together, is their sum. How many there are (n_read) is the routing's
    doing, not the learning's; where it leaves the input out there are none, and the weight is 0. Coordinates say where
    the synapse is: synapse_sign, synapse_segment, tree, distance_um.
    Raises InputError for another family, or inputs that are not the model's.
    """
    model, sign_s, segment_s = elm_of(surrogate), read(ds, "synapse_sign"), read(ds, "synapse_segment")
    surrogate.check_inputs(len(sign_s), source(ds))
    given = model.neuron()
    with torch.inference_mode():
        if given.input_y.numel():
            routing = given.input_y, given.valid_y, model.n_branches, model.n_inputs
            total_s, n_read_s = (synapse_table(each, *routing).sum(1) for each in (given.w_y, given.w_y * 0 + 1))
        else:
            total_s, n_read_s = given.w_y, torch.ones(model.n_inputs)
    weight_s = total_s / n_read_s.clamp(min=1)
    found: dict[str, Labelled] = {
        "weight": (
            "synapse",
            array(weight_s) * sign_s,
            about("1", "learned synapse weight, mean of n_read"),
        ),
        "total_weight": ("synapse", array(total_s) * sign_s, about("1", "learned synapse weight, sum of n_read")),
        "n_read": ("synapse", array(n_read_s).astype(int), about("1", "branch synapses that read the input")),
    }
    where: dict[str, Labelled] = {
        "synapse_sign": ("synapse", sign_s, about("1", "+1 excitatory, -1 inhibitory")),
        "synapse_segment": ("synapse", segment_s, about("1", "index of the synapse's segment")),
        "tree": ("synapse", read(ds, "segment_type")[segment_s], about("1", "basal or apical")),
        "distance_um": ("synapse", read(ds, "segment_distance_um")[segment_s], about("um", "path length to the soma")),
    }
    return xr.Dataset(found, where, origin(surrogate, ds))
