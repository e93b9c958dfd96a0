"""The compiled mechanisms of a cell: those that are shipped, or a library of its own where it brings some."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..mechanisms import library, translators
from ..mechanisms.nmodl import Source
from ..schema import InputError
from . import biophysics
from .biophysics import Biophysics


def compiled(parameters: Biophysics, engine: str, busy: library.Busy = library.announce) -> Path:
    """The folder of the library of a cell for an engine. Raises InputError as `library.compiled`, and where CoreNEURON
    cannot run one of the cell's own mechanisms."""
    groups, own = _needed(parameters, engine)
    return library.compiled(groups, busy, own)


def load(parameters: Biophysics, engine: str, busy: library.Busy = library.announce) -> None:
    """The same, loaded into this process's NEURON. Raises InputError as `compiled` and `library.load`."""
    groups, own = _needed(parameters, engine)
    library.load(groups, busy, own)


def coreneuron_refusal(sources: Mapping[str, Source]) -> str:
    """Why CoreNEURON cannot run one of a cell's own mechanisms; empty where it can run all."""
    return next(filter(None, map(translators.coreneuron_refusal, sources.values())), "")


def _needed(parameters: Biophysics, engine: str) -> tuple[library.Groups, library.Own | None]:
    if not parameters.nmodl:
        return biophysics.mechanism_groups(parameters), None
    coreneuron = engine == "coreneuron"
    if coreneuron and (refusal := coreneuron_refusal(parameters.nmodl)):
        raise InputError(f"{refusal}; give --engine neuron, or --engine auto, which takes the fastest that can")
    own = library.needed(parameters.nmodl, parameters.mechanisms(), coreneuron)
    return frozenset(parameters.groups().values()), own
