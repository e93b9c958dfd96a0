"""One check of a cell: what was measured beside what was expected, and whether they agree."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

STEPS_NA = (0.619, 0.793, 1.507)  # Hay et al. 2011, Figure 4

Basis = Literal["golden", "theory", "measured", "experiment", "none"]
Values = float | tuple[float, ...] | None


class Check(BaseModel):
    """One quantity of one protocol.

    measured, expected: a number, or times in order; None where there is none (no finite value; no reference).
    tolerance: largest difference that passes. passed: None where there is nothing to pass.
    basis: where `expected` comes from: golden values of this cell, theory, another measurement of the same run, or
    experiments (mean, and standard deviation as `tolerance`), which are shown beside and never judged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    group: str
    name: str
    unit: str
    measured: Values
    expected: Values = None
    tolerance: float | None = None
    passed: bool | None = None
    basis: Basis = "none"
    source: str = ""

    @property
    def beyond_experiments(self) -> bool:
        """Whether experiments found another value: their mean is further away than twice their deviation."""
        if self.basis != "experiment" or not isinstance(self.expected, float) or self.tolerance is None:
            return False
        return isinstance(self.measured, float) and abs(self.measured - self.expected) > 2 * self.tolerance

    @property
    def result(self) -> str:
        """The check's result in words: what has nothing to pass is measured, never passed."""
        if self.passed is not None:
            return "pass" if self.passed else "FAIL"
        if self.basis != "experiment" or self.measured is None:
            return "measured"
        return f"measured, {'beyond' if self.beyond_experiments else 'within'} 2 SD of experiments"

    def told(self, what: Literal["measured", "expected"]) -> str:
        """The measured or the expected value for people, the latter with its tolerance."""
        values = getattr(self, what)
        if values is None:
            return "no reference" if what == "expected" else "none"
        within = f" ± {self.tolerance:.4g}" if what == "expected" and self.tolerance and values != () else ""
        if isinstance(values, tuple):
            return (", ".join(f"{value:.1f}" for value in values) or "none") + within
        return f"{values:.4g}{within}"

    def __str__(self) -> str:
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{self.group}, {self.name}: {self.told('measured')}{unit}, expected {self.told('expected')}{unit}"


class Verdict(BaseModel):
    """What all checks of one protocol come to.

    word: 'failed' if a check did, 'passed' if some were judged and all passed, else 'measured'. judged, passed: how
    many. beyond: quantities that lie further than twice the standard deviation from the mean of experiments.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    group: str
    word: Literal["passed", "failed", "measured"]
    judged: int
    passed: int
    beyond: list[str]

    def __str__(self) -> str:
        return f"{self.word} {self.passed} of {self.judged}" if self.judged else self.word


def verdicts(checks: Sequence[Check]) -> list[Verdict]:
    """A verdict for each protocol, in the order of `checks`."""
    found = []
    for group in dict.fromkeys(each.group for each in checks):
        of_group = [each for each in checks if each.group == group]
        judged = [each for each in of_group if each.passed is not None]
        passed = sum(each.passed is True for each in judged)
        word: Literal["passed", "failed", "measured"] = "measured"
        if judged:
            word = "passed" if passed == len(judged) else "failed"
        beyond = [each.name for each in of_group if each.beyond_experiments]
        found.append(Verdict(group=group, word=word, judged=len(judged), passed=passed, beyond=beyond))
    return found


def outcome(found: Sequence[Verdict]) -> str:
    """One line for all of them; what nothing was judged of is only measured."""
    judged, passed = (sum(getattr(each, name) for each in found) for name in ("judged", "passed"))
    only = [each.group for each in found if each.word == "measured"]
    told = f"{passed} of {judged} judged checks passed"
    return f"{told}; only measured: {', '.join(only)}" if only else told


@dataclass
class Findings:
    """What a section of the validation found: checks, curves of numbers and traces (arrays) to draw, remarks."""

    checks: list[Check] = field(default_factory=list)
    curves: dict[str, Any] = field(default_factory=dict)
    traces: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def check(
    group: str,
    name: str,
    unit: str,
    measured: float | Sequence[float] | np.ndarray,
    expected: float | Sequence[float] | np.ndarray | None = None,
    tolerance: float = 0.0,
    basis: Basis = "theory",
    source: str = "",
) -> Check:
    """Compare `measured` with `expected`: each within `tolerance`, and as many; without `expected`, tell only."""
    found = _plain(measured)
    if expected is None:
        return Check(group=group, name=name, unit=unit, measured=found)
    ours, theirs = np.atleast_1d(measured), np.atleast_1d(expected)
    passed = ours.shape == theirs.shape and bool(np.all(np.abs(ours - theirs) <= tolerance))
    return Check(
        group=group,
        name=name,
        unit=unit,
        measured=found,
        expected=_plain(expected),
        tolerance=tolerance,
        passed=passed and found is not None,
        basis=basis,
        source=source,
    )


def _plain(values: float | Sequence[float] | np.ndarray) -> Values:
    array = np.asarray(values, dtype=float)
    if not np.isfinite(array).all():
        return None
    return float(array) if array.ndim == 0 else tuple(float(value) for value in array)


class Reference:
    """The values that are known of one cell: golden ones by protocol and quantity, and those of experiments.

    holding_na, steps_na: the step currents that its published model comes with, and the current that is always there;
    those of Hay et al. 2011, Figure 4, where it has none of its own.
    """

    def __init__(self, morphology: str, biophysics: str) -> None:
        own = [r for r in _table("steps") if (r["morphology"], r["biophysics"]) == (morphology, biophysics)]
        self.holding_na = float(own[0]["holding_na"]) if own else 0.0
        self.steps_na = tuple(float(word) for word in own[0]["steps_na"].split()) if own else STEPS_NA
        rows = [r for r in _table("golden") if (r["morphology"], r["biophysics"]) == (morphology, biophysics)]
        self._golden = {(row["group"], row["name"]): row for row in rows}
        self._experiment = {(row["group"], row["name"]): row for row in _table("experiment")}

    def known(self) -> list[tuple[str, str]]:
        """Protocol and quantity of every golden value."""
        return list(self._golden)

    def golden(self, group: str, name: str) -> tuple[float, ...] | None:
        """The golden values of one quantity (times may be none or several); None where they are not known."""
        row = self._golden.get((group, name))
        return None if row is None else tuple(float(value) for value in row["expected"].split() if value != "none")

    def check(
        self, group: str, name: str, unit: str, measured: float | Sequence[float] | np.ndarray, tolerance: float
    ) -> Check:
        """Compare with the golden value where there is one; else set the experiments' beside; else tell only."""
        listed = self.golden(group, name)
        if listed is None:
            return self.beside(group, name, unit, measured)
        row = self._golden[group, name]
        assert row["unit"] == unit, (row, unit)
        expected = listed[0] if np.ndim(measured) == 0 else listed
        return check(group, name, unit, measured, expected, tolerance, "golden", row["made_with"])

    def beside(self, group: str, name: str, unit: str, measured: float | Sequence[float] | np.ndarray) -> Check:
        """Tell a quantity, with what experiments found beside it where they did."""
        told, row = check(group, name, unit, measured), self._experiment.get((group, name))
        if row is None:
            return told
        assert row["unit"] == unit, (row, unit)
        mean, sd = float(row["mean"]), float(row["sd"])
        return told.model_copy(
            update={"expected": mean, "tolerance": sd, "basis": "experiment", "source": row["source"]}
        )


def _table(name: str) -> list[dict[str, str]]:
    text = (files(__package__) / "published" / f"{name}.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Exponent p of y ~ x^p, fitted to the logarithms; NaN where a value is not positive."""
    if min(y) <= 0:
        return math.nan
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])
