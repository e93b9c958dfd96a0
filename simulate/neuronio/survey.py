"""What must be known of NeuronIO files before their store is made: that each is whole, and that they go together."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..processes import Step
from ..schema import InputError
from .published_file import VOLTAGES, NeuronIOFile

BLOCK_BYTES = 1 << 24


class Survey(NamedTuple):
    """One file. n_spike: the most output spikes of a trial; the other fields as in NeuronIOFile."""

    path: Path
    sha256: str
    duration_ms: int
    n_trials: int
    n_spike: int
    has_dendrites: bool
    settings: dict
    coordinates: dict[str, np.ndarray]


def survey(path: Path, step: Step) -> Survey:
    """Read a file twice, for its digest and for every trial. step: called with the bytes read since the last call.

    Raises InputError naming file, trial and field where something is not as it should be.
    """
    sha256, reached = digest(path, step), 0

    def reading(at: int) -> None:
        nonlocal reached
        if at - reached >= BLOCK_BYTES:
            step(at - reached)
            reached = at

    file = NeuronIOFile(path, reading)
    voltages = [name for name in VOLTAGES if name != "dendrite_v_mv" or file.has_dendrites]
    n_spike = 0
    for trial in range(file.n_trials):
        arrays = file.arrays(trial, voltages)
        n_spike = max(n_spike, arrays["output_spike_time_ms"].size, arrays["output_spike_time_published_ms"].size)
    step(path.stat().st_size - reached)
    return Survey(
        path,
        sha256,
        file.duration_ms,
        file.n_trials,
        n_spike,
        file.has_dendrites,
        file.settings,
        file.coordinates,
    )


def digest(path: Path, step: Step) -> str:
    """SHA-256 of a file. step: called with the size of every block read. Raises InputError where it cannot be read."""
    sha256 = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                sha256.update(block)
                step(len(block))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    return sha256.hexdigest()


def check_agreement(surveys: list[Survey]) -> None:
    """Raises InputError where two files are the same, or of different cells, synapses or lengths of trial."""
    first, seen = surveys[0], dict[str, Path]()
    for other in surveys:
        if other.sha256 in seen:
            raise InputError(f"{other.path}: has the same trials as {seen[other.sha256]}; give it once")
        seen[other.sha256] = other.path
        for (name, there), here in zip(_traits(first).items(), _traits(other).values(), strict=True):
            if not np.array_equal(here, there):
                values = f" ({here} against {there})" if np.ndim(here) == 0 else ""
                raise InputError(
                    f"{other.path}: does not go with {first.path}, '{name}' differs{values}; "
                    "import them into datasets of their own"
                )


def _traits(survey: Survey) -> dict[str, Any]:
    sizes = {"duration_ms": survey.duration_ms, "number of segments": len(survey.coordinates["segment_x"])}
    return sizes | survey.coordinates
