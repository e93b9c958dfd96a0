"""Which values an axis is labelled at: at least two, however narrow it is, and none so near that labels touch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axis import Axis

DIGITS = ((1,), (2, 5), (3, 4, 6, 8), (1.5, 2.5, 7, 9))  # of logarithmic ticks, the rounder ones first
LEAST_STEP = {"x": 0.25, "y": 0.08}  # parts of the axis; a label of six letters is so wide, and one so high
PLAIN_FROM = 1e-4
PLAIN_BELOW = 1e5  # an axis that reaches further is labelled in powers of ten


def label_logarithmic(axis: Axis) -> None:
    """Label a logarithmic axis whose limits are final."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    low, high = sorted(axis.get_view_interval())
    ticks = logarithmic_ticks(low, high, LEAST_STEP["x" if axis is axis.axes.xaxis else "y"])
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: told(value, in_powers=ticks[-1] >= PLAIN_BELOW)))
    axis.set_minor_formatter(NullFormatter())


def logarithmic_ticks(low: float, high: float, least_step: float) -> list[float]:
    """At least two round values from `low` to `high`, powers of ten where these are enough.

    >>> logarithmic_ticks(900, 2e6, 0.1), logarithmic_ticks(4600, 16000, 0.2), logarithmic_ticks(5.1, 5.3, 0.2)
    ([1000, 10000, 100000, 1000000], [5000, 10000], [5.1, 5.2, 5.3])
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    tiers = [[digit * 10**power for power in powers for digit in digits] for digits in DIGITS]
    return spread(tiers, low, high, least_step, math.log10, wanted=2)


def spread(
    tiers: Sequence[Sequence[float]],
    low: float,
    high: float,
    least_step: float,
    place: Callable[[float], float],
    wanted: int = 3,
) -> list[float]:
    """Ticks from `low` to `high`: as many as wanted if the tiers have them, the first first; else two round numbers.

    least_step: between two of them, in parts of the axis. place: where a value is on the axis, in any unit.
    """
    from matplotlib.ticker import MaxNLocator

    span, kept = place(high) - place(low), list[float]()
    finest = [list(MaxNLocator(n, steps=[1, 2, 5, 10]).tick_values(low, high)) for n in (2, 3, 5, 9, 20)]
    rounded = [[round(float(value), 12) for value in each] for each in finest]
    for enough, tier in [*((wanted, tier) for tier in tiers), *((2, tier) for tier in rounded)]:
        if len(kept) >= enough:
            break
        for value in tier:
            if low <= value <= high and all(abs(place(value) - place(other)) >= least_step * span for other in kept):
                kept.append(value)
    return sorted(kept) if len(kept) > 1 else [low, high]


def told(value: float, in_powers: bool = False) -> str:
    r"""A value as a label; very small ones as powers of ten, and from 1,000 on with in_powers.

    >>> told(0.05), told(20000), told(1e3, True), told(2e6, True), told(1e-5)
    ('0.05', '20,000', '$10^{3}$', '$2\\times10^{6}$', '$10^{-5}$')
    """
    if value >= PLAIN_FROM and (not in_powers or value < 1000):
        return f"{value:,.6g}"
    power = math.floor(math.log10(value) + 1e-9)
    digits = f"{value / 10**power:.3g}"
    return f"$10^{{{power}}}$" if digits == "1" else f"${digits}\\times10^{{{power}}}$"
