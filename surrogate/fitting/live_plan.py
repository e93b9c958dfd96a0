"""What a live fit is asked for, and what its run says of it."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from ..models.settings import Settings
from .split import Split


class LivePlan(Settings):
    """How many trials are in memory, how often each is seen, and how many are held out."""

    window: int = Field(default=480, gt=0, le=10**6, description="trials in memory at a time")
    seen: int = Field(default=16, gt=0, le=10**4, description="how often each is seen")
    validation_trials: int = Field(default=40, gt=0, le=10**6, description="simulated first, to choose the weights on")
    test_trials: int = Field(default=80, gt=0, le=10**6, description="simulated first, that nothing sees")

    @property
    def chunk(self) -> int:
        """Trials that come and go at a time."""
        return self.window // self.seen

    @model_validator(mode="after")
    def _whole_chunks(self) -> LivePlan:
        if self.window % self.seen:
            raise ValueError(f"window: is {self.window}, expected a multiple of seen, which is {self.seen}")
        return self


class LiveCard(Settings):
    """What a run says of the trials that it was fitted to live."""

    config: dict[str, Any]
    dataset_id: str
    plan: LivePlan
    trials: int

    @property
    def split(self) -> Split:
        """All of them are learned from."""
        return Split(train=list(range(self.trials)), validation=[], test=[])
