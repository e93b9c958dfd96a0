"""Take over a cell from a model: run its code in a process of its own, and read what NEURON has then."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ...folders import cache_folder
from ...mechanisms import library, nmodl, own
from ...mechanisms.nmodl import Source
from ...schema import InputError, writing_whole
from ..biophysics import mechanism_groups
from . import model as models
from . import regions, taken
from .model import Model
from .taken import Ion, Section, Taken

V_INIT_MV = -70.0  # of the initialisation that shows whether a model changes its cell later on


def take_cell(
    spec: str,
    mechanisms: str | None = None,
    told: Mapping[str, str] | None = None,
    celsius: float | None = None,
    out: str | Path | None = None,
) -> Path:
    """The file of the cell that a model makes: a morphology with everything that stands in it.

    spec: MODEL.hoc:TEMPLATE or MODULE.py:FUNCTION, with what it is called with: TEMPLATE(0). mechanisms: the folder of
    its NMODL. told: region -> names of sections, where they do not say. celsius: in place of what the model sets, or of
    NEURON's 6.3 where it sets none. out: where to write it, else in the cache.
    The model's code is run, in a process of its own.
    Raises InputError for a model that cannot be run, or whose cell cannot be taken over.
    """
    model = models.parse(spec)
    brought = own.read(Path(mechanisms).expanduser()) if mechanisms else {}
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        text = pool.submit(_taken, model, brought, dict(told or {}), celsius).result()
    name = f"{re.sub(r'[^A-Za-z0-9_.-]', '_', model.name or model.path.stem)}-{sha256(text.encode()).hexdigest()[:12]}"
    path = Path(out) if out else cache_folder() / "cells" / f"{name}{taken.SUFFIX}"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing_whole(path) as work:
            work.write_text(text, encoding="utf-8")
    return path


def _taken(model: Model, brought: Mapping[str, Source], told: Mapping[str, str], celsius: float | None) -> str:
    """In a process of its own: the cell as JSON."""
    from neuron import h

    shipped = nmodl.by_name(nmodl.sources())
    needed = library.needed(brought, shipped.keys() & models.words(model), coreneuron=False)
    library.load(frozenset() if needed else mechanism_groups(), own=needed)
    where = f"cell {model}"
    sections, made = models.run(model)
    if celsius is not None:
        h.celsius = celsius
    found = regions.of(sections, made, told, where)
    for section in sections:
        _check(section, where)
    sources = shipped | dict(brought)
    before = _read(model, sections, found, sources)
    h.finitialize(V_INIT_MV)
    after = _read(model, sections, found, sources)
    for one, other in zip(before.sections, after.sections, strict=True):
        if one.model_dump(exclude={"ions"}) != other.model_dump(exclude={"ions"}):
            raise InputError(
                f"{where}: its code changes {one.name} when the cell is initialised; build it as it is run"
            )
    return before.model_dump_json(indent=1) + "\n"


def _check(section, where: str) -> None:
    for segment in section:
        for process in segment.point_processes():
            raise InputError(
                f"{where}: has a {process.hname()} in {section.name()}; apical places synapses and electrodes itself, "
                "so take it out of the model"
            )


def _read(model: Model, sections: list, found: list[str], sources: Mapping[str, Source]) -> Taken:
    from neuron import h

    number = {section.name(): at for at, section in enumerate(sections)}
    read = []
    for at, (section, region) in enumerate(zip(sections, found, strict=True)):
        parent = section.parentseg()
        if parent is not None and parent.sec.name() not in number:
            raise InputError(f"cell {model}: {section.name()} hangs on a section that was there before the model")
        n = section.n3d()
        read.append(
            Section(
                name=f"{region}_{at}",
                region=region,
                parent=None if parent is None else number[parent.sec.name()],
                parent_x=0.0 if parent is None else parent.x,
                end=int(h.section_orientation(sec=section)),
                nseg=section.nseg,
                length_um=section.L,
                ra_ohm_cm=section.Ra,
                points=[(section.x3d(i), section.y3d(i), section.z3d(i), section.diam3d(i)) for i in range(n)],
                diam_um=_same([segment.diam for segment in section]),
                cm_uf_per_cm2=_same([segment.cm for segment in section]),
                area_um2=_same([segment.area() for segment in section]),
                mechanisms=_mechanisms(section),
                ions=_ions(section),
            )
        )
    roots = [section.name for section in read if section.parent is None]
    if len(roots) > 1:
        raise InputError(f"cell {model}: {len(roots)} pieces that hang on nothing, such as {roots[1]}; connect them")
    standing = {name for section in read for name in section.mechanisms}
    ions = {ion for section in read for ion in section.ions}
    used = {name: source for name, source in sources.items() if name in standing}
    names = [f"{name}_{mechanism}" for mechanism in used for name in nmodl.of_all_places(used[mechanism].text)]
    names += [f"{ion}{side}0_{ion}_ion" for ion in ions for side in "io"]
    return Taken(
        format=taken.FORMAT,
        name=model.name or model.path.stem,
        made_from=str(model),
        celsius=h.celsius,
        sections=read,
        globals={name: float(getattr(h, name)) for name in sorted(names) if hasattr(h, name)},
        nmodl=used,
    )


def _mechanisms(section) -> dict[str, dict[str, Any]]:
    """Of each density mechanism the parameters that are not as its NMODL has them."""
    from neuron import h

    found: dict[str, dict[str, Any]] = {}
    for each in section(0.5):
        mechanism = each.name()
        if mechanism.endswith("_ion"):
            continue
        standard = h.MechanismStandard(mechanism, 1)  # parameters
        name = h.ref("")
        parameters: dict[str, Any] = {}
        for at in range(int(standard.count())):
            size = int(standard.name(name, at))
            variable = name[0]
            base = variable.removesuffix(f"_{mechanism}")
            for index in range(size):
                values = [_value(segment, variable, index, size) for segment in section]
                if any(value != standard.get(variable, index) for value in values):
                    parameters[base if size == 1 else f"{base}[{index}]"] = _same(values)
        found[mechanism] = parameters
    return dict(sorted(found.items()))


def _value(segment, variable: str, index: int, size: int) -> float:
    value = getattr(segment, variable)
    return float(value if size == 1 else value[index])


def _ions(section) -> dict[str, Ion]:
    from neuron import h

    found = {}
    for each in section(0.5):
        if not each.name().endswith("_ion"):
            continue
        ion = each.name().removesuffix("_ion")
        names = [f"e{ion}", f"{ion}i", f"{ion}o"]
        values = {name: _same([float(getattr(segment, name)) for segment in section]) for name in names}
        found[ion] = Ion(style=int(h.ion_style(f"{ion}_ion", sec=section)), values=values)
    return dict(sorted(found.items()))


def _same(values: list[float]) -> Any:
    return values[0] if len({*values}) == 1 else values
