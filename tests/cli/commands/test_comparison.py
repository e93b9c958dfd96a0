"""`apical evaluate`: what it cannot finish leaves nothing that keeps it from being given again."""

from __future__ import annotations


def test_a_figure_that_cannot_be_written_leaves_no_scores(fitted, refused):
    before = sorted(fitted.iterdir())
    line = refused("evaluate truth.zarr prediction.zarr --out new.csv --figure nothere/figure.png --published-only")
    assert "nothere/figure.png: cannot be written (No such file or directory); choose another path" in line
    assert sorted(fitted.iterdir()) == before
