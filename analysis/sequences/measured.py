"""What models scored and how sure it is: a bootstrap over sequences, or over blocks of a text, the same ones for all
models, and over seeds.

R resamples, N sequences or blocks, S seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..scores.uncertainty import Interval, interval_of
from .measure import BITS, Measure
from .rows import TaskScore

RESAMPLES = 1000
AT_ONCE = 50  # resamples, of up to 16,000 sequences


class Measured(NamedTuple):
    """Accuracy, or bits per character, of one model over its seeds, best-known by `interval`; it is none (NaN) where
    answers, or bits of blocks, are not there.
    """

    scores: tuple[TaskScore, ...]  # a seed each
    mean: float
    interval: Interval
    resampled_r: np.ndarray  # of which it is the interval; models of as many sequences have them in common

    @property
    def first(self) -> TaskScore:
        """Stands for what all seeds share."""
        return self.scores[0]

    @property
    def measure(self) -> Measure:
        """What was measured."""
        return self.first.measure


def measured(scores: Sequence[TaskScore], *, resamples: int = RESAMPLES, seed: int = 0) -> list[Measured]:
    """What each model scored, seeds together, in the order in which models first come."""
    groups: dict[tuple, list[TaskScore]] = {}
    for score in scores:
        groups.setdefault(score.what, []).append(score)
    found = []
    for group in groups.values():
        drawn_r = _resampled(group, resamples, seed)
        mean = float(np.mean([each.value for each in group]))
        found.append(Measured(tuple(group), mean, interval_of(drawn_r), drawn_r))
    return found


def _resampled(group: Sequence[TaskScore], resamples: int, seed: int) -> np.ndarray:
    counted = [each for each in map(_counted, group) if each is not None]
    if len(counted) < len(group):
        return np.full(resamples, np.nan)
    of_sn, weight_n = np.stack([of_n for of_n, _ in counted]), counted[0][1]
    n_seeds, n_sequences = of_sn.shape
    for_sequences, for_seeds = (np.random.default_rng([seed, which]) for which in (0, 1))  # the first alike for all
    drawn = []
    for first in range(0, resamples, AT_ONCE):
        count = min(AT_ONCE, resamples - first)
        of_sequences_rn = for_sequences.multinomial(n_sequences, np.full(n_sequences, 1 / n_sequences), count)
        of_seeds_rs = for_seeds.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), count)
        by_seed_rs = of_sequences_rn @ of_sn.T / (of_sequences_rn @ weight_n)[:, None]
        drawn.append((of_seeds_rs * by_seed_rs).sum(1) / n_seeds)
    return np.concatenate(drawn)


def _counted(score: TaskScore) -> tuple[np.ndarray, np.ndarray] | None:
    """What is added up (N,) and by what it is divided (N,): right answers and one each, or bits and characters."""
    if score.measure is BITS:
        return None if score.bits_k is None or score.characters_k is None else (score.bits_k, score.characters_k)
    if score.label_n is None or score.predicted_n is None:
        return None
    return (score.label_n == score.predicted_n).astype(float), np.ones(len(score.label_n))


def confusion(score: TaskScore) -> np.ndarray:
    """How often each class (rows) was taken for each (columns), (K, K); its answers must be there."""
    assert score.label_n is not None and score.predicted_n is not None
    counts = np.zeros((score.n_classes, score.n_classes), int)
    np.add.at(counts, (score.label_n, score.predicted_n), 1)
    return counts


def measured_table(found: Sequence[Measured]) -> str:
    """Every model with its interval, as a table in Markdown; where there are bins of several widths, a column each."""
    bins = sorted({each.first.bin_ms for each in found if each.first.bin_ms})
    if bins[1:]:
        return _by_bin(found, bins)
    rows = []
    for each in found:
        first = each.first
        bin_ms = f"{first.bin_ms:g} ms" if first.bin_ms else ""
        told = "" if np.isnan(each.interval.low) else f"{each.interval.low:.4f} – {each.interval.high:.4f}"
        cells = (
            *(_task(each), bin_ms, first.family, first.size_in_words, f"{first.n_parameters:,}", f"{first.steps:,}"),
            *(len(each.scores), f"{each.mean:.4f}", told),
        )
        rows.append([*map(str, cells)])
    measures = " or ".join(dict.fromkeys(each.measure.in_table for each in found))
    columns = ["task", "bin", "model", "size", "parameters", "steps", "seeds", measures, "95 % interval"]
    return _markdown(columns, rows)


def _by_bin(found: Sequence[Measured], bins: Sequence[float]) -> str:
    rows: dict[tuple, dict[float | None, str]] = {}
    for each in found:
        first, (low, high) = each.first, each.interval
        model = _task(each), first.family, first.size_in_words, f"{first.n_parameters:,}", f"{first.steps:,}"
        between = "" if np.isnan(low) else f" ({low:.3f}–{high:.3f})"
        seeds = f", {len(each.scores)} seeds" if each.scores[1:] else ""
        rows.setdefault(model, {})[first.bin_ms] = f"{each.mean:.3f}{between}{seeds}"
    columns = ["task", "model", "size", "parameters", "steps", *(f"{bin_ms:g} ms" for bin_ms in bins)]
    return _markdown(
        columns, [[*model, *(by_bin.get(bin_ms, "") for bin_ms in bins)] for model, by_bin in rows.items()]
    )


def _task(each: Measured) -> str:
    return each.first.task + (", added" if each.first.adding else "")


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
