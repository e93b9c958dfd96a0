"""A cell that was taken over from somebody's model, as data: sections, what stands in them, and the NMODL of it.

Nothing of the model's code is in it or is run to read it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...mechanisms.nmodl import Source
from ...schema import InputError
from ...schema.input_error import one_line

FORMAT = "apical cell 1"
SUFFIX = ".json"
OWN = "own"  # the parameter set of such a cell: all that stands in it
REGIONS = ("soma", "axon", "basal", "apical")
MOST_SECTIONS, MOST_SEGMENTS = 100_000, 32_767

Number = Annotated[float, Field(allow_inf_nan=False)]
Values = Number | list[Number]  # the same in every segment, or one of each


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ion(_Data):
    """style: as h.ion_style gives it. values: NEURON name -> reversal potential in mV, concentrations in mM."""

    style: int
    values: dict[str, Values]


class Section(_Data):
    """parent: the number of the section that it hangs on by its `end`, at parent_x; None for the root.

    points: x, y, z and diameter in um, where it was drawn. diam_um, cm_uf_per_cm2, area_um2: by segment; the last to
    see that NEURON makes the same of it. mechanisms: name -> parameter -> value, where it is not the mechanism's own.
    """

    name: str
    region: Literal["soma", "axon", "basal", "apical"]
    parent: int | None
    parent_x: Number
    end: Literal[0, 1]
    nseg: int = Field(ge=1, le=MOST_SEGMENTS)
    length_um: Number
    ra_ohm_cm: Number
    points: list[tuple[Number, Number, Number, Number]]
    diam_um: Values
    cm_uf_per_cm2: Values
    area_um2: Values
    mechanisms: dict[str, dict[str, Values]]
    ions: dict[str, Ion]


class Taken(_Data):
    """globals: NEURON names of GLOBAL parameters and of ions' initial concentrations, with their values."""

    format: Literal["apical cell 1"]
    name: str = Field(min_length=1)
    made_from: str
    celsius: Number
    sections: list[Section] = Field(min_length=1, max_length=MOST_SECTIONS)
    globals: dict[str, Number]
    nmodl: dict[str, Source]

    def mechanisms(self) -> list[str]:
        """Names of those that stand in any section."""
        return sorted({name for section in self.sections for name in section.mechanisms})


def is_taken(path: str | Path) -> bool:
    return Path(path).suffix.lower() == SUFFIX


def read(path: Path) -> Taken:
    """The cell in the file. Raises InputError for one that holds none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cell {path}: cannot be read ({one_line(error)})") from error
    try:
        found = Taken.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "file"
        what = f"{field}: {first['msg']}"
        raise InputError(f"cell {path}: is no cell that `apical take-cell` wrote ({what})") from error
    for number, section in enumerate(found.sections):
        if section.parent is not None and not 0 <= section.parent < len(found.sections):
            raise InputError(f"cell {path}: sections.{number}.parent: there is no section {section.parent}")
        for field, values in (("diam_um", section.diam_um), ("cm_uf_per_cm2", section.cm_uf_per_cm2)):
            if isinstance(values, list) and len(values) != section.nseg:
                raise InputError(f"cell {path}: sections.{number}.{field}: expected {section.nseg}, got {len(values)}")
    return found
