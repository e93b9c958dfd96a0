"""Which model a user means, MODEL.hoc:TEMPLATE or MODULE.py:FUNCTION, and the running of it in this process's NEURON.

Its code is run by the user's word only: what is stored of a cell is data (taken.py).
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import os
import re
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...names import nearest
from ...schema import InputError
from ..reading import importer

SUFFIXES = (".hoc", ".py")
STANDARD = ("stdrun.hoc", "import3d.hoc")  # of NEURON's library, which models take for granted
CALL = re.compile(r"(?P<name>[^\W\d]\w*)(?P<given>\(.*\))?")
TEMPLATE = re.compile(r"^\s*begintemplate\s+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Model:
    """path: the file. name: the template or function, with `given`; "" for a hoc file that makes sections itself."""

    path: Path
    name: str
    given: tuple

    def __str__(self) -> str:
        call = f"{self.name}({', '.join(map(repr, self.given))})" if self.given else self.name
        return f"{self.path.name}:{call}" if call else self.path.name


def parse(spec: str) -> Model:
    """The model that is meant. Raises InputError where file, template or function are not there."""
    file, _, call = spec.partition(":") if not Path(spec).expanduser().is_file() else (spec, "", "")
    path = Path(file).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"cell {spec}: expected MODEL.hoc:TEMPLATE or MODULE.py:FUNCTION")
    if not path.is_file():
        raise InputError(f"cell {path}: {'is a folder, expected a file' if path.is_dir() else 'no such file'}")
    found = CALL.fullmatch(call)
    if call and not found:
        raise InputError(f"cell {spec}: '{call}' is no name of a template or function")
    name, given = (found["name"], _values(spec, found["given"])) if found else ("", ())
    there = _names(path)
    if name or path.suffix.lower() == ".py":
        if not there:
            raise InputError(f"cell {path}: has no {_what(path)}")
        if not name:
            raise InputError(f"cell {path}: say which {_what(path)}: {path.name}:{there[0]}")
        nearest(f"cell {path}: {_what(path)}", name, there)
    elif there:
        raise InputError(f"cell {path}: say which template: {', '.join(f'{path.name}:{each}' for each in there)}")
    return Model(path.resolve(), name, given)


def run(model: Model) -> tuple[list, Any]:
    """The sections that it makes, and what it gives. Raises InputError in NEURON's or Python's words, in a line."""
    from neuron import h

    for library in STANDARD:
        h.load_file(library)
    before = set(h.allsec())
    printed = io.StringIO()
    with _in_its_folder(model.path), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            made = _hoc(model) if model.path.suffix.lower() == ".hoc" else _python(model)
        except InputError:
            raise
        except BaseException as error:  # whatever it raises, or sys.exit
            if isinstance(error, KeyboardInterrupt):
                raise
            raise InputError(f"cell {model}: {_words(model, printed, error)}") from error
    sections = [section for section in h.allsec() if section not in before]
    if not sections:
        raise InputError(f"cell {model}: makes no section")
    return sections, made


def words(model: Model) -> set[str]:
    """Every word of the code beside it, and a folder below, with the names of the mechanisms that it inserts."""
    beside = (file for pattern in ("*", "*/*") for file in model.path.parent.glob(pattern))
    files = [file for file in beside if file.suffix.lower() in SUFFIXES and file.is_file()]
    return {word for file in files for word in re.findall(r"\w+", file.read_text(encoding="utf-8", errors="replace"))}


def _hoc(model: Model) -> Any:
    from neuron import h

    if not h.load_file(str(model.path)):
        raise InputError(f"cell {model}: NEURON cannot read {model.path}")
    return getattr(h, model.name)(*model.given) if model.name else None


def _python(model: Model) -> Any:
    spec = importlib.util.spec_from_file_location(model.path.stem, model.path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return getattr(module, model.name)(*model.given)


@contextlib.contextmanager
def _in_its_folder(path: Path) -> Iterator[None]:
    """Models name their files from where they lie."""
    before = Path.cwd()
    os.chdir(path.parent)
    sys.path.insert(0, str(path.parent))
    try:
        yield
    finally:
        sys.path.remove(str(path.parent))
        os.chdir(before)


def _words(model: Model, printed: io.StringIO, error: BaseException) -> str:
    """What went wrong, in a line."""
    told = importer.in_a_line(printed)
    first = re.match(r".*?near line \d+", told)  # then it tells from where that was called
    told = (first[0] if first else told).removeprefix("NEURON: ")
    if model.path.suffix.lower() == ".hoc":
        return f"NEURON: {told or error}"
    of_it = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == model.path]
    where = f" (line {of_it[-1].lineno})" if of_it else ""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}{where}" + (f"; NEURON: {told}" if told and "hoc" in said else "")


def _names(path: Path) -> list[str]:
    """The templates of a hoc file, or the functions of a module."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix.lower() == ".hoc":
            return TEMPLATE.findall(text)
        return [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"cell {path}: cannot be read ({error})") from error


def _what(path: Path) -> str:
    return "template" if path.suffix.lower() == ".hoc" else "function"


def _values(spec: str, given: str | None) -> tuple:
    if given is None:
        return ()
    try:
        values = ast.literal_eval(f"({given[1:-1]},)" if given[1:-1].strip() else "()")
    except (SyntaxError, ValueError) as error:
        raise InputError(f"cell {spec}: {given} are no numbers or texts") from error
    return tuple(values)
