"""The validation page is drawn from plain values, whatever sections there are."""

from __future__ import annotations

import numpy as np
import pytest

from apical.analysis.pages.validation_figure import validation_figure
from apical.analysis.pages.validation_panels import used_tolerance
from apical.simulate.schema import InputError

TIME_MS = np.arange(0.0, 3000.0, 1.0)


def row(group, name, measured, expected=None, tolerance=None, passed=None, basis="golden"):
    return {
        "group": group, "name": name, "unit": "mV", "measured": measured, "expected": expected,
        "tolerance": tolerance, "passed": passed, "basis": basis, "source": "",
    }  # fmt: skip


def made_up(**changes):
    found = {
        "morphology": "made-up",
        "biophysics": "none",
        "integration": {"engine": "coreneuron", "dt_ms": 0.025},
        "outcome": "1 of 2 judged checks passed",
        "checks": [
            row("bAP", "spike times", [298.0], [298.5], 1.0, True),
            row("bAP", "peak 620 um", -30.0, -10.0, 2.5, False),
        ],
        "curves": {},
    }
    return found | changes


def trace(*sites):
    return {"time_ms": TIME_MS, **{site: np.full_like(TIME_MS, -70.0) for site in sites}}


def test_a_page_with_one_section_says_what_failed(tmp_path):
    out = validation_figure(made_up(), {"bAP": trace("soma", "400 um", "620 um")}, tmp_path / "page.svg")
    told = out.read_text()
    assert "made-up with none (coreneuron, step 0.025 ms): 1 of 2 judged checks passed" in told
    assert "<!-- a  back-propagation (bAP) -->" in told and "<!-- b  used of the tolerance -->" in told
    assert "<!-- c " not in told


def test_a_page_without_references(tmp_path):
    found = made_up(checks=[row("bAP", "spike times", [], basis="none")])
    out = validation_figure(found, {"bAP": trace("soma", "400 um", "620 um")}, tmp_path / "page.svg")
    told = out.read_text()
    assert "<!-- soma -->" in told and "expected" not in told.replace("expected|", "")


def test_the_same_page_is_the_same_file(tmp_path):
    drawn = [
        validation_figure(made_up(), {"bAP": trace("soma", "400 um", "620 um")}, tmp_path / name).read_bytes()
        for name in ("a.svg", "b.svg")
    ]
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    "measured, expected, tolerance, passed, used",
    [
        (1.0, 1.0, 0.5, True, 0.0),
        (1.25, 1.0, 0.5, True, 0.5),
        ([1.0, 2.0], [1.0, 2.3], 1.0, True, 0.3),
        ([1.0], [1.0, 2.0], 1.0, False, 2.0),
        (None, 1.0, 1.0, False, 2.0),
        (3, 3, 0.0, True, 0.0),
        (3, 4, 0.0, False, 2.0),
        ([], [], 1.0, True, 0.0),
    ],
)
def test_how_much_of_its_tolerance_a_check_uses(measured, expected, tolerance, passed, used):
    assert used_tolerance(row("g", "n", measured, expected, tolerance, passed)) == pytest.approx(used)


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"page.gif: a figure is written as"):
        validation_figure(made_up(), {}, tmp_path / "page.gif")
