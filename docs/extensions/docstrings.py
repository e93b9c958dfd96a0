"""Docstrings of the house style as lists: "name: text" becomes a parameter, "Raises X for …" what is raised.

A paragraph says several parameters one after another, each behind its name and a colon; what stands before the first
of them stays prose, and so does a sentence that begins a line of its own.
"""

import dataclasses
import inspect
import re
from typing import Any

RAISES = re.compile(r"(?:(?<=[.;:] )|^)Raises? (?P<error>[A-Z]\w*) ")


def fields_of(paragraph: str, names: list[str]) -> tuple[str, list[str]]:
    """The prose of a paragraph, and the fields behind it as reStructuredText.

    >>> fields_of("Adds. x, y: lengths in um. Raises InputError for NaN.", ["x", "y"])
    ('Adds.', [':param x: lengths in um.', ':param y: lengths in um.', ':raises InputError: for NaN.'])
    """
    if paragraph.startswith("Returns "):
        return "", [f":returns: {paragraph.removeprefix('Returns ')}"]
    raised = RAISES.search(paragraph)
    told = [f":raises {raised['error']}: {paragraph[raised.end() :]}"] if raised else []
    paragraph = paragraph[: raised.start()] if raised else paragraph
    one = "|".join(map(re.escape, names)) or "(?!)"
    found = list(re.finditer(rf"(?:(?<=[.;:] )|^)((?:{one})(?:(?:, | and )(?:{one}))*): ", paragraph))
    fields = []
    for at, match in enumerate(found):
        end = found[at + 1].start() if at + 1 < len(found) else len(paragraph)
        text = paragraph[match.end() : end].strip().removesuffix(";")
        fields += [f":param {name}: {text}" for name in re.split(", | and ", match[1])]
    return paragraph[: found[0].start() if found else None].strip(), fields + told


def with_fields(lines: list[str], names: list[str]) -> list[str]:
    """The lines of a docstring with what is said of these names, and of errors, as fields at its end."""
    prose, fields = [], []
    for paragraph in "\n".join(lines).strip().split("\n\n"):
        if paragraph.startswith((">>>", " ")):  # an example
            prose.append(paragraph)
            continue
        said, told = [], []
        for statement in re.split(r"(?<=\.)\n(?=[A-Z])", paragraph):
            before, found = fields_of(statement.replace("\n", " "), names)
            said += [before] if before else []
            told += found
        prose += [" ".join(said)] if said else []
        fields += told
    return "\n\n".join([*prose, "\n".join(fields)]).split("\n")


def process(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    told_of_fields = what == "class" and dataclasses.is_dataclass(obj)
    if what not in ("function", "method") and not told_of_fields:
        return
    names = [each for each in inspect.signature(obj).parameters if each != "self"]
    lines[:] = with_fields(lines, names)


def setup(app: Any) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}
