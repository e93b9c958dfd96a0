"""The way through a fit: runs of the same step together, from validation to validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from itertools import compress
from typing import NamedTuple

from ..processes import Processes
from .progress import Report, progress_of
from .resident import Resident
from .run import Run
from .stack import Stack
from .step import make_optimizer
from .steps import DeviceSteps, HostSteps, Training
from .validation import validate
from .weight_average import WeightAverage
from .windows import Trials


class Material(NamedTuple):
    """What runs are taken through."""

    train: Trials
    validation: Trials
    share: slice  # of each batch
    processes: Processes
    threads: int  # that draw ahead
    resident: Resident | None  # the training trials, where they lie on a GPU
    report: Report | None
    say: Callable[[str], None] | None


def advance(runs: list[Run], material: Material) -> None:
    """Take all runs to their end; those at the same step go on together."""
    while going := [run for run in runs if not run.ended]:
        step = min(run.step for run in going)
        ahead = [run for run in runs if run.step > step]
        until = min([run.step for run in ahead], default=going[0].config.steps)
        _advance_together([run for run in runs if run in going or run in ahead], range(step, until), material)


def _advance_together(runs: list[Run], steps: range, material: Material) -> None:
    """Take those runs that are at the first of `steps` through them, or to where one of them ends.

    What is computed of one model depends, in its last digit, on how many are computed with it. So a run that has been
    there before, as after a kill between two folders, is in the stack by a copy that is not kept.
    """
    config, processes = runs[0].config, material.processes
    at = [run.step == steps.start for run in runs]
    models = [run.model if here else deepcopy(run.model) for run, here in zip(runs, at, strict=True)]
    optimizers = [
        run.optimizer if here else make_optimizer(config, model)
        for run, model, here in zip(runs, models, at, strict=True)
    ]
    means = [run.average if here else deepcopy(run.average) for run, here in zip(runs, at, strict=True)]
    seeds, stack = [run.config.seed for run in runs], Stack(models)
    averages = [WeightAverage(mean, model) for mean, model in zip(means, models, strict=True) if mean is not None]
    training = Training(stack, optimizers, config, seeds, material.train, material.share, processes, averages)
    taken: HostSteps | DeviceSteps
    if material.resident is None:
        taken = HostSteps(training, steps, threads=material.threads)
    else:
        taken = DeviceSteps(training, material.resident, material.say if processes.first else None)
    with closing(taken):
        for some in _between_validations(steps, taken.at_once, config.validate_every):
            losses = taken.take(some)
            for run, own in compress(zip(runs, zip(*losses, strict=True), strict=True), at):
                for loss in own:
                    run.stepped(loss)
                if run.validation_is_due:
                    scores = (0.0, 0.0)
                    if processes.first:
                        scores = validate(run.scored, material.validation, run.card.scaling)
                    run.validated(*processes.agree(scores))
            if material.report is not None and processes.first:
                material.report(progress_of([*compress(runs, at)]))
            if any(run.ended for run in compress(runs, at)):
                return


def _between_validations(steps: range, at_once: int, validate_every: int) -> Iterator[range]:
    """`steps` in parts of `at_once` at most, each of which ends where a validation is due, if one is.

    >>> list(_between_validations(range(3, 11), 4, 5))
    [range(3, 5), range(5, 9), range(9, 10), range(10, 11)]
    """
    start = steps.start
    while start < steps.stop:
        due = start - start % validate_every + validate_every
        yield range(start, start := min(start + at_once, due, steps.stop))
