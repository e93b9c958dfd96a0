"""Spikes that are on their way: each is kept once, whatever the number of its connections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROOM = 1024  # spikes, at first


@dataclass
class SpikesInFlight:
    """The first `count` entries of arrays: neuron that spiked, its bin, and the next of its runs of connections."""

    count: int
    pre_f: np.ndarray  # int32
    since_f: np.ndarray  # int64, ms
    run_f: np.ndarray  # int64

    @classmethod
    def none(cls) -> SpikesInFlight:
        return cls(0, np.zeros(ROOM, np.int32), np.zeros(ROOM, np.int64), np.zeros(ROOM, np.int64))

    def make_room(self, n: int) -> None:
        """For so many more."""
        short = self.count + n - len(self.pre_f)
        if short > 0:
            more = max(short, len(self.pre_f))
            self.pre_f, self.since_f, self.run_f = (
                np.concatenate([each, np.zeros(more, each.dtype)]) for each in (self.pre_f, self.since_f, self.run_f)
            )

    def arrays(self) -> dict[str, np.ndarray]:
        """What there is of it, by name."""
        return {name: getattr(self, name)[: self.count].copy() for name in ("pre_f", "since_f", "run_f")}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> SpikesInFlight:
        """Of what `arrays` gave."""
        return cls(len(arrays["pre_f"]), *(arrays[name].copy() for name in ("pre_f", "since_f", "run_f")))
