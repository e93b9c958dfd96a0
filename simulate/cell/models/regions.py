"""Which of a model's sections are soma, axon, basal and apical dendrite: by the model's lists, by name, or as told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from ...names import counted
from ...schema import InputError
from .taken import REGIONS

LISTS = {  # of templates: SectionList, array of sections, or section
    "soma": ("somatic", "soma"),
    "axon": ("axonal", "axon", "myelinated", "myelin"),
    "basal": ("basal", "dend"),
    "apical": ("apical", "apic"),
}
NAMES = {
    "soma": ("soma*", "somatic*", "cellbody*"),
    "axon": ("axon*", "ais*", "iseg*", "hill*", "node*", "myelin*", "initseg*"),
    "basal": ("basal*", "dend*", "dendrite*"),
    "apical": ("apic*", "tuft*", "trunk*", "oblique*"),
}


def of(sections: list, made: Any, told: Mapping[str, str], where: str) -> list[str]:
    """The region of each section. made: what the model gave. told: region -> patterns of names, joined by commas.

    Raises InputError for a section of no region, a pattern that fits none, and where there is no soma or dendrite.
    """
    names = [_bare(section.name()) for section in sections]
    found = [_by_pattern(name, told, where) for name in names]
    listed = _listed(made)
    for number, section in enumerate(sections):
        found[number] = found[number] or listed.get(section.name()) or _by_pattern(names[number], NAMES)
    for region, patterns in told.items():
        for pattern in filter(None, (each.strip() for each in patterns.split(","))):
            if not any(_fits(name, pattern) for name in names):
                raise InputError(f"{where}: --region {region}={pattern} fits no section; there are {_some(names)}")
    strange = [name for name, region in zip(names, found, strict=True) if not region]
    if strange:
        raise InputError(f"{where}: say what {_some(strange)} are: --region basal=NAME* (or soma, axon, apical)")
    if "soma" not in found:
        raise InputError(f"{where}: makes no soma; its sections are {_some(names)}: say which with --region soma=NAME")
    if not {"basal", "apical"} & {*found}:
        raise InputError(f"{where}: has no dendrite, and synapses stand on dendrites; its sections are {_some(names)}")
    return [str(each) for each in found]


def _listed(made: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for region, lists in LISTS.items():
        for name in lists:
            try:
                several = getattr(made, name)
                members = [several] if hasattr(several, "nseg") and hasattr(several, "L") else list(several)
                found |= {section.name(): region for section in members if section.name() not in found}
            except (AttributeError, TypeError, LookupError, RuntimeError):
                continue
    return found


def _by_pattern(name: str, patterns: Mapping[str, Any], where: str = "") -> str:
    for region, several in patterns.items():
        if region not in REGIONS:
            raise InputError(f"{where}: --region {region}: expected one of {', '.join(REGIONS)}")
        each = several.split(",") if isinstance(several, str) else several
        if any(_fits(name, pattern.strip()) for pattern in each):
            return region
    return ""


def _fits(name: str, pattern: str) -> bool:
    """Whether a pattern is of a section's name, with or without its number."""
    return name == pattern or fnmatchcase(name.partition("[")[0].lower(), pattern.lower())


def _bare(name: str) -> str:
    return re.split(r"\.(?![^\[]*\])", name)[-1]


def _some(names: list[str]) -> str:
    kinds = list(dict.fromkeys(name.partition("[")[0] for name in names))
    return ", ".join(kinds[:6]) + (f" and {counted(len(kinds) - 6, 'other kind')}" if len(kinds) > 6 else "")
