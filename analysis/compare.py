"""What each parameter buys: ROC-AUC and RMSE against trainable parameters, measured in front of published."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..simulate.schema import InputError
from .literature import Published, published_scores
from .look import BLACK, FAMILY_TITLES, GREY, PALE, check_suffix, figure, save, series_look, style
from .scores import Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

SUFFICIENT_AUC = 0.991  # "sufficiently good" in the literature: Beniaguev et al. 2021, Spieler et al. 2024
AUC_TICKS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995)
RMSE_TICKS_MV = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3, 4, 6, 8, 10, 20)
MAX_LABEL = 30  # characters: the legends of measured and published results share the width
PUBLISHED_MARKERS = {
    "Branch-ELM": "o",
    "Branch-ELM best effort": "*",
    "Branch-ELM smallest adequate": "h",
    "ELM": "s",
    "Simplest ELM": "p",
    "LSTM": "^",
    "TCN": "D",
    "LIF": "+",
    "ALIF": "x",
}
# Columns that a series does not mix, and how the legend says so where they differ
CONDITIONS = {
    "trained_on": "fitted to {}",
    "dataset_id": "scored on {}",
    "mode": "predicted by {}",
    "spike_times": "{} spike times",
    "train_trials": "{} training trials",
}

Row = TypeVar("Row", Score, Published)


def compare(scores: Sequence[Score], out: str | Path, *, input_set: str | None = "NMDA") -> Path:
    """Draw ROC-AUC and RMSE against trainable parameters, as PNG, SVG or PDF, and return the figure's path.

    Every size shows its seeds as small points, their mean, and a bar from the least to the greatest. Published results
    are drawn behind in grey, each with its source. Published RMSE is the rescaled one, so the measured rescaled one
    (filled) is what compares with it; the plain one is drawn open.
    input_set: whose published results to draw, NMDA or AMPA; None for none.
    Raises InputError where there is nothing to draw, the suffix is unknown or the path cannot be written.
    """
    check_suffix(out)
    if not scores:
        raise InputError("compare: no scores were given; `apical evaluate` makes them")
    published = [row for row in published_scores() if row.input_set == input_set]
    series = _group(scores, lambda row: (row.family, _variant(row), *(getattr(row, column) for column in CONDITIONS)))
    with style():
        labels = [_series_label(rows[0], scores) for rows in series]
        legend_lines = max(7, 4 + sum(1 + label.count("\n") for label in labels))
        fig = figure(2.9 + 0.14 * legend_lines)
        auc, rmse = fig.subplots(1, 2)
        sources = list(dict.fromkeys(row.source for row in published))
        behind = [
            _draw_published(auc, rmse, rows, sources.index(rows[0].source))
            for rows in _group(published, lambda row: (row.source, row.family))
        ]
        front = [
            _draw_measured(auc, rmse, rows, at, label)
            for at, (rows, label) in enumerate(zip(series, labels, strict=True))
        ]
        front += _key(auc, len(scores) > len({(row.family, row.n_parameters, row.size) for row in scores}))
        drawn = [row.roc_auc for row in scores] + [row.roc_auc for row in published if row.roc_auc is not None]
        _auc_axis(auc, drawn)
        drawn_mv = [v for row in scores for v in (row.rmse_mv, row.rmse_rescaled_mv)]
        _rmse_axis(rmse, drawn_mv + [row.rmse_rescaled_mv for row in published if row.rmse_rescaled_mv])
        for axes, letter in ((auc, "a"), (rmse, "b")):
            axes.set_xscale("log")
            axes.set_xlabel("trainable parameters")
            axes.set_title(letter, loc="left", weight="bold")
        one_dataset = len({row.dataset_id for row in scores}) == 1
        title = f"Measured on {_in_words(scores[0].dataset_id, scores)}" if one_dataset else "Measured"
        fig.legend(handles=front, title=title, loc="outside lower left", alignment="left")
        if behind:
            title = f"Published, NeuronIO test set ({input_set}), RMSE rescaled per file"
            title += "".join(f"{'   ' if at % 2 else chr(10)}[{at + 1}] {source}" for at, source in enumerate(sources))
            fig.legend(handles=behind, title=title, loc="outside lower right", alignment="left", ncols=3)
        return save(fig, out)


def _group(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> list[list[Row]]:
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.values())


def _draw_published(auc: Axes, rmse: Axes, rows: list[Published], source: int) -> Line2D:
    """Draw one published curve or point on both panels; returns its legend entry."""
    rows = sorted(rows, key=lambda row: row.n_parameters)
    marker = PUBLISHED_MARKERS.get(rows[0].family, ".")
    fill = (PALE, GREY, "white")[source % 3]
    look: dict[str, Any] = {"marker": marker, "ms": 3.5, "mew": 0.6, "lw": 0.7, "color": GREY, "mfc": fill, "zorder": 1}
    n_parameters = [row.n_parameters for row in rows]
    rmse.plot(n_parameters, np.array([row.rmse_rescaled_mv for row in rows], dtype=float), **look)
    label = f"{rows[0].family} [{source + 1}]"
    return auc.plot(n_parameters, np.array([row.roc_auc for row in rows], dtype=float), label=label, **look)[0]


def _draw_measured(auc: Axes, rmse: Axes, rows: list[Score], at: int, label: str) -> Line2D:
    """Draw the `at`-th measured series on both panels; returns its legend entry."""
    sizes = sorted(_group(rows, lambda row: (row.n_parameters, row.size)), key=lambda seeds: seeds[0].n_parameters)
    colour, marker = series_look(rows[0].family, at)
    _draw_sizes(rmse, sizes, "rmse_mv", color=colour, marker=marker, ls=":", mfc="white")
    _draw_sizes(rmse, sizes, "rmse_rescaled_mv", color=colour, marker=marker)
    return _draw_sizes(auc, sizes, "roc_auc", color=colour, marker=marker, label=label)


def _draw_sizes(axes: Axes, sizes: list[list[Score]], column: str, label: str = "", **look: Any) -> Line2D:
    """Draw one column: each size's mean and range, and its seeds a little to the right of them."""
    from matplotlib.transforms import offset_copy

    beside = offset_copy(axes.transData, axes.get_figure(root=True), x=5, y=0, units="points")
    n_parameters = [seeds[0].n_parameters for seeds in sizes]
    values = [np.array([getattr(seed, column) for seed in seeds]) for seeds in sizes]
    for x, y in zip(n_parameters, values, strict=True):
        if y.size > 1:
            axes.vlines(x, y.min(), y.max(), color=look["color"], lw=0.9, zorder=2)
            axes.plot(np.full(y.size, x), y, ".", ms=3.5, mew=0, color=look["color"], transform=beside, zorder=2)
    return axes.plot(n_parameters, [y.mean() for y in values], ms=4.5, mew=0.9, zorder=3, label=label, **look)[0]


def _key(auc: Axes, several_seeds: bool) -> list[Line2D]:
    """Draw the 'sufficiently good' line; returns legend entries for what is not a series."""
    from matplotlib.lines import Line2D

    line = auc.axhline(SUFFICIENT_AUC, color=BLACK, lw=0.7, ls=(0, (5, 3)), zorder=0)
    line.set_label(f"AUC {SUFFICIENT_AUC}, 'sufficiently good'")
    mean = Line2D([], [], color=BLACK, marker="o", ms=4.5, label="mean of seeds (dots), range (bar)")
    plain = Line2D([], [], color=BLACK, marker="o", ms=4.5, mfc="white", ls=":", label="plain RMSE (not rescaled)")
    return [*([mean] if several_seeds else []), plain, line]


def _series_label(row: Score, scores: Sequence[Score]) -> str:
    """The family, and whatever else tells the series apart."""
    told = [" ".join(filter(None, [FAMILY_TITLES.get(row.family, row.family), _variant(row)]))]
    for column, words in CONDITIONS.items():
        if len({getattr(other, column) for other in scores}) > 1:
            value = getattr(row, column)
            told.append(words.format(_in_words("" if value is None else str(value), scores)))
    return ",\n".join(told)


def _variant(row: Score) -> str:
    """What tells a model from others of its family, size by size: "shared" of elm-20-shared."""
    return row.name.partition(f"-{row.size}-")[2]


def _in_words(value: str, scores: Sequence[Score]) -> str:
    """A dataset's id as its name, with the id's start where two share the name; any other value as it is."""
    names = {row.dataset_id: row.dataset for row in scores}
    name = names.get(value, value) or "unknown"
    start_of_id = f" ({value[:6]})" if list(names.values()).count(name) > 1 else ""
    room = MAX_LABEL - len(start_of_id)
    return (name if len(name) <= room else name[: room - 1] + "…") + start_of_id


def _auc_axis(axes: Axes, values: Sequence[float]) -> None:
    """Stretch the scale towards 1, so that 0.99 and 0.995 are as far apart as 0.98 and 0.99."""
    axes.set_yscale("function", functions=(_nines, lambda y: 1 - 10.0 ** -np.asarray(y)))
    low, high = _nines(min(*values, SUFFICIENT_AUC)), _nines(max(*values, SUFFICIENT_AUC))
    pad = 0.06 * (high - low)
    axes.set_ylim(1 - 10 ** -(low - pad), 1 - 10 ** -(high + pad))
    _ticks(axes, AUC_TICKS)
    axes.set_ylabel("output spike ROC-AUC")


def _nines(auc: float | np.ndarray) -> np.ndarray:
    return -np.log10(np.clip(1 - np.asarray(auc, dtype=float), 1e-4, None))  # 1 is drawn as 0.9999


def _rmse_axis(axes: Axes, values_mv: Sequence[float]) -> None:
    axes.set_yscale("log")
    low, high = max(min(values_mv), 1e-3), max(values_mv)
    pad = (high / low) ** 0.06
    axes.set_ylim(low / pad, high * pad)
    _ticks(axes, RMSE_TICKS_MV)
    axes.set_ylabel("soma voltage RMSE (mV)\nfilled: rescaled per file · open: plain")


def _ticks(axes: Axes, ticks: Sequence[float]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
