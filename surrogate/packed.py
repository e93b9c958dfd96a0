"""One trial's input spikes as bits in memory; only the window that is looked at becomes floats.

T ms, S synapses, W ms of a window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PackedSpikes:
    """Input spikes, one bit each, time-major: a window is a run of rows."""

    bits_tc: np.ndarray  # uint8, 8 synapses a byte
    sign_s: np.ndarray  # int8, +1 excitatory, -1 inhibitory

    @classmethod
    def pack(cls, spikes_st: np.ndarray, sign_s: np.ndarray) -> PackedSpikes:
        """Keep boolean spikes (S, T) as bits."""
        return cls(np.packbits(spikes_st.T, axis=1), sign_s.astype(np.int8))

    @property
    def duration_ms(self) -> int:
        return len(self.bits_tc)

    def window(self, start_ms: int, length_ms: int) -> np.ndarray:
        """Signed input (W, S) as float32: +1, -1 or 0; silent past the trial's end."""
        bits_wc = self.bits_tc[start_ms : start_ms + length_ms]
        spikes_ws = np.unpackbits(bits_wc, axis=1, count=len(self.sign_s)).view(np.int8)
        x_ws = np.zeros((length_ms, len(self.sign_s)), np.float32)
        np.multiply(spikes_ws, self.sign_s, out=x_ws[: len(bits_wc)])
        return x_ws
