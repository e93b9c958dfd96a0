"""What a run of trials came to: its pace per core, its size on disk, and the trials that failed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ..names import counted
from .spread import Progress


@dataclass
class Summary:
    """Adds up the trials of one run, each `seconds` long; give `add` as simulate's report."""

    seconds: float
    began_s: float = field(default_factory=time.monotonic)
    trials: int = 0
    n_spikes: int = 0
    cpu_s: float = 0.0
    n_bytes: int = 0
    failed: dict[int, str] = field(default_factory=dict)

    def add(self, progress: Progress) -> None:
        """Count the trial that has just ended."""
        outcome = progress.outcome
        self.trials += 1
        self.n_spikes += outcome.n_spikes
        self.cpu_s += outcome.cpu_s
        self.n_bytes += outcome.n_bytes
        if outcome.fault:
            self.failed[progress.trial] = outcome.fault

    @property
    def rate_hz(self) -> float:
        """Output spikes per simulated second."""
        return self.n_spikes / (self.trials * self.seconds)

    def lines(self) -> list[str]:
        """The run in words: wall time, simulated seconds per second of a core, bytes per trial; failed trials."""
        told = [
            f"{counted(self.trials, 'trial')} of {self.seconds:g} s in {time.monotonic() - self.began_s:.0f} s, "
            f"{self.trials * self.seconds / self.cpu_s:.2f} simulated s per core second, "
            f"{self.n_bytes / self.trials / 1000:.0f} KB per trial, {self.rate_hz:.2f} Hz out"
        ]
        if self.failed:
            why = "; ".join(f"trial {trial}: {fault}" for trial, fault in sorted(self.failed.items()))
            told.append(f"{len(self.failed)} failed, marked so, the rest is whole: {why}")
        return told
