"""From a trace at any uniform rate to the voltage at each whole ms, and to output spikes.

B trials, n samples of a trial, T bins of 1 ms.
"""

from __future__ import annotations

import numpy as np

from ..schema import InputError
from ..trial.output_spikes import SPIKE_PEAK_MV, peaks

OFF_LINE = 0.05  # of a step: as far as rounding moves a sample time, in 32 bits 1 % of 0.05 ms after 10 s
# A fast-spiking interneuron's spike is 0.32 ms wide at half its height (McCormick et al. 1985): a sample falls into it
LEAST_KHZ_FOR_SPIKES = 5.0


def rate_khz(time_ms: np.ndarray, where: str) -> float:
    """The sampling rate of sample times (n,) in ms. Raises InputError where they are not 0, 1, 2 … times one step."""
    if time_ms.ndim != 1 or time_ms.size < 2 or time_ms.dtype.kind not in "iuf" or not np.isfinite(time_ms).all():
        raise InputError(f"{where}: 'time_ms' is expected to be a list of two sample times or more, in ms")
    times, steps = time_ms.astype(float), time_ms.size - 1
    step_ms = (times[-1] - times[0]) / steps
    off = np.abs(times - times[0] - step_ms * np.arange(times.size))
    if step_ms <= 0 or off.max() > OFF_LINE * step_ms:
        worst = int(off.argmax())
        raise InputError(
            f"{where}: sampling is not uniform: sample {worst} is at {times[worst]:g} ms, {off[worst]:.3g} ms from "
            f"where equal steps of {step_ms:g} ms have it; resample the voltage to equal steps first"
        )
    if abs(times[0]) > OFF_LINE * step_ms:
        raise InputError(f"{where}: 'time_ms' begins at {times[0]:g}, expected 0: times count from the trial's start")
    return 1 / step_ms


def whole_ms(n_samples: int, sampling_khz: float) -> int:
    """How many bins of 1 ms `n_samples` at this rate cover: each has its start within the samples.

    >>> whole_ms(8000, 8.0), whole_ms(8001, 8.0), whole_ms(500, 0.5)
    (1000, 1000, 999)
    """
    return int(min(n_samples / sampling_khz, (n_samples - 1) / sampling_khz + 1) + 1e-6)


def at_whole_ms(v_mv_bn: np.ndarray, sampling_khz: float, duration_ms: int) -> np.ndarray:
    """The voltage at the start of each ms (B, T), by linear interpolation, as float32."""
    time_ms = np.arange(v_mv_bn.shape[1]) / sampling_khz
    return np.stack([np.interp(np.arange(duration_ms), time_ms, row) for row in v_mv_bn]).astype("f4")


def spike_times_ms(v_mv_bn: np.ndarray, sampling_khz: float, duration_ms: int, where: str) -> list[np.ndarray]:
    """Of each trial the times in ms of the output spikes in the trace as it was given, at its own rate.

    Raises InputError where the samples are too far apart to find them.
    """
    if sampling_khz < LEAST_KHZ_FOR_SPIKES:
        raise InputError(
            f"{where}: 'output_spike_times_ms' is not given, and at {sampling_khz:g} kHz the voltage may miss a peak "
            f"(they are found from {LEAST_KHZ_FOR_SPIKES:g} kHz on): give the times of the output spikes"
        )
    times_ms = [peaks(row) / sampling_khz for row in v_mv_bn]
    return [each[each < duration_ms] for each in times_ms]


def told(n_samples: int, sampling_khz: float, spikes_given: bool) -> dict[str, object]:
    """What a provenance says of all this."""
    kept = sampling_khz == 1
    found = f"local maxima above {SPIKE_PEAK_MV:g} mV of the voltage as given, at {sampling_khz:g} kHz"
    return {
        "sampling_khz": sampling_khz,
        "samples_per_trial": n_samples,
        "soma_v_mv": "as given, a sample each ms" if kept else "linear interpolation at whole ms",
        "output_spike_time_ms": "as given" if spikes_given else found,
    }
