"""Parameter sets, shipped (parameters/*.toml) or a user's own: each region's membrane and channel densities."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..mechanisms import nmodl, own
from ..mechanisms.nmodl import Source
from ..names import nearest
from ..schema import InputError
from . import function_tables, parameter_file, pointers, receptors, shared_values
from .distance_rules import Value
from .function_tables import Numbers
from .models import fit_entry, fit_file, taken
from .parameter_file import REGIONS, WrongEntry
from .pointers import Pointing
from .receptors import Receptor
from .toml_lines import line_of

TABLES = ("all", *REGIONS)
SUFFIXES = (".toml", taken.SUFFIX)
CELSIUS = 6.3  # NEURON's default, kept by the published runs: kinetics carry their own factor, so it acts through eca


Region = dict[str, Value | dict[str, Pointing]]  # NEURON name -> value; mechanism -> its parameters
Axon = Literal["replace", "shorten", "keep", "remove"]  # what becomes of the reconstructed one


class Biophysics(BaseModel):
    """What stands on each region's sections: NEURON names with values, mechanisms with parameters, in NEURON's units.

    name, source, licence: what it is called, where its numbers come from, and what binds them. celsius: temperature.
    reconstructed_axon: 'replace' it by the stub of Hay et al. 2011, 'shorten' it to one that keeps its own diameters
    (Markram et al. 2015), 'keep' or 'remove' it.
    types: what the points of a type in the morphology file are: a region, or 'parent' for as the point before them;
    over soma, axon, basal and apical for 1 to 4. In an ASC file a tree without a type is of type 0.
    negative_conductance: whether a density may be below 0, as in a published model.
    globals: values of GLOBAL parameters and of ions' initial concentrations, by mechanism and by ion, as in NEURON's
    `q10_Kv` and `cai0_ca_ion`.
    tables: the numbers of each FUNCTION_TABLE, by mechanism and function.
    receptors: those that the user changed or made, by name. nmodl: the user's own mechanisms that stand on it, by name,
    each as its file was when it was read.
    stand: the mechanisms of a cell that was taken over whole (models/taken.py), of which no region is described here.
    all: holds for every region. A region that is None is not described, and no cell that has it can be built.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(min_length=1)
    source: str = Field(min_length=1)
    licence: str | None = Field(None, min_length=1, exclude_if=lambda it: it is None)  # ids stay what they were
    celsius: float = Field(CELSIUS, ge=-273.15, allow_inf_nan=False)
    reconstructed_axon: Axon = "replace"
    types: dict[int, str] = Field({}, exclude_if=lambda it: not it)
    negative_conductance: bool = Field(False, exclude_if=lambda it: not it)
    globals: dict[str, dict[str, float]] = Field({}, exclude_if=lambda it: not it)
    tables: dict[str, dict[str, Numbers]] = Field({}, exclude_if=lambda it: not it)
    receptors: dict[str, Receptor] = Field({}, exclude_if=lambda it: not it)
    nmodl: dict[str, Source] = Field({}, exclude_if=lambda it: not it)
    stand: tuple[str, ...] = Field((), exclude_if=lambda it: not it)
    all: Region = {}
    soma: Region
    axon: Region | None = None
    basal: Region | None = None
    apical: Region | None = None

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Region -> the mechanisms that stand on its sections as one, where they are several.

        None of a cell with a POINTER to a variable, since what is fused has other variables.
        """
        if self.points_to_variables():
            return {}
        regions = {region: self.region(region) for region in REGIONS if getattr(self, region) is not None}
        stand = {region: tuple(sorted(k for k, v in e.items() if isinstance(v, dict))) for region, e in regions.items()}
        return {region: mechanisms for region, mechanisms in stand.items() if len(mechanisms) > 1}

    def mechanisms(self) -> list[str]:
        """The mechanisms of all regions, sorted."""
        entries = [self.region(region) for region in REGIONS]
        described = {name for each in entries for name, entry in each.items() if isinstance(entry, dict)}
        return sorted({*described, *self.stand})

    def has_tables(self) -> bool:
        """Whether one of its mechanisms looks rates up in a TABLE; none that apical ships does."""
        own = any(nmodl.has_table(source.text) for source in self.nmodl.values())
        return own or not nmodl.WITH_TABLES.isdisjoint(self.mechanisms())

    def points_to_variables(self) -> bool:
        """Whether a POINTER points to a variable of another mechanism."""
        entries = [entry for region in REGIONS for entry in self.region(region).values() if isinstance(entry, dict)]
        entries += [receptor.parameters for receptor in self.receptors.values()]
        return any(isinstance(value, str) for entry in entries for value in entry.values())

    def region(self, name: str) -> Region:
        """What holds for sections of region `name`: its own entries over those for all sections."""
        merged = dict(self.all)
        for key, value in (getattr(self, name) or {}).items():
            shared = merged.get(key)
            merged[key] = shared | value if isinstance(shared, dict) and isinstance(value, dict) else value
        return merged


FIELDS = (*(name for name in Biophysics.model_fields if name not in ("nmodl", "stand")), "mechanisms")  # of a file


def available() -> list[str]:
    """Names of the parameter sets that are shipped.

    >>> available()
    ['bac217', 'ball-and-stick', 'bbp2015', 'bnac219', 'cacint209', 'hay2011', 'shai2015']
    """
    return sorted(f.name.removesuffix(".toml") for f in files(__package__).joinpath("parameters").iterdir())


def load(name_or_path: str, mechanisms: str | None = None, changes: Mapping[str, Any] | None = None) -> Biophysics:
    """The shipped parameter set of that name, or the one in that .toml file, or in the .json file of a fit.

    mechanisms: a folder of NMODL, in place of the one that the file names. changes: to receptors, as in such a file.
    Raises InputError with the nearest name, or with the file's line that is wrong and what was expected there.
    """
    where, path = f"biophysics {name_or_path}", Path(name_or_path).expanduser()
    text = text_of(name_or_path)
    if not taken.is_taken(path):
        return parse(text, where, path.parent, mechanisms, changes)
    found = fit_file.parsed(text, where)
    if isinstance(found, dict) and "format" in found:
        return _of_whole(path, mechanisms, changes)
    return _of_fit(found, where, path.parent, mechanisms, changes)


def of_cell(
    morphology: str, name_or_path: str, mechanisms: str | None = None, changes: Mapping[str, Any] | None = None
) -> Biophysics:
    """What stands on a morphology: all that is in it where it is a whole cell, else that parameter set.

    Raises InputError as `load`, and for a whole cell in place of a parameter set.
    """
    whole = taken.is_taken(morphology)
    found = load(morphology if whole else name_or_path, mechanisms, changes)
    if found.stand and not whole:
        raise InputError(f"biophysics {name_or_path}: is a whole cell; give it with --morphology, and nothing here")
    return found


def mechanism_groups(parameters: Biophysics | None = None) -> frozenset[tuple[str, ...]]:
    """The mechanisms that stand together in a region of a parameter set that is shipped, or of `parameters`."""
    sets = [load(name) for name in available()] + ([parameters] if parameters else [])
    return frozenset(group for each in sets for group in each.groups().values())


def text_of(name_or_path: str) -> str:
    """The parameter file as it is written: to read, or to start one's own from. Raises InputError as `load`."""
    path = Path(name_or_path).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        nearest("biophysics", name_or_path, [*available(), "a path to a .toml or .json file"])
        return files(__package__).joinpath("parameters", f"{name_or_path}.toml").read_text(encoding="utf-8")
    if not path.is_file():
        raise InputError(f"biophysics {path}: {'is a folder, expected a file' if path.is_dir() else 'no such file'}")
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"biophysics {path}: cannot be read as UTF-8 text ({error})") from error


def parse(
    text: str,
    where: str,
    beside: Path = Path(),
    mechanisms: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Biophysics:
    """The parameter set that `text` describes. Raises InputError: `where`, its line, and what was expected there.

    beside: the folder from which a relative path in `text` counts. mechanisms, changes: see `load`.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where}: is not TOML: {error}") from error
    try:
        parameters, brought = _checked(table, beside, mechanisms)
    except WrongEntry as wrong:
        line = line_of(text, wrong.keys)
        at = f"{where}, line {line}" if line else where
        raise InputError(f"{at}: {'.'.join(wrong.keys)}: {wrong}") from wrong
    return _with_brought(parameters, brought, changes)


def _of_fit(
    found: Any, where: str, beside: Path, mechanisms: str | None, changes: Mapping[str, Any] | None
) -> Biophysics:
    """What a fit's JSON describes."""
    brought = _brought(None, Path(), mechanisms)
    try:
        table = fit_file.table(found, beside)
        fit_entry.check_brought(table, brought, mechanisms)
        parameters, brought = _checked(table, beside, mechanisms, fit_file.ADD)
    except WrongEntry as wrong:
        raise InputError(f"{where}: {'.'.join(wrong.keys)}: {wrong}") from wrong
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return _with_brought(parameters, brought, changes)


def _with_brought(
    parameters: Biophysics, brought: Mapping[str, Source], changes: Mapping[str, Any] | None
) -> Biophysics:
    """The parameter set with receptors as they are changed, and with those mechanisms of the folder that it uses."""
    found = _receptors(changes, brought, parameters.receptors)
    names = {*parameters.mechanisms(), *(each.process for each in found.values())}
    used = {name: source for name, source in sorted(brought.items()) if name in names}
    if brought and not used:
        raise InputError(f"mechanisms: none of those in the folder is named ({', '.join(brought)}); leave it out")
    own.check(used, used)
    for name, source in used.items():
        if wrong := own.without_numbers(source, parameters.tables.get(name, ())):
            raise InputError(wrong)
    if idle := sorted(parameters.tables.keys() - used):
        raise InputError(f"tables.{idle[0]}: no {idle[0]} stands on this cell; leave it out")
    return parameters.model_copy(update={"receptors": found, "nmodl": used})


def _of_whole(path: Path, mechanisms: str | None, changes: Mapping[str, Any] | None) -> Biophysics:
    """What stands on a cell that was taken over, and receptors of a folder."""
    cell = taken.read(path)
    brought = cell.nmodl | (own.read(Path(mechanisms).expanduser()) if mechanisms else {})
    shipped = nmodl.by_name(nmodl.sources())
    brought = {
        name: source for name, source in brought.items() if source.text != getattr(shipped.get(name), "text", "")
    }
    found = _receptors(changes, brought, {})
    names = {*cell.mechanisms(), *(each.process for each in found.values())}
    used = {name: source for name, source in sorted(brought.items()) if name in names}
    own.check(used, used)
    own.check_taken(set(cell.mechanisms()) & used.keys(), used)
    return Biophysics(
        name=cell.name,
        source=cell.made_from,
        celsius=cell.celsius,
        receptors=found,
        nmodl=used,
        stand=tuple(cell.mechanisms()),
        soma={},
    )


def _receptors(
    changes: Mapping[str, Any] | None, brought: Mapping[str, Source], before: Mapping[str, Receptor]
) -> dict[str, Receptor]:
    try:
        return receptors.checked(changes or {}, _processes(brought), before, _densities(brought))
    except WrongEntry as wrong:
        raise InputError(f"{'.'.join(wrong.keys)}: {wrong}") from wrong


def _checked(
    table: dict, beside: Path, folder: str | None, add: str = "give it in [{0}] or in [all]"
) -> tuple[Biophysics, dict[str, Source]]:
    """The parameter set, and all mechanisms of its folder. add: what to do where an entry of region {0} is missing."""
    fields = dict(table)
    brought = _brought(fields.pop("mechanisms", None), beside, folder)
    mechanisms = _densities(brought)
    for name, value in table.items():
        if name in TABLES:
            _check_no_point_process(name, value, brought)
            fields[name] = parameter_file.region(name, value, mechanisms, table.get("negative_conductance") is True)
        elif name == "types":
            fields[name] = parameter_file.types(value)
        elif name in ("globals", "tables"):
            continue  # once it is known what stands on the cell
        elif name == "receptors":
            fields[name] = receptors.checked(value, _processes(brought), {}, mechanisms)
        else:
            parameter_file.known((name,), "region or field", name, FIELDS)
    shared, tables = fields.pop("globals", {}), fields.pop("tables", {})
    try:
        parameters = Biophysics.model_validate(fields)
    except ValidationError as error:
        raise parameter_file.wrong_field((), error) from error
    stands = {*parameters.mechanisms(), *(each.process for each in parameters.receptors.values())}
    sources = nmodl.by_name(nmodl.sources()) | brought if shared else {}
    used = {name: source for name, source in sources.items() if name in stands}
    later = {
        "globals": shared_values.checked(shared, shared_values.known(used)),
        "tables": function_tables.checked(tables, function_tables.known(brought)),
    }
    parameters = parameters.model_copy(update=later)
    _check_complete(parameters, mechanisms, add)
    return parameters, brought


def _brought(written: object, beside: Path, folder: str | None) -> dict[str, Source]:
    """The mechanisms of the folder that the file names, or of `folder` in its place."""
    if folder is not None:
        return own.read(Path(folder).expanduser())
    if written is None:
        return {}
    if not isinstance(written, str):
        raise WrongEntry(("mechanisms",), f"expected a folder of .mod files, got {written!r}")
    try:
        return own.read(beside / Path(written).expanduser())
    except InputError as error:
        raise WrongEntry(("mechanisms",), str(error)) from error


def _check_no_point_process(region: str, table: object, brought: Mapping[str, Source]) -> None:
    for key in table if isinstance(table, dict) else ():
        if key in brought and not _is_density(brought[key]):
            what = f"is a point process ({brought[key].file}), which stands at a place: name it as a receptor"
            raise WrongEntry((region, key), what)


def _processes(brought: Mapping[str, Source]) -> dict[str, nmodl.Mechanism]:
    """The point processes that a receptor may be."""
    points = {name: nmodl.mechanism(source.text) for name, source in brought.items() if not _is_density(source)}
    return points | receptors.point_processes()


def _densities(brought: Mapping[str, Source]) -> dict[str, nmodl.Mechanism]:
    """The mechanisms that a region may have."""
    own = {name: nmodl.mechanism(source.text) for name, source in brought.items() if _is_density(source)}
    return nmodl.mechanisms(nmodl.sources()) | own


def _is_density(source: Source) -> bool:
    return nmodl.declared(source.text)[0] == nmodl.DENSITY


def _check_complete(parameters: Biophysics, mechanisms: Mapping[str, nmodl.Mechanism], add: str) -> None:
    if parameters.axon is None and parameters.reconstructed_axon != "remove":
        raise WrongEntry(("axon",), "region missing: add [axon], or reconstructed_axon = 'remove' for a cell without")
    if parameters.axon is not None and parameters.reconstructed_axon == "remove":
        raise WrongEntry(("axon",), "describes an axon that reconstructed_axon = 'remove' takes away")
    for name in REGIONS:
        if getattr(parameters, name) is None:
            continue
        entries = parameters.region(name)
        # Nothing is left to NEURON's defaults: 1e-3 S/cm2 of leak, for example, or a fused mechanism's ek of 0.
        here = {key: mechanisms[key] for key in entries if key in mechanisms}
        # NEURON computes a reversal potential where a mechanism reads or writes a concentration, whatever was set
        uses = {f"e{ion}": key for key, mechanism in here.items() for ion in mechanism.concentrations}
        reversals = (each for mechanism in here.values() for each in mechanism.reversals if each not in uses)
        for needed in ("Ra", "cm", *reversals):
            if needed not in entries:
                raise WrongEntry((name, needed), f"missing: {add.format(name)}")
        for key, mechanism in here.items():
            asked_for, given = ("g", "e") if key == "pas" else mechanism.unset, entries[key]
            if isinstance(given, dict) and (missing := sorted(set(asked_for) - set(given))):
                raise WrongEntry((name, key, missing[0]), f"missing: {add.format(name)}")
            for parameter, value in given.items() if isinstance(given, dict) else ():
                if isinstance(value, str):
                    own_entry = (getattr(parameters, name) or {}).get(key, {})
                    written_in = name if parameter in own_entry else "all"
                    pointers.check((written_in, key, parameter), value, key, here)
        if follows := sorted(uses.keys() & entries.keys()):
            why = f"follows the ion's concentrations, of which {uses[follows[0]]} uses one; leave it out"
            raise WrongEntry((name, follows[0]), why)
