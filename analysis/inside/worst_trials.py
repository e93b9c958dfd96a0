"""Where a model does badly: its trials, the worst first, in numbers and as a figure.

B trials, T bins of 1 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ...simulate.schema import InputError
from ..metrics.pair import Pair, paired
from ..plots import (
    NOT_SCORED,
    OF_PROBABILITY,
    OF_TRACES,
    draw_not_scored,
    draw_prediction,
    draw_truth,
    looks_of,
    model_label,
    time_limits_s,
    trial_position,
)
from ..style import caption, figure, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

NEAR_MS = 5  # chosen: the widest tolerance of the event scores; a spike predicted so near is a hit
HIT = 0.5  # expected spikes that must be so near for a true one not to be missed
OF_ERRORS = (
    "RMSE: root mean squared error of the voltage, truth clipped. Expected: the sum of P(spike). Missed: output spikes "
    f"near which, within {NEAR_MS} ms, the model expects less than half a spike. Invented: what it expects further "
    "than that from each of them. RMSE and counts are of what is scored."
)
ORDERS = ("rmse_mv", "n_missed", "invented")


class TrialError(BaseModel):
    """How a model does in one trial, over the bins that are scored."""

    model_config = ConfigDict(frozen=True)
    trial: int = Field(description="its number")
    rmse_mv: float = Field(description="of the voltage, the truth clipped at -55 mV as published; not rescaled")
    n_spikes: int = Field(description="output spikes of the truth")
    expected_spikes: float = Field(description="sum of the model's spike probability")
    n_missed: int = Field(description="spikes of the truth within 5 ms of which the model expects less than half a one")
    invented: float = Field(description="spikes that the model expects further than 5 ms from each of the truth")


def worst_trials(truth: xr.Dataset, prediction: xr.Dataset, *, by: str = "rmse_mv") -> list[TrialError]:
    """Every scored trial of an open truth and prediction, the worst first; trials are read a few at a time.

    truth, prediction: open datasets. by: what counts: rmse_mv, n_missed or invented; where that is equal, the voltage's
    error.
    Output spikes are at their exact times. Raises InputError as `paired` does, and for NaN.
    """
    if by not in ORDERS:
        raise InputError(f"trials are ordered by {', '.join(ORDERS)}, not by '{by}'")
    trials = paired(truth, prediction, published_spike_times=False)
    trials = trials.take(trials.kept_b)
    if not len(trials) or not trials.scored_t.any():
        raise InputError("worst trials: no trial is left to score: predict more trials, or longer ones")
    found = [each for block in trials.blocks() for each in _errors(block.read())]
    return sorted(found, key=lambda each: (-getattr(each, by), -each.rmse_mv, each.trial))


def typical_of(errors: Sequence[TrialError]) -> int:
    """Number of the trial with the (upper) median count of output spikes of those that have any, else the lowest."""
    spiking = sorted((each for each in errors if each.n_spikes), key=lambda each: (each.n_spikes, each.trial))
    return spiking[len(spiking) // 2].trial if spiking else min(each.trial for each in errors)


def worst_figure(truth: xr.Dataset, prediction: xr.Dataset, errors: Sequence[TrialError], n_trials: int = 4) -> Figure:
    """Draw the first `n_trials` of `errors`, one below the other: voltages, output spikes, spike probability.

    truth, prediction: open datasets. errors: what `worst_trials` returns. n_trials: how many.
    """
    shown, (look,) = errors[:n_trials], looks_of([prediction])
    with style():
        fig = figure(1.75 * len(shown) + 0.5)
        panels = fig.subplots(2 * len(shown), 1, sharex=True, squeeze=False, height_ratios=(2.2, 1) * len(shown))[:, 0]
        for error, voltage, probability in zip(shown, panels[::2], panels[1::2], strict=True):
            at, predicted_at = (trial_position(ds, error.trial) for ds in (truth, prediction))
            draw_truth(voltage, truth, at)
            draw_prediction(voltage, probability, prediction, predicted_at, look, model_label(prediction))
            draw_not_scored(voltage, truth, label=NOT_SCORED)
            draw_not_scored(probability, truth)
            voltage.set_title(_title(error), loc="left", pad=9)
        panels[-1].set(xlabel="time (s)", xlim=time_limits_s(truth))
        fig.align_ylabels(list(panels))
        handles, labels = panels[0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper center", ncols=len(labels))
        caption(fig, f"{OF_TRACES} {OF_PROBABILITY} {OF_ERRORS}")
    return fig


def _title(error: TrialError) -> str:
    return (
        f"trial {error.trial}: RMSE {error.rmse_mv:.2f} mV, {error.n_spikes} spikes, {error.expected_spikes:.1f} "
        f"expected, {error.n_missed} missed, {error.invented:.1f} invented"
    )


def _errors(pair: Pair) -> list[TrialError]:
    found = []
    for row, trial in enumerate(pair.trial_b):
        scored = pair.scored_t
        spikes_t, probability_t = pair.spikes_bt[row], np.where(scored, pair.probability_bt[row], 0.0)
        near_t = _within(spikes_t.astype(float), NEAR_MS) > 0
        expected_near_t = _within(probability_t, NEAR_MS)
        error_mv = (pair.predicted_bt[row] - pair.v_bt[row])[scored]
        found.append(
            TrialError(
                trial=int(trial),
                rmse_mv=float(np.sqrt(np.mean(error_mv**2))),
                n_spikes=int(spikes_t[scored].sum()),
                expected_spikes=float(probability_t.sum()),
                n_missed=int((expected_near_t[spikes_t & scored] < HIT).sum()),
                invented=float(probability_t[~near_t].sum()),
            )
        )
    return found


def _within(values_t: np.ndarray, reach_ms: int) -> np.ndarray:
    """Sum of the values at most `reach_ms` before or after each bin, (T,)."""
    summed = np.concatenate([[0.0], np.cumsum(np.pad(values_t, reach_ms))])
    return summed[2 * reach_ms + 1 :] - summed[: -2 * reach_ms - 1]
