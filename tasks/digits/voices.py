"""Digits spoken by `espeak-ng`, English and German, by voices that differ in vocal tract, pitch and speed."""

from __future__ import annotations

import io
import subprocess
import wave
from typing import NamedTuple

import numpy as np

from ...simulate.schema import InputError
from ...simulate.schema.input_error import one_line

WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"),
)  # in the order of SHD's labels
ENGLISH, GERMAN = ("en", "en-us", "en-gb-scotland", "en-gb-x-rp"), ("de",)  # en-gb would leave out the voice, unsaid
VOICES = (
    *("m1", "m2", "m3", "m4", "m5", "m6", "m8", "f1", "f2", "f3", "f5"),
    *("Alex", "Andrea", "Annie", "Denis", "Hugo", "Lee", "Mario"),
)
TEST_VOICES = ("m7", "f4")  # in the test set only
OF_TEST_VOICES = 0.75  # share of the test set; in SHD's nearly as much is of the two speakers held out
WORDS_PER_MINUTE = 110, 200
PITCH = 20, 80  # of espeak-ng's 0 to 99
LOUDEST = 32768
FRAME_S, SILENT, MARGIN_S = 0.01, 0.02, 0.02  # a clip is cut where frames are below this share of the loudest
VARIANTS = {False: 0, True: 1}  # of the random numbers: for training, for the test


class Spoken(NamedTuple):
    """How a clip is spoken."""

    label: int
    voice: str
    language: str
    words_per_minute: int
    pitch: int
    seed: int  # of its cochlea


def spoken(seed: int, index: int, test: bool) -> Spoken:
    """Clip `index` of a set: labels in turn, all else at random."""
    rng = np.random.default_rng([seed, VARIANTS[test], index])
    label = index % len(WORDS)
    voices = TEST_VOICES if test and rng.random() < OF_TEST_VOICES else VOICES
    languages = ENGLISH if label < len(WORDS) // 2 else GERMAN
    speed, pitch = (int(rng.integers(low, high + 1)) for low, high in (WORDS_PER_MINUTE, PITCH))
    voice, language = (str(rng.choice(each)) for each in (voices, languages))
    return Spoken(label, voice, language, speed, pitch, int(rng.integers(1 << 20)))


def espeak_version() -> str:
    """Raises InputError where espeak-ng is absent."""
    return _run("--version").decode("utf-8", "replace").splitlines()[0]


def sound(of: Spoken) -> tuple[np.ndarray, int]:
    """Samples from −1 to 1, silence before and after cut off, and their rate in Hz.

    Raises InputError where espeak-ng is absent, or says nothing.
    """
    raw = _run(
        *("-v", f"{of.language}+{of.voice}", "-s", str(of.words_per_minute), "-p", str(of.pitch)),
        *("--stdout", WORDS[of.label]),
    )
    try:
        with wave.open(io.BytesIO(raw)) as file:
            rate_hz, data = file.getframerate(), file.readframes(len(raw))
    except (wave.Error, EOFError) as error:
        told = f"espeak-ng: gives no sound for voice '{of.voice}' ({one_line(error)}); try it alone"
        raise InputError(told) from error
    return trimmed(np.frombuffer(data, "<i2") / LOUDEST, rate_hz), rate_hz


def trimmed(samples_t: np.ndarray, rate_hz: int) -> np.ndarray:
    """Without the silence before and after, but a margin."""
    frame = int(FRAME_S * rate_hz)
    power = np.square(samples_t[: len(samples_t) // frame * frame].reshape(-1, frame)).mean(axis=1)
    heard = np.flatnonzero(power > SILENT**2 * power.max(initial=0))
    if not heard.size:
        raise InputError("espeak-ng: gives silence; does `espeak-ng one` speak?")
    margin = int(MARGIN_S * rate_hz)
    return samples_t[max(heard[0] * frame - margin, 0) : (heard[-1] + 1) * frame + margin]


def _run(*arguments: str) -> bytes:
    try:
        return subprocess.run(["espeak-ng", *arguments], capture_output=True, check=True).stdout
    except FileNotFoundError as error:
        raise InputError("espeak-ng is not installed: 'apt-get install espeak-ng' brings it") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().splitlines() or [str(error)]
        raise InputError(f"espeak-ng: {said[0]}") from error
