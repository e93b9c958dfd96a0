"""The cochlea of SHD, from the authors' own package `lauscher`: sound to spikes of 700 channels.

Basilar membrane, hair cells, and bushy cells that 40 fibres each converge on (Cramer et al. 2020). `lauscher` takes
minutes for a clip: it computes the membrane's transfer function anew for each, though that depends on the clip's length
alone, and steps through cells in Python. Here its own classes give the transfer function, which is kept, and all
parameters; the steps through time are the same, compiled. What fibres transmit is drawn with the same probabilities and
dead time, but not step by step: the next one comes where the summed hazard exceeds an exponential variate.

T samples, C channels.
"""

from __future__ import annotations

import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ...simulate.schema import InputError, making

CHANNELS = 700  # of SHD
LEVEL = 0.3  # root mean square of a clip, as lauscher's Wave2Spike has it
GRID = 2160  # samples by which clips are lengthened with silence, so that few lengths occur; 0.1 s at 22,050 Hz
PER_TRANSFORM = 50  # channels at once
SURE = 1 - 1e-15  # the largest probability that has a hazard


class Transmission(Protocol):
    """What draws how many fibres transmit at each step: probability (T,) of one, dead time in steps, fibres, seed."""

    def __call__(self, probability_t: np.ndarray, dead_steps: float, fibres: int, seed: int) -> np.ndarray: ...


def check_installed() -> None:
    """Raise InputError where lauscher or numba is absent."""
    for name in ("lauscher", "numba"):
        if find_spec(name) is None:
            raise InputError(f"{name} is not installed: pip install 'apical[tasks]' brings it")


class Cochlea:
    """`lauscher`'s chain on clips of some lengths. folder: where the transfer function of each length is kept."""

    def __init__(self, folder: Path, n_channels: int = CHANNELS) -> None:
        """Raises InputError where lauscher or numba is absent."""
        check_installed()
        from lauscher.transformations import BasilarMembrane, BushyCell, HairCell

        self._membrane, self._hair, self._bushy = BasilarMembrane(channels=n_channels), HairCell(), BushyCell()
        self._folder, self.n_channels, self._one_at_a_time = folder, n_channels, threading.Lock()

    def spikes(
        self, samples_t: np.ndarray, rate_hz: int, seed: int, transmitted: Transmission | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Times in s, float64, and channels of the spikes of a mono clip, in the order of time."""
        from lauscher.audiowaves import MonoAudioWave
        from lauscher.transformations import HanningWindow, RmsNormalizer

        sound = MonoAudioWave(np.array(samples_t, float), rate_hz)
        sound = sound.transform(RmsNormalizer(LEVEL)).transform(HanningWindow())
        step_hz = rate_hz // 2  # the membrane keeps every second sample
        release_ct = self._release(self._velocity(sound.samples, rate_hz), step_hz)
        bushy, drawn = self._bushy, transmitted or compiled(transmit)
        decay = np.exp(-1 / step_hz / bushy.tau_mem), np.exp(-1 / step_hz / bushy.tau_syn)
        gain, dead = bushy.weight / step_hz, bushy.tau_refrac * step_hz
        fire = compiled(integrate)
        spikes_ct = np.zeros(release_ct.shape, bool)
        for channel, release_t in enumerate(release_ct):
            count_t = drawn(release_t, dead, bushy.n_convergence, seed * self.n_channels + channel)
            fire(count_t, *decay, gain, dead, spikes_ct[channel])
        step, channel_n = np.nonzero(spikes_ct.T)
        return step / step_hz, channel_n

    def lengthened(self, samples_t: np.ndarray) -> np.ndarray:
        """The clip with silence behind it, so that its length is one of few."""
        n = -(-(len(samples_t) + 2) // GRID) * GRID - 2  # the membrane then has a multiple of GRID / 2 samples
        return np.pad(samples_t, (0, n - len(samples_t)))

    def _velocity(self, samples_t: np.ndarray, rate_hz: int) -> np.ndarray:
        """Of the membrane, (C, T / 2)."""
        transfer_cf = self._transfer(len(samples_t), rate_hz)
        sound_f = np.fft.fft(samples_t)[: transfer_cf.shape[1]]
        parts = range(0, self.n_channels, PER_TRANSFORM)
        return np.concatenate(
            [np.fft.ifft(transfer_cf[at : at + PER_TRANSFORM] * sound_f, axis=1).real for at in parts]
        )

    def _transfer(self, n_samples: int, rate_hz: int) -> np.ndarray:
        """Complex (C, T / 2), of clips of this length; read from the folder where it is there."""
        path = self._folder / f"transfer-{self.n_channels}-{n_samples}-{rate_hz}.npy"
        with self._one_at_a_time:
            if not path.exists():
                omega_f = 2 * np.pi * np.linspace(1, rate_hz // 2, n_samples // 2 + 1)
                made = np.array([self._membrane._v(omega_f, place) for place in self._membrane.ch])
                with making(path) as growing, growing.open("wb") as file:
                    np.save(file, made)
        return np.load(path, mmap_mode="r")

    def _release(self, velocity_ct: np.ndarray, step_hz: int) -> np.ndarray:
        """Probability that a fibre transmits, (C, T)."""
        hair = self._hair
        parameters = [float(getattr(hair, name)) for name in "yglrxabhm"]
        release = compiled(meddis)
        return np.array([release(velocity_t, float(step_hz), *parameters) for velocity_t in velocity_ct])


@cache
def compiled(function: Any) -> Any:
    """A function of arrays and numbers, compiled by numba."""
    import numba

    return numba.njit(function, nogil=True)


def meddis(velocity_t, step_hz, y, g, l, r, x, a, b, h, m):  # noqa: E741  # of the paper
    """Transmitter in the cleft of a hair cell at each step, as a probability. Source: Meddis 1986, JASA 79:702."""
    kt = g * a / (a + b)
    cleft = m * y * kt / (l * kt + y * (l + r))
    free = cleft * (l + r) / kt
    store = cleft * r / x
    release_t = np.empty(velocity_t.size)
    for step in range(velocity_t.size):
        drive = velocity_t[step] + a
        kt = g / step_hz * drive / (drive + b) if drive > 0 else 0.0
        replenish = y * m / step_hz - y / step_hz * free if free < m else 0.0
        eject = kt * free
        lost = (l + r) / step_hz * cleft
        reuptake = r / step_hz * cleft
        reprocess = x / step_hz * store
        free = max(free + replenish - eject + reprocess, 0.0)
        cleft = max(cleft + eject - lost, 0.0)
        store = max(store + reuptake - reprocess, 0.0)
        release_t[step] = cleft * (h / step_hz)
    return release_t


def transmit(probability_t, dead_steps, fibres, seed):
    """How many fibres transmit at each step; none does again before its dead time is over."""
    np.random.seed(seed)  # noqa: NPY002  # numba has this one; its state is the thread's
    n = probability_t.size
    hazard_t = np.cumsum(-np.log1p(-np.minimum(probability_t, SURE)))
    count_t = np.zeros(n)
    wait = int(np.ceil(dead_steps))
    for _ in range(fibres):
        step = 0
        while step < n:
            passed = hazard_t[step - 1] if step else 0.0
            step += np.searchsorted(hazard_t[step:], passed + np.random.exponential())  # noqa: NPY002
            if step < n:
                count_t[step] += 1
            step += wait
    return count_t


def integrate(count_t, membrane_decay, synapse_decay, gain, dead_steps, spikes_t):
    """Let a bushy cell fire, into spikes_t: a leaky neuron of threshold 1 with exponential currents of all fibres."""
    v, current, dead = 0.0, 0.0, 0.0
    for step in range(count_t.size):
        before, v = v, 0.0
        if step > 0 and dead <= 0:
            if before < 1.0:
                v = before * membrane_decay
            else:
                dead = dead_steps
                spikes_t[step - 1] = True
        current = current * synapse_decay + count_t[step]
        if dead <= 0:
            v += current * gain
        v = min(v, 1.0)
        dead -= 1
