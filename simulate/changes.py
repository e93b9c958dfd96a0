"""A configuration from a preset and changes to it: a TOML file, or FIELD=VALUE on the command line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from .cell.models import taken
from .config import Simulation
from .names import nearest
from .presets import DEFAULT_PRESET, preset
from .schema import InputError, shown
from .schema.input_error import one_line

DEEPEST = 10  # levels of tables and lists in a value, more than any field has


def configured(
    name: str | None = None,
    file: str | Path | None = None,
    fields: dict[str, Any] | None = None,
    words: Iterable[str] = (),
) -> Simulation:
    """The preset `name` with the fields of the TOML `file` replaced, and then `fields` and `words` (FIELD=VALUE).

    Without a name, the file's own field `preset` says where to start. A table, or a dotted name in a word, replaces
    fields of a part of the configuration and leaves its others.
    Raises InputError that names file, field and value, and what was expected.
    """
    from_file = {} if file is None else _read(Path(file))
    start = from_file.pop("preset", None)
    if name is not None and start not in (None, name):
        raise InputError(f"{file}: starts from preset '{start}', the command line from '{name}'; give one of them")
    config = changed(preset(name or start or DEFAULT_PRESET), from_file, f"{file}: ")
    return changed(config, _merged(fields or {}, parsed(words)), "")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: the configuration cannot be read ({one_line(error)})") from error


def parsed(words: Iterable[str]) -> dict[str, Any]:
    """Fields from words FIELD=VALUE, in JSON or TOML; a dotted name is a field of a part. Raises InputError."""
    fields: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise InputError(f"--set {shown(word)}: expected FIELD=VALUE, such as seed=3")
        change, parts = _value(value.strip()), name.strip().split(".")
        if len(parts) > DEEPEST:
            raise InputError(f"--set {shown(name)}: no field has so many parts; `apical presets` lists the fields")
        for part in reversed(parts):
            change = {part: change}
        fields = _merged(fields, change)
    return fields


def _value(text: str) -> Any:
    """JSON or TOML; what is neither, or more deeply nested than any field, is text.

    >>> [_value(text) for text in ("0.1", "true", "null", "[0, 900]", '{tree = "apical"}', "AMPA")]
    [0.1, True, None, [0, 900], {'tree': 'apical'}, 'AMPA']
    """
    for parse in (json.loads, lambda text: tomllib.loads(f"value = {text}")["value"]):
        try:
            value = parse(text)
        except (ValueError, RecursionError):
            continue
        if _depth(value) <= DEEPEST:
            return value
    return text


def _depth(value: Any) -> int:
    """How deeply lists and tables are nested in it, as far as that matters."""
    level, depth = [value], 0
    while level and depth <= DEEPEST:
        level = [
            each for v in level for each in (v.values() if isinstance(v, dict) else v if isinstance(v, list) else ())
        ]
        depth += 1
    return depth


def _merged(here: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(here)
    for name, value in change.items():
        before = merged.get(name)
        merged[name] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


def changed(config: Simulation, fields: dict[str, Any], where: str = "") -> Simulation:
    """The configuration with `fields` replaced, in parts of it too; `where` begins the line of an error.

    Raises InputError as `configured`.
    """
    _check_names(Simulation, fields, where)
    if taken.is_taken(str(fields.get("morphology", ""))):  # a whole cell: a preset's parameter set is of another
        fields = {"biophysics": taken.OWN} | fields
    try:
        return Simulation.model_validate(_merged(config.model_dump(exclude_unset=True), fields))
    except ValidationError as error:
        first = error.errors()[0]
        # Where a field may be of several kinds, pydantic puts the kind into the place too.
        field = ".".join(part for part in first["loc"] if isinstance(part, str) and part.isidentifier())
        place = f"{where}{field}: " if field else where
        if first["type"] == "value_error":  # one of our own validators, which says it all
            raise InputError(place + str(first["ctx"]["error"])) from error
        raise InputError(f"{place}{first['msg']}, got {shown(first['input'])}") from error


def _check_names(model: type[BaseModel], fields: dict[str, Any], where: str, outer: str = "") -> None:
    for name, value in fields.items():
        nearest(f"{where}field", outer + name, [outer + each for each in model.model_fields if each != "preset"])
        for part in _models(model.model_fields[name].annotation) if isinstance(value, dict) else ():
            _check_names(part, value, where, f"{outer}{name}.")


def fields(model: type[BaseModel] = Simulation, outer: str = "") -> list[dict[str, Any]]:
    """Name, default and meaning of every field that can be changed; parts of a part have dotted names."""
    rows = []
    for name, field in model.model_fields.items():
        parts = _models(field.annotation)
        follows = field.is_required() or field.default_factory is not None  # from another field: its meaning says so
        default = None if follows or isinstance(field.default, BaseModel) else field.default
        rows.append({"name": outer + name, "default": default, "about": field.description or ""})
        for part in parts:
            rows += fields(part, f"{outer}{name}.")
    return [row for row in rows if row["name"] != "preset"]  # where a configuration starts is not changed


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The parts of the configuration that a field of that type may hold."""
    kinds = [annotation, *get_args(annotation)]
    kinds += [get_args(kind)[0] for kind in kinds if get_origin(kind) is Annotated]
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
