"""The published scores of a surrogate, exactly, and the plain voltage figures beside them.

Order of operations of the published evaluation (Beniaguev et al. 2021, shared by Spieler et al. 2024), which
reproduces its golden results on the published checkpoints:
1. clip the true voltage at -55 mV, and leave the prediction as it is;
2. per file, over whole trials and all of them, give the predicted voltage the true mean and population standard
   deviation (`rescale_per_file`; the plain figures leave this step out);
3. drop the first 500 ms of every trial, and the trials with more than 24 output spikes;
4. pool the bins of all that is kept, then score.

B trials, T bins of 1 ms. The ROC curve leaves out collinear points (scikit-learn's default): where the nearest false
positive rate is looked up, that choice changes the answer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...simulate.schema import InputError

V_CLIP_MV = -55.0  # truth is clipped here: Beniaguev et al. 2021, evaluation code
FP_GRID = 20_000  # points of the linear false-positive grid: Beniaguev et al. 2021, evaluation code


class Roc(NamedTuple):
    """A receiver operating characteristic: rates from (0, 0) to (1, 1), one point per kept threshold."""

    false_positive_rate: np.ndarray
    true_positive_rate: np.ndarray


def roc(spikes: np.ndarray, probability: np.ndarray) -> Roc:
    """Trace the ROC curve of a spike prediction over all bins; the three scores below are read from it.

    spikes: truth, boolean, any shape. probability: predicted, same shape, higher is likelier (logits serve as well).
    Raises InputError for unequal shapes, NaN, or truth without a spike or without a silent bin.
    """
    from sklearn.metrics import roc_curve

    spikes, probability = _pair(np.asarray(spikes, dtype=bool), probability)
    if spikes.all() or not spikes.any():
        raise InputError("ROC: needs bins with and bins without an output spike; the truth has only one sort")
    return Roc(*roc_curve(spikes, probability)[:2])


def roc_auc(curve: Roc) -> float:
    """Area under the ROC curve, 0.5 for chance to 1 for perfect."""
    return float(np.trapezoid(curve.true_positive_rate, curve.false_positive_rate))


def tp_at_fp(curve: Roc, fp: float) -> float:
    """True positive rate at the curve's point whose false positive rate is nearest `fp`, never its first point.

    Source: Beniaguev et al. 2021, evaluation code.
    """
    nearest = int(np.argmin(np.abs(curve.false_positive_rate - fp)))
    return float(curve.true_positive_rate[max(nearest, 1)])


def auc_at_fp(curve: Roc, fp: float) -> float:
    """Mean true positive rate over false positive rates below `fp`, 0 to 1.

    The curve is interpolated on a linear grid, and the mean ends before the grid point nearest `fp`.
    Source: Beniaguev et al. 2021, evaluation code.
    """
    grid = np.linspace(0, 1, FP_GRID)
    end = max(int(np.argmin(np.abs(grid - fp))), 1)
    return float(np.interp(grid[:end], *curve).mean())


def clip_mv(v_mv: np.ndarray) -> np.ndarray:
    """The true voltage as it is scored, in double precision: what exceeds -55 mV is the spikes', not the voltage's."""
    return np.minimum(np.asarray(v_mv, dtype=float), V_CLIP_MV)


def rescale_per_file(v_mv: np.ndarray, predicted_mv: np.ndarray, file: np.ndarray) -> np.ndarray:
    """The prediction with, per file, the mean and standard deviation of the truth: published, and flattering.

    v_mv: clipped truth, (B, T). predicted_mv: (B, T). file: label of each trial's file, (B,).
    A prediction that never changes becomes the true mean. Returns (B, T) in double precision.
    Source: Beniaguev et al. 2021, evaluation code.
    """
    rescaled = np.empty(np.shape(predicted_mv))
    for name in np.unique(file):
        here = file == name
        truth, guess = v_mv[here].astype(float), predicted_mv[here].astype(float)
        gain = truth.std() / guess.std() if np.ptp(guess) > 0 else 0.0
        rescaled[here] = (guess - guess.mean()) * gain + truth.mean()
    return rescaled


def rmse_mv(v_mv: np.ndarray, predicted_mv: np.ndarray) -> float:
    """Root mean squared voltage error, mV. Raises InputError for unequal shapes, nothing to score, or NaN."""
    v_mv, predicted_mv = _pair(v_mv, predicted_mv)
    return float(np.sqrt(np.mean(np.subtract(v_mv, predicted_mv, dtype=float) ** 2)))


def mae_mv(v_mv: np.ndarray, predicted_mv: np.ndarray) -> float:
    """Mean absolute voltage error, mV. Raises InputError for unequal shapes, nothing to score, or NaN."""
    v_mv, predicted_mv = _pair(v_mv, predicted_mv)
    return float(np.mean(np.abs(np.subtract(v_mv, predicted_mv, dtype=float))))


def explained_variance(v_mv: np.ndarray, predicted_mv: np.ndarray) -> float:
    """1 - var(error) / var(truth): 1 for perfect up to an offset, 0 for a constant, unbounded below.

    For a truth that never changes: 1 where the error never changes either, else 0 (scikit-learn's convention).
    Raises InputError for unequal shapes, nothing to score, or NaN.
    """
    v_mv, predicted_mv = _pair(v_mv, predicted_mv)
    error, total = np.var(np.subtract(v_mv, predicted_mv, dtype=float)), np.var(v_mv, dtype=float)
    return float(1 - error / total) if total > 0 else float(error == 0)


def _pair(truth: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    if truth.shape != prediction.shape:
        raise InputError(f"metric: truth has shape {truth.shape}, prediction {prediction.shape}; they must be equal")
    if truth.size == 0:
        raise InputError("metric: truth and prediction are empty; there is nothing to score")
    for name, values in (("truth", truth), ("prediction", prediction)):
        if not np.isfinite(values).all():
            raise InputError(f"metric: the {name} holds NaN or infinite values; mend or leave out those trials")
    return truth.ravel(), prediction.ravel()
