"""Smoothed rates are those of SciPy's convolution, whatever the hold, the window and the trial's length."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.signal import convolve
from scipy.signal.windows import gaussian

from apical.simulate.stimulus import smoothing


@settings(max_examples=60, deadline=None)
@given(hold_ms=st.integers(5, 470), sigma_ms=st.integers(5, 620), duration_ms=st.integers(1, 2000))
@example(hold_ms=5, sigma_ms=5, duration_ms=2 * smoothing.BINS)
@example(hold_ms=470, sigma_ms=620, duration_ms=2 * smoothing.BINS + 1)
@example(hold_ms=25, sigma_ms=6, duration_ms=1)
def test_blocks_are_a_convolution(hold_ms, sigma_ms, duration_ms):
    rates = np.random.default_rng(hold_ms).uniform(0, 3, (2, -(-duration_ms // hold_ms)))
    window = gaussian(7 * sigma_ms + 1, sigma_ms)
    held = np.repeat(rates, hold_ms, axis=1)[:, :duration_ms]
    expected = np.array([convolve(row, window / window.sum(), mode="same", method="direct") for row in held])
    found = np.full_like(expected, np.nan)
    for bins, holds, share in smoothing.blocks(hold_ms, sigma_ms, duration_ms):
        found[:, bins] = rates[:, holds] @ share
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
    assert (found >= 0).all()
