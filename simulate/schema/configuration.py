"""What every configuration is: frozen, of finite numbers, without unknown fields, refused in one line."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from reprlib import Repr
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .input_error import InputError

LARGEST_SEED = 2**63 - 1  # what `trial_seed` of a store, a signed integer of 64 bits, and PyTorch hold
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]

_short = Repr()
_short.maxstring = _short.maxother = _short.maxlong = 60


def shown(value: object) -> str:
    """A value that somebody gave, for a line about it: the start and the end of a long one.

    >>> shown("9" * 1000)
    "'999999999999999999999999999...9999999999999999999999999999'"
    """
    return _short.repr(value)


class Configuration(BaseModel):
    """A frozen configuration; `model_copy` checks its changes as `model_validate` does."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def checked(cls, what: str, fields: Mapping[Any, Any]) -> Self:
        """The configuration of these fields; `what` names it in the error.

        Raises InputError naming the first field at fault, what was expected and what came.
        """
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            raise InputError(f"{what}: {cls._complaint(error)}") from error

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """The same with the fields of `update` replaced. Raises InputError as `checked`."""
        same = super().model_copy(deep=deep)
        # what was not set is at its default again, which may follow from the change
        fields = {name: getattr(same, name) for name in same.model_fields_set}
        return same if not update else self.checked(type(self).__name__, fields | dict(update))

    @classmethod
    def _complaint(cls, error: ValidationError) -> str:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            near = get_close_matches(field, cls.model_fields, n=1)
            return f"'{field}' is not a setting" + (f": did you mean '{near[0]}'?" if near else "")
        if first["type"] == "value_error":  # one of our own validators, which says it all
            return first["msg"].removeprefix("Value error, ")
        return f"{field}: {first['msg']}" + ("" if first["type"] == "missing" else f", not {shown(first['input'])}")
