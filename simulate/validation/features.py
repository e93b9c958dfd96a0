"""Electrophysiological features of a soma trace, as eFEL defines them."""

from __future__ import annotations

import numpy as np

from .protocols import SPIKE_MV, Response

FIRING = {  # name -> (eFEL's feature, unit); those with one value per spike are averaged
    "mean frequency": ("mean_frequency", "Hz"),
    "adaptation index": ("adaptation_index2", "1"),
    "ISI CV": ("ISI_CV", "1"),
    "AP height": ("AP_height", "mV"),
    "AP half-width": ("AP_duration_half_width", "ms"),
    "AHP slow": ("AHP_depth_abs_slow", "mV"),
}
# Slow AHP: lowest from 5 ms after a peak up to the next one. In between there is no trough where spikes follow sooner.
SLOW_AHP, SHORTEST_ISI_MS = "AHP_depth_abs_slow", 10.0
RESAMPLED_MS = 0.025  # eFEL wants equal steps


def extract(
    response: Response, names: list[str], stimulus_ms: tuple[float, float], amplitude_na: float, whole: bool = False
) -> dict[str, float]:
    """eFEL's features `names` of the soma trace under a current step: the mean of each, NaN where it has none.

    The slow AHP is told of spikes at least 10 ms apart: of others eFEL gives the next spike's height.

    stimulus_ms: start and end of the step; amplitude_na: its size. whole: look at the whole trace, beyond the step too.
    Source: eFEL, https://efel.readthedocs.io.
    """
    import efel

    time_ms = np.arange(0.0, response.time_ms[-1], RESAMPLED_MS)
    trace = {
        "T": time_ms,
        "V": np.interp(time_ms, response.time_ms, response.v_mv["soma"]),
        "stim_start": [stimulus_ms[0]],
        "stim_end": [stimulus_ms[1]],
        "stimulus_current": [amplitude_na],
    }
    efel.reset()
    try:
        efel.set_setting("Threshold", SPIKE_MV)
        efel.set_setting("interp_step", RESAMPLED_MS)
        efel.set_setting("strict_stiminterval", not whole)
        found = efel.get_feature_values([trace], names, raise_warnings=False)[0]
    finally:
        efel.reset()
    told = {name: _mean(found[name]) for name in names}
    if SLOW_AHP in told and np.diff(response.spike_peaks_ms()).min(initial=np.inf) < SHORTEST_ISI_MS:
        told[SLOW_AHP] = float("nan")
    return told


def _mean(values: np.ndarray | None) -> float:
    return float(np.mean(values)) if values is not None and len(values) else float("nan")
