"""What a log file holds of a long command."""

from __future__ import annotations

import io
import re

from rich.console import Console


def test_a_log_file_has_a_line_now_and_then(monkeypatch):
    from apical.cli import progress

    file, clock = io.StringIO(), iter(range(0, 10_000, 25))
    monkeypatch.setattr(progress, "errors", Console(file=file, width=120))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.bar("Fitting", 8) as show:
        for done in range(1, 9):
            show(done, 8, f"loss {9 - done}")
    lines = [line for line in file.getvalue().splitlines() if line.startswith("Fitting: ")]
    told = [re.fullmatch(r"Fitting: (\d) of 8(, \d+:\d\d:\d\d left)?  loss (\d)", line) for line in lines]
    assert [int(each[1]) for each in told] == [3, 6], "after 75 s, and 75 s more"
    assert all(int(each[1]) + int(each[3]) == 9 for each in told)
