"""What the files of fits have in common: numbers, and names of NEURON's variables, as in `gbar_NaV`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ...mechanisms import nmodl
from ...schema import InputError
from ..parameter_file import REGIONS, WrongEntry

Number = Annotated[float, Field(allow_inf_nan=False)]  # or its text, as some files have it


class Data(BaseModel):
    """A part of such a file. What is not known of it might matter, so it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def put(region: dict[str, Any], name: str, mechanism: str, value: Any, standing: Iterable[str] = ()) -> None:
    """Set NEURON's `name` among a region's entries: a section's own, such as cm, or PARAMETER_MECHANISM.

    mechanism: to which it belongs; empty where the name says it, of a mechanism of the region or of `standing`.
    Raises InputError for a name of no such mechanism.
    """
    if not mechanism and "_" not in name:
        region[name] = value
        return
    there = [mechanism] if mechanism else [*nmodl.BUILT_IN, *region, *standing]
    of = max((each for each in there if name.endswith(f"_{each}")), key=len, default="")
    if not of:
        what = f"mechanism '{mechanism}'" if mechanism else "a mechanism that was named before it"
        raise InputError(f"'{name}' is no parameter of {what}; expected PARAMETER_MECHANISM, as in g_pas")
    region.setdefault(of, {})[name.removesuffix(f"_{of}")] = value


def check_brought(table: Mapping[str, Any], brought: Mapping[str, Any], folder: str | None) -> None:
    """Each mechanism is of the user's folder or NEURON's own: one that is shipped under its name is another one.

    Raises WrongEntry for one that is not, with the folder's names.
    """
    for region in ("all", *REGIONS):
        for name, entry in (table.get(region) or {}).items():
            if isinstance(entry, dict) and name not in (*nmodl.BUILT_IN, *brought) and "rule" not in entry:
                if folder is None:
                    raise WrongEntry((region, name), f"give the folder that has {name} in NMODL: --mechanisms FOLDER")
                raise WrongEntry((region, name), f"is in no file of {folder}, which has {', '.join(sorted(brought))}")
