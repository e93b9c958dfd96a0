"""The reference at the end of docs/guides/your_own_cell.md names all that there is."""

from __future__ import annotations

import re
from pathlib import Path

from apical.simulate.cell import biophysics, distance_rules
from apical.simulate.mechanisms import units

PAGE = (Path(__file__).parents[1] / "docs" / "guides" / "your_own_cell.md").read_text(encoding="utf-8")


def test_the_reference_names_what_there_is():
    reference = PAGE[PAGE.index("## Reference") :]
    for name in {*biophysics.TABLES, *biophysics.Biophysics.model_fields} - {"stand"}:
        assert re.search(rf"`\[?{name}\]?`", reference), name
    for rule, kind in distance_rules.RULES.items():
        (row,) = re.findall(rf"^\| `{rule}` .*$", reference, re.M)
        assert all(f"`{field}`" in row for field in kind.model_fields if field != "rule"), row
    for name, known in units.QUANTITIES.items():
        if name not in ("permeability", "rate", "temperature"):  # of no shipped mechanism
            assert all(f"`{unit}`" in reference for unit in known), name
