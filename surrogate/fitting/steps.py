"""Training steps taken some at a time: losses are looked at afterwards, so that a GPU is not waited for meanwhile.

N models, B windows, K steps at most at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..kernels.replay import Replay
from ..processes import Processes
from .loader import load_batches
from .recipe import FitConfig, Rates
from .resident import Resident
from .rollout import overlap_ms_of
from .stack import Stack
from .step import descend, train_step
from .weight_average import WeightAverage
from .windows import Choice, Places, Trials, draw_places

KINDS = torch.int64, torch.int64, torch.float32, torch.int64  # of the buffers, as Places has them
AT_ONCE = 100  # steps on a GPU between two looks at their losses: a fifth of a second or less


class Training(NamedTuple):
    """What is fitted, each model with its own optimizer and seed, and to what."""

    stack: Stack
    optimizers: Sequence[torch.optim.Optimizer]
    config: FitConfig  # of all; the seed is not looked at
    seeds: Sequence[int]
    trials: Trials
    share: slice = slice(None)  # of each batch, what this process takes
    processes: Processes = Processes()
    averages: Sequence[WeightAverage] = ()  # of each model, where there is one

    @property
    def choice(self) -> Choice:
        """How windows are chosen."""
        config, model = self.config, self.stack.models[0]
        return Choice(config.spike_windows, overlap_ms_of(model, config.burn_in_ms), config.input_dropout)


class HostSteps:
    """Steps whose batches are drawn on the host, and handed over one after another."""

    def __init__(self, training: Training, steps: range, *, threads: int = 0) -> None:
        """steps: all that will be taken, in order. threads: that draw ahead, see `load_batches`."""
        self._training = training
        config = training.config
        self._device = next(training.stack.models[0].parameters()).device
        self.at_once = AT_ONCE if self._device.type == "cuda" else 1
        self._batches = load_batches(
            training.trials,
            window_ms=config.window_ms,
            batch=config.batch,
            seeds=training.seeds,
            steps=steps,
            share=training.share,
            threads=threads,
            choice=training.choice,
        )

    def take(self, steps: range) -> list[list[float]]:
        """Take the next steps; the losses of each, by model."""
        of, losses = self._training, []
        for step in steps:
            batch = [windows.to(self._device) for windows in next(self._batches)]
            losses.append(train_step(of.stack, of.optimizers, batch, of.config, step, of.processes, of.averages))
        return torch.stack(losses).tolist()

    def close(self) -> None:
        self._batches.close()


class DeviceSteps:
    """Steps whose batches are cut on the device, of trials that lie there; on a GPU, a step is one CUDA graph.

    All that differs from step to step is in buffers: where the windows lie, the rates, and the number of the step among
    those that are taken together. They are filled for all of these at once.
    """

    at_once = AT_ONCE

    def __init__(self, training: Training, resident: Resident, say: Callable[[str], None] | None = None) -> None:
        """say: told where a GPU does not take the step as one graph, and why."""
        self._training, self._resident = training, resident
        device = next(training.stack.models[0].parameters()).device
        n_windows = len(range(*training.share.indices(training.config.batch)))
        shape = AT_ONCE, len(training.seeds), n_windows
        self._places = [torch.zeros(shape, dtype=kind, device=device) for kind in KINDS]
        self._choice = training.choice
        self._rates_kr = torch.zeros(AT_ONCE, len(Rates._fields), dtype=torch.float64, device=device)
        self._loss_kn = torch.zeros(AT_ONCE, len(training.seeds), device=device)
        self._at = torch.zeros(1, dtype=torch.int64, device=device)
        self._drawn: dict[int, list[Places]] = {}
        alone = training.processes.count == 1  # what processes tell one another is in no graph
        self._step = Replay(self.step, say) if device.type == "cuda" and alone else self.step

    def take(self, steps: range) -> list[list[float]]:
        """Take these steps; the losses of each, by model."""
        config = self._training.config
        drawn = [self._draw(step) for step in steps]
        for at, buffer in enumerate(self._places):
            if drawn[0][0][at] is not None:
                _fill(buffer, np.stack([[places[at] for places in of_step] for of_step in drawn]))
        _fill(self._rates_kr, np.array([config.rates(step) for step in steps]))
        self._at.zero_()
        for _ in steps:
            self._step()
        ahead = range(steps.stop, min(steps.stop + AT_ONCE, config.steps))
        self._drawn = {step: self._draw(step) for step in ahead}  # while a GPU is at work
        return self._loss_kn[: len(steps)].tolist()

    def step(self) -> None:
        """Take the step that the buffers say; a function of what lies on the device alone."""
        of, choice = self._training, self._choice
        at_nb, start_nb, weight_nb, salt_nb = (each.index_select(0, self._at)[0] for each in self._places)
        (rates_r,) = self._rates_kr.index_select(0, self._at)
        batches = [
            self._resident.windows(
                at_nb[n],
                start_nb[n],
                weight_nb[n] if choice.spike_windows else None,
                salt_nb[n] if choice.input_dropout else None,
                choice.input_dropout,
            )
            for n in range(len(of.seeds))
        ]
        loss_n = descend(of.stack, of.optimizers, batches, of.config, Rates(*rates_r), of.processes, of.averages)
        self._loss_kn.index_copy_(0, self._at, loss_n[None])
        self._at += 1

    def close(self) -> None:
        """Nothing is under way once `take` returns."""

    def _draw(self, step: int) -> list[Places]:
        """Where the windows of a step lie, of each model."""
        if step in self._drawn:
            return self._drawn[step]
        of = self._training
        size = {"window_ms": of.config.window_ms, "batch": of.config.batch}
        draw = partial(draw_places, of.trials, **size, step=step, share=of.share, choice=self._choice)
        return [draw(seed=seed) for seed in of.seeds]


def _fill(buffer: Tensor, values: np.ndarray) -> None:
    """Copy into the first rows of a buffer; a GPU is not waited for."""
    given = torch.from_numpy(values)
    if buffer.is_cuda:
        given = given.pin_memory()
    buffer[: len(values)].copy_(given, non_blocking=True)
