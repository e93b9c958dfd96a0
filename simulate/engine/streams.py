"""Random streams of synapses in a trial, the same in every engine: named by the synapse and the trial's input spikes.

So a trial's release can be drawn again from what is in a dataset, whatever ran beside it, and equal input has equal
release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from ..mechanisms import random_streams
from .interface import Inputs


def of_trial(events_ms: Sequence[np.ndarray]) -> tuple[int, int]:
    """Two numbers of 32 bits that name the streams of a trial with these input spikes, by synapse."""
    digest = hashlib.sha256()
    for times in events_ms:
        digest.update(np.asarray(times, "<f8").tobytes() + b"|")
    return int.from_bytes(digest.digest()[:4], "little"), int.from_bytes(digest.digest()[4:8], "little")


def begin(cell, inputs: Inputs) -> None:
    """Let each point process of a user's that draws random numbers draw from its stream of this trial."""
    setters = {name: found.setter for name, found in drawing(cell).items()}
    if not setters or inputs.synapses is None:
        return
    ids = of_trial(inputs.events_ms)
    for number, process in enumerate(inputs.synapses.processes, start=1):
        if setter := setters.get(process.hname().partition("[")[0]):
            getattr(process, setter)(number, *ids)


def drawing(cell) -> dict[str, random_streams.Streams]:
    """The mechanisms that the cell brings, and that draw random numbers."""
    found = {name: random_streams.of(source.text) for name, source in getattr(cell, "nmodl", {}).items()}
    return {name: streams for name, streams in found.items() if streams}
