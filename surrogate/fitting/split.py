"""Which trials a model learns from, is chosen on, and is judged by: whole trials, never windows of one trial."""

from __future__ import annotations

import numpy as np

from ...simulate.schema import InputError
from ..models.settings import Settings


class Split(Settings):
    """Trial numbers of each part, ascending."""

    train: list[int]
    validation: list[int]
    test: list[int]


def split_trials(
    trials: np.ndarray,
    seed: int,
    validation_fraction: float,
    test_fraction: float,
    train_fraction: float = 1.0,
    where: str = "",
) -> Split:
    """Share out the trials at random; the same trials, seed and fractions give every model the same split.

    trials: trial numbers. Each part gets one at least. train_fraction: of those to train on, only this share; a smaller
    one is part of a larger, and the other two parts stay as they are. where: what begins the line of an error.
    Raises InputError where there are too few for three parts.
    """
    n_validation, n_test = (max(1, round(len(trials) * f)) for f in (validation_fraction, test_fraction))
    n_train = len(trials) - n_validation - n_test
    if n_train < 1:
        raise InputError(
            f"{where}{len(trials)} finished trials cannot be split into training, {n_validation} validation and "
            f"{n_test} test trials: simulate more, or lower the fractions"
        )
    shuffled = np.random.default_rng(seed).permutation(np.sort(trials))
    train, validation, test = np.split(shuffled, [n_train, n_train + n_validation])
    parts = train[: max(1, round(train_fraction * n_train))], validation, test
    return Split(**{name: sorted(part.tolist()) for name, part in zip(Split.model_fields, parts, strict=True)})
