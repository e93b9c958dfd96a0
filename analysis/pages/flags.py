"""What deserves a second look before a dataset is used: a cell silent, never silent or too fast, an unstable trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

NEVER_SILENT_HZ = 4.0  # 24 spikes in 6 s: trials with more are left out by the published evaluation (Beniaguev 2021)
TOO_FAST_HZ = 10.0  # far above the 0.5 to 2 Hz of a layer 5 pyramidal cell that the presets aim at
BOUNDS_MV = (-120.0, 80.0)  # the reversal potentials of all but calcium lie within -90 and +50 mV (Hay et al. 2011)
# Largest step from one sample to the next, by samples per ms; in five published trials 57 mV at 8, 90 mV at 1
JUMP_MV = {1: 140.0, 8: 100.0}


def fault(name: str, v_mv: np.ndarray, samples_per_ms: int) -> str | None:
    """Why a voltage can be no cell's, in a few words; None for one that can.

    v_mv: voltage `name` of one trial in mV, time along the last axis; a segment that was not recorded is all NaN.

    >>> fault("soma_v_mv", np.array([-70.0, 30.0, -75.0]), 1)
    >>> fault("soma_v_mv", np.array([-70.0, 90.0, -75.0]), 1)
    'soma_v_mv beyond -120 to 80 mV'
    """
    rows = v_mv.reshape(-1, v_mv.shape[-1])
    if len(rows) > 1:
        rows = rows[~np.isnan(rows).all(axis=1)]
    lowest, highest = rows.min(initial=np.inf), rows.max(initial=-np.inf)
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        return f"{name} not finite"
    if lowest < BOUNDS_MV[0] or highest > BOUNDS_MV[1]:
        return f"{name} beyond {BOUNDS_MV[0]:g} to {BOUNDS_MV[1]:g} mV"
    limit = JUMP_MV[samples_per_ms]
    # one row at a time, so that a trial of all dendrites is not there twice
    if any(np.abs(np.diff(row)).max(initial=0) > limit for row in rows):
        return f"{name} jumps by more than {limit:g} mV in {1 / samples_per_ms:g} ms"
    return None


def flags(
    trials: np.ndarray, faults: Mapping[int, str], finished: np.ndarray, output_rate_hz: np.ndarray | None
) -> list[dict[str, Any]]:
    """All that is to be flagged: each a `flag`, `why`, and the numbers of the `trials` it is about. Fit for JSON.

    trials (B,): their numbers. faults: position of an unstable trial to the reason. finished: positions.
    output_rate_hz (B,): of a simulation, else None.
    """
    found = []
    if output_rate_hz is not None and finished.size:
        numbers, rate_hz = trials[finished].tolist(), output_rate_hz[finished]
        if not rate_hz.any():
            found.append({"flag": "silent cell", "why": "no trial has an output spike", "trials": numbers})
        elif rate_hz.min() > NEVER_SILENT_HZ:
            why = f"every trial has an output rate above {NEVER_SILENT_HZ:g} Hz"
            found.append({"flag": "never-silent cell", "why": why, "trials": numbers})
        if fast := trials[finished][rate_hz > TOO_FAST_HZ].tolist():
            why = f"an output rate above {TOO_FAST_HZ:g} Hz"
            found.append({"flag": "fast firing", "why": why, "trials": fast})
    for why in dict.fromkeys(faults.values()):
        unstable = [int(trials[at]) for at, reason in faults.items() if reason == why]
        found.append({"flag": "numerically unstable trial", "why": why, "trials": unstable})
    return found
