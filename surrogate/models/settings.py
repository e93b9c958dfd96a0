"""What every configuration of this stage is: frozen, without unknown fields, refused in one line."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from ...simulate.schema import InputError


class Settings(BaseModel):
    """A frozen configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def checked(cls, what: str, fields: dict) -> Self:
        """The configuration of these fields; `what` names it in the error.

        Raises InputError naming the first field at fault, what was expected and what came.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise InputError(f"{what}: {cls._complaint(error)}") from error

    @classmethod
    def _complaint(cls, error: ValidationError) -> str:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            near = get_close_matches(field, cls.model_fields, n=1)
            return f"'{field}' is not a setting" + (f": did you mean '{near[0]}'?" if near else "")
        if first["type"] == "value_error":  # one of our own validators, which says it all
            return first["msg"].removeprefix("Value error, ")
        return f"{field}: {first['msg']}" + ("" if first["type"] == "missing" else f", not {first['input']!r}")
