"""The trials that the page can show: which they are, and their traces, packed.

T bins of 1 ms.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...simulate.schema import InputError, config_of, output_spike_times_ms, read, source
from ..families import SHADES
from ..metrics.pair import PairedTrials, paired
from ..metrics.published import V_CLIP_MV
from ..plots import TRACE_TOP_MV, family_name, looks_of, model_label, trial_position
from .style import series_number

if TYPE_CHECKING:
    import xarray as xr

TRIALS = 16  # unless asked otherwise: 12 worst, 4 typical
TYPICAL_SHARE = 0.25
MAX_BYTES = 9_000_000  # of traces, unless trials are asked for by number: so that the page stays below 10 MB
MV_PER_STEP = 0.01  # int16 then spans ±327 mV
DASH_PX = 1.5  # for each line width of a figure's dashes
PROBABILITY_STEPS = 65_535  # uint16 from 0 to 1


def trial_data(truth: xr.Dataset, predictions: Sequence[xr.Dataset], n_trials: int | None = None) -> dict[str, Any]:
    """The worst trials, the most so first, then typical ones: soma voltage and spike probability for the page.

    A trial is as bad as its plain voltage RMSE over the bins that are scored, the models' mean; typical ones are
    nearest the median. Only scored trials that every prediction holds are chosen from.
    n_trials: how many; None for TRIALS, or as many as fit into MAX_BYTES.
    Raises InputError for a prediction of another truth, no trial that all hold, NaN, or n_trials below 1.
    """
    if n_trials is not None and n_trials < 1:
        raise InputError(f"trials of the report: at least 1, got {n_trials}")
    pairs = [paired(truth, prediction) for prediction in predictions]
    rmse_mv = [_trial_rmse_mv(pair) for pair in pairs]
    shared = sorted(set.intersection(*(set(each) for each in rmse_mv)))
    if not shared:
        names = ", ".join(source(prediction) for prediction in predictions)
        raise InputError(
            f"{names}: hold no scored trial in common; predict the same trials, or give fewer --prediction"
        )
    if n_trials is None:
        n_trials = max(1, min(TRIALS, MAX_BYTES // _bytes_per_trial(truth.sizes["time_ms"], len(predictions))))
    worst, typical = choose([float(np.mean([each[trial] for each in rmse_mv])) for trial in shared], n_trials)
    chosen = [(shared[at], "worst") for at in worst] + [(shared[at], "typical") for at in typical]
    return {
        "nTrials": len(shared),
        "startMs": float(truth["time_ms"][0]),
        "scoredFromMs": float(truth["time_ms"][0]) + int(np.argmax(pairs[0].scored_t)),
        "clipMv": V_CLIP_MV,
        "models": labels(predictions),
        "looks": _looks(predictions),
        "trials": [
            {
                "trial": trial,
                "group": group,
                "rmse": [round(each[trial], 3) for each in rmse_mv],
                "spikes": _spike_times_ms(truth, trial),
                "truth": _packed_mv(truth, trial, V_CLIP_MV),
                "voltage": [_packed_mv(prediction, trial, TRACE_TOP_MV) for prediction in predictions],
                "probability": [_packed_probability(prediction, trial) for prediction in predictions],
            }
            for trial, group in chosen
        ],
    }


def choose(error: Sequence[float], n: int) -> tuple[list[int], list[int]]:
    """Positions of the worst, the greatest error first, and of typical ones, nearest the median; n in all.

    >>> choose([1.0, 9.0, 2.0, 3.0, 8.0], 4)
    ([1, 4, 3], [2])
    """
    by_error = sorted(range(len(error)), key=lambda at: -error[at])
    n_typical = int(TYPICAL_SHARE * n) if n < len(error) else 0
    worst, rest = by_error[: n - n_typical], by_error[n - n_typical :]
    median = float(np.median(error))
    return worst, sorted(rest, key=lambda at: abs(error[at] - median))[:n_typical]


def labels(predictions: Sequence[xr.Dataset]) -> list[str]:
    """A name for each model, with seed, mode and dataset of the fit where the name alone is not enough."""
    found = [model_label(prediction) for prediction in predictions]
    for key, words in (("seed", "seed {}"), ("mode", "{}"), ("trained_on", "fitted to {}")):
        if len(set(found)) == len(found):
            return found
        told = [config_of(prediction).get(key) for prediction in predictions]
        twice = [found.count(name) > 1 for name in found]
        found = [
            f"{name}, {words.format(value)}" if again and value is not None else name
            for name, value, again in zip(found, told, twice, strict=True)
        ]
    return found


def _looks(predictions: Sequence[xr.Dataset]) -> list[dict[str, Any]]:
    """Of each model: which series of the style sheet it is, the shade of it, and the dashes of its lines."""
    families = [family_name(prediction) for prediction in predictions]
    return [
        {
            "colour": series_number(family),
            "shade": families[:at].count(family) % len(SHADES),
            "dashes": " ".join(f"{DASH_PX * part:g}" for part in look.dashes),
        }
        for at, (family, look) in enumerate(zip(families, looks_of(predictions), strict=True))
    ]


def _trial_rmse_mv(pair: PairedTrials) -> dict[int, float]:
    """Plain RMSE of each scored trial, by its number."""
    found: dict[int, float] = {}
    for block in pair.take(np.flatnonzero(pair.kept_b)).blocks():
        v_bt, predicted_bt = (each[:, pair.scored_t] for each in block.voltages())
        rmse_b = np.sqrt(np.mean((v_bt - predicted_bt) ** 2, axis=1))
        found |= dict(zip(block.trial_b.tolist(), rmse_b.tolist(), strict=True))
    return found


def _bytes_per_trial(n_bins: int, n_models: int) -> int:
    return 4 * -(-2 * n_bins // 3) * (1 + 2 * n_models)  # two bytes a bin, four letters for three of them


def _spike_times_ms(truth: xr.Dataset, trial: int) -> list[float]:
    times_ms = output_spike_times_ms(truth, trial_position(truth, trial))
    return np.round(times_ms[np.isfinite(times_ms)], 3).tolist()


def _packed_mv(ds: xr.Dataset, trial: int, top_mv: float) -> str:
    v_t = np.minimum(read(ds, "soma_v_mv", trial_position(ds, trial)), top_mv)
    steps = np.clip(np.round(v_t / MV_PER_STEP), np.iinfo("i2").min, np.iinfo("i2").max)
    return base64.b64encode(steps.astype("<i2").tobytes()).decode()


def _packed_probability(ds: xr.Dataset, trial: int) -> str:
    p_t = np.clip(read(ds, "spike_probability", trial_position(ds, trial)), 0, 1)
    return base64.b64encode(np.round(p_t * PROBABILITY_STEPS).astype("<u2").tobytes()).decode()
