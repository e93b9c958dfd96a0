"""What counts as an output spike: a local maximum of the soma trace above -25 mV, at 8 samples per ms."""

from __future__ import annotations

import numpy as np

SPIKE_PEAK_MV = -25.0  # Beniaguev et al. 2021, simulation script


def peaks(v_fine_mv: np.ndarray) -> np.ndarray:
    """Sample numbers of the output spikes in a soma trace (8 T,) at 8 samples per ms.

    A peak that rounding has made flat counts once, at the middle of its equal samples.
    Source: Beniaguev et al. 2021.

    >>> peaks(np.array([-70.0, -26.0, -70.0, 10.0, 30.0, 30.0, 30.0, 5.0, -70.0]))
    array([5])
    """
    from scipy.signal import find_peaks

    found, _ = find_peaks(v_fine_mv)
    return found[v_fine_mv[found] > SPIKE_PEAK_MV]
