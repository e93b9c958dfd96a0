"""Tables that the code itself knows: a page has them where it says `<!-- generated: NAME -->`."""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PLACE = re.compile(r"^<!-- generated: (?P<name>\w+)(?: (?P<argument>\w+))? -->$", re.M)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: object) -> str:
    return f"`{text}`"


def commands() -> str:
    """Every command of `apical`: what it does, its arguments and options, examples."""
    import typer.main

    from apical.cli.app import app

    return "\n\n".join(_command(*found) for found in _walk(typer.main.get_command(app), "apical"))


def _walk(command: Any, name: str) -> Iterator[tuple[Any, str]]:
    for each, sub in getattr(command, "commands", {}).items():
        if getattr(sub, "commands", None):
            yield from _walk(sub, f"{name} {each}")
        else:
            yield sub, f"{name} {each}"


def _command(command: Any, name: str) -> str:
    context = command.make_context(name, [], resilient_parsing=True)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    records = [(each.param_type_name, each.get_help_record(context)) for each in command.get_params(context)]
    parts = [f"## {name}", _escaped(command.help), f"```text\n{usage}\n```"]
    for kind, title in (("argument", "argument"), ("option", "option")):
        rows = [(code(record[0]), _escaped(record[1])) for found, record in records if found == kind and record]
        parts += [table((title, ""), rows)] if rows else []
    lines = [line.strip() for line in (command.epilog or "").replace("\b", "").splitlines()]
    examples = [line for line in lines if line.startswith("apical ")]
    return "\n\n".join([*parts, "```text\n" + "\n".join(examples) + "\n```"])


def _escaped(text: str | None) -> str:
    """Help as Markdown: what looks like markup there is none, and an option is code, so that its -- is no dash.

    >>> _escaped("[default: all] of *this*, see --set\\nand --config")
    '\\\\[default: all\\\\] of \\\\*this\\\\*, see `--set` and `--config`'
    """
    paragraphs = [" ".join(each.split("\n")) for each in (text or "").split("\n\n")]
    plain = re.sub(r"([<>*_\[\]])", r"\\\1", "\n\n".join(paragraphs))
    return re.sub(r"(?<![\w-])--\w[\w-]*", r"`\g<0>`", plain)


def variables() -> str:
    """What a dataset holds."""
    from apical.simulate.schema import contract

    kinds = {"b": "boolean", "f": "float", "i": "integer", "u": "unsigned integer", "iu": "integer", "T": "text"}

    def rows(of: dict[str, contract.Variable]) -> list[tuple[str, ...]]:
        return [
            (
                code(name),
                ", ".join(map(code, each.dims)),
                kinds.get(each.dtype, "number"),
                each.units,
                each.long_name + (f" (always in a {' and a '.join(each.kinds)})" if each.kinds else ""),
            )
            for name, each in of.items()
        ]

    head = ("name", "dims", "type", "unit", "what it is")
    parts = ["**Variables**", table(head, rows(contract.VARIABLES))]
    return "\n\n".join([*parts, "**Coordinates**", table(head, rows(contract.COORDINATES))])


def scores() -> str:
    """The columns of a score file."""
    from apical.analysis.scores.rows import COLUMNS, Score

    rows = [(code(name), Score.model_fields[name].description or "") for name in COLUMNS]
    return table(("column", "what it is"), rows)


def fields(model: str) -> str:
    """The fields of a configuration, with defaults and meaning."""
    import apical.simulate
    import apical.surrogate

    door = apical.simulate if hasattr(apical.simulate, model) else apical.surrogate
    found = getattr(door, model)
    declared = f".. py:class:: {door.__name__}.{model}(**fields)\n\n   {inspect.getdoc(found)}"
    rows = []
    for name, field in found.model_fields.items():
        default = "required" if field.is_required() else code(str(field.default))
        rows.append((code(name), default, _type(field.annotation), field.description or ""))
    head = ("field", "default", "type", "what it is")
    return f"```{{eval-rst}}\n{declared}\n```\n\n{table(head, rows)}"


def _type(annotation: Any) -> str:
    """A type as it is written, without modules.

    >>> _type(int | None), _type(typing.Literal["a", "b"])
    ('int or None', "'a' or 'b'")
    """
    if annotation is None or annotation is type(None):
        return "None"
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " or ".join(map(repr, inner))
    if origin is typing.Annotated:
        return _type(inner[0])
    if inner and (origin is typing.Union or not isinstance(origin, type) or origin.__name__ in ("UnionType", "Union")):
        return " or ".join(map(_type, inner))
    if inner:
        return f"{origin.__name__} of {', '.join('…' if each is ... else _type(each) for each in inner)}"
    return getattr(annotation, "__name__", str(annotation))


def modules() -> str:
    """Every module of ours with the first line of its docstring, folder by folder."""
    parts = []
    for stage in ("simulate", "surrogate", "tasks", "analysis", "cli"):
        for folder in sorted({path.parent for path in (ROOT / stage).rglob("*.py")}):
            room = folder.relative_to(ROOT).as_posix()
            parts += [f"## {room}/" if folder.parent == ROOT else f"### {room}/", _first_line(folder / "__init__.py")]
            found = [path for path in sorted(folder.glob("*.py")) if not path.name.startswith("__")]
            rows = [(code(path.name), _escaped(_first_line(path))) for path in found]
            parts += [table(("module", "what it is"), rows)] if rows else []
    return "\n\n".join(parts)


def _first_line(path: Path) -> str:
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) if path.exists() else None
    return (told or "").split("\n\n")[0].replace("\n", " ")


GENERATED = {"commands": commands, "variables": variables, "scores": scores, "fields": fields, "modules": modules}


def fill(app: Any, page: str, source: list[str]) -> None:
    source[0] = PLACE.sub(lambda at: GENERATED[at["name"]](*filter(None, [at["argument"]])), source[0])


def setup(app: Any) -> dict[str, bool]:
    app.connect("source-read", fill)
    return {"parallel_read_safe": True}
