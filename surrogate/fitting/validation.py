"""How well a model does on validation trials while it is being fitted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..models.network import Network
from .rollout import rollout
from .scaling import VoltageScaling
from .windows import SETTLING_MS, Trials


class Scores(NamedTuple):
    """Plain scores over all bins after the first 500 ms of all trials."""

    rmse_mv: float  # of the voltage clipped as in training
    roc_auc: float  # NaN where no bin has a spike


def validate(model: Network, trials: Trials, scaling: VoltageScaling) -> Scores:
    """Scores of a model on whole trials, predicted in windows as `predict` does."""
    from sklearn.metrics import roc_auc_score

    was_training = model.training
    model.eval()
    y_bto = np.stack([rollout(model, inputs) for inputs in trials.inputs])[:, SETTLING_MS:]
    model.train(was_training)
    voltage_bt, spike_bt = (np.stack(list(each))[:, SETTLING_MS:] for each in (trials.voltage_bt, trials.spike_bt))
    error_mv = scaling.scale_mv * (y_bto[..., 1] - voltage_bt)
    rmse_mv = float(np.sqrt(np.mean(np.square(error_mv, dtype=np.float64))))
    spikes = spike_bt.ravel()
    scorable = 0 < spikes.sum() < spikes.size and np.isfinite(rmse_mv)
    return Scores(rmse_mv, float(roc_auc_score(spikes, y_bto[..., 0].ravel())) if scorable else float("nan"))
