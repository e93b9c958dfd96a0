"""Parameter sets that a fit has written as JSON: the cell that its own tools make of them in plain NEURON."""

from __future__ import annotations

import copy
import json
import math
import re

import numpy as np
import pytest

from apical.simulate import preset
from apical.simulate.cell import biophysics, morphologies
from apical.simulate.cell.built import Cell
from apical.simulate.changes import changed
from apical.simulate.schema import InputError

# Soma of one point, as the reconstructions of the Allen Cell Types Database have it; an axon that grows thinner
SWC = """\
1 1 0 0 0 8 -1
2 3 0 -12 0 1 1
3 3 0 -150 0 0.8 2
4 3 60 -250 0 0.5 3
5 3 -60 -250 0 0.5 3
6 4 0 12 0 1.5 1
7 4 0 300 0 0.7 6
8 2 -9 0 0 0.9 1
9 2 -50 0 0 0.8 8
10 2 -120 30 0 0.4 9
11 2 -120 -30 0 0.3 9
"""
PERISOMATIC = {
    "passive": [
        {
            "ra": 121.34567,
            "cm": [
                {"section": name, "cm": cm} for name, cm in (("soma", 1), ("axon", 1), ("dend", 2.1), ("apic", 2.3))
            ],
            "e_pas": -81.25,
        }
    ],
    "fitting": [{"junction_potential": -14.0, "sweeps": [41]}],
    "conditions": [{"celsius": 16.5, "erev": [{"ena": 53.0, "section": "soma", "ek": -84.0}], "v_init": -81.25}],
    "genome": [
        {"section": "soma", "name": "gnabar_hh", "value": 0.31, "mechanism": "hh"},
        {"section": "soma", "name": "gkbar_hh", "value": 0.052, "mechanism": "hh"},
        {"section": "soma", "name": "gl_hh", "value": 1e-5, "mechanism": "hh"},
        *(
            {"section": name, "name": "g_pas", "value": g, "mechanism": ""}
            for name, g in (("soma", 2.5e-5), ("axon", 8e-4), ("dend", 3e-5), ("apic", 4e-5))
        ),
    ],
}
ALL_ACTIVE = {
    "passive": [{"ra": 100}],
    "fitting": [{"junction_potential": -14.0, "sweeps": [28]}],
    "conditions": [
        {
            "celsius": 12,
            "erev": [{"ena": 53.0, "section": name, "ek": -90.0} for name in ("soma", "axon", "apic", "dend")],
            "v_init": -80,
        }
    ],
    "genome": [
        {"section": name, "name": variable, "value": f"{value:g}", "mechanism": mechanism}
        for name, share in (("soma", 1.0), ("axon", 1.5), ("dend", 0.1), ("apic", 0.2))
        for variable, value, mechanism in (
            ("g_pas", 4e-5 * (1 + share), ""),
            ("e_pas", -78 - share, ""),
            ("cm", 1 + share, ""),
            ("Ra", 100 + 20 * share, ""),
            ("gnabar_hh", 0.3 * share, "hh"),
            ("gkbar_hh", 0.08 * share, "hh"),
        )
    ],
}
LISTS = {
    "all": ("soma", "axon", "dend", "apic"),
    "somatic": ("soma",),
    "axonal": ("axon",),
    "basal": ("dend",),
    "apical": ("apic",),
}
BLUEPYOPT = [
    {"param_name": "celsius", "type": "global", "value": 12},
    {"param_name": "v_init", "type": "global", "value": -80},
    *(
        {"param_name": name, "sectionlist": sections, "type": "section", "dist_type": "uniform", "value": value}
        for name, sections, value in (
            ("Ra", "all", 110.5),
            ("cm", "all", 1.1),
            ("g_pas", "all", 4e-5),
            ("e_pas", "all", -79.5),
            ("cm", "apical", 1.9),
            *(
                (ion, sections, mv)
                for ion, mv in (("ek", -88.0), ("ena", 51.0))
                for sections in LISTS
                if sections != "all"
            ),
        )
    ),
    *(
        {
            "param_name": f"{name}_hh",
            "mech": "hh",
            "mech_param": name,
            "sectionlist": sections,
            "type": "range",
            "dist_type": "uniform",
            "value": value,
        }
        for name, whole in (("gnabar", 0.3), ("gkbar", 0.05), ("gl", 2e-5))
        for sections, value in (("somatic", whole), ("axonal", 1.4 * whole), ("basal", 0.1 * whole))
    ),
    *(
        {
            "param_name": f"{name}_hh",
            "mech": "hh",
            "sectionlist": "apical",
            "type": "range",
            "dist_type": "exp",
            "dist": dist,
            "value": value,
        }
        for name, dist, value in (
            ("gnabar", "math.exp({distance}*(-0.004))*{value}", 0.06),
            ("gkbar", "(-0.8696 + 2.087*math.exp(({distance})*0.0031))*{value}", 0.004),
        )
    ),
]
STEP_MS, STEP_NA, END_MS, DT_MS = 5.0, 0.9, 60.0, 0.025


@pytest.fixture
def files(tmp_path):
    """A function that writes a fit and gives its path, with a morphology beside it."""
    (tmp_path / "cell.swc").write_text(SWC)

    def write(fit, name: str = "fit_parameters.json") -> str:
        (tmp_path / name).write_text(fit if isinstance(fit, str) else json.dumps(fit))
        return str(tmp_path / name)

    return write


class Imported:
    """What NEURON's importer gives its sections to."""


def _voltage(soma) -> np.ndarray:
    from neuron import h

    pulse = h.IClamp(soma(0.5))
    pulse.delay, pulse.dur, pulse.amp = STEP_MS, 1e9, STEP_NA
    found = h.Vector().record(soma(0.5)._ref_v)
    h.dt = DT_MS
    h.finitialize(-80)
    while h.t < END_MS:
        h.fadvance()
    return np.array(found)


def _imported(path: str) -> Imported:
    from neuron import h

    for library in ("stdlib.hoc", "import3d.hoc"):
        h.load_file(library)
    cell, reader = Imported(), h.Import3d_SWC_read()
    reader.input(path)
    h.Import3d_GUI(reader, False).instantiate(cell)
    for section in (each for name in ("soma", "axon", "dend", "apic") for each in getattr(cell, name)):
        section.nseg = 1 + 2 * int(section.L / 40)
    return cell


def _with_stub(cell: Imported, diams_um, x: float) -> list:
    """The cell with an axon of two sections of 30 um."""
    from neuron import h

    for section in cell.axon:
        h.delete_section(sec=section)
    cell.axon = [h.Section(name=f"stub{n}") for n in range(2)]
    for section, diam_um, parent in zip(cell.axon, diams_um, (cell.soma[0](x), cell.axon[0](1)), strict=True):
        section.L, section.diam = 30, diam_um
        section.connect(parent)
    return [*cell.soma, *cell.axon, *cell.dend, *cell.apic]


def _fill(cell: Imported, fit: dict, sections: list) -> None:
    """Entry by entry, in NEURON's own words."""
    from neuron import h

    passive, conditions = fit["passive"][0], fit["conditions"][0]
    h.celsius = conditions["celsius"]
    for section in sections:
        section.Ra = passive["ra"]
        section.insert("pas")
        if "e_pas" in passive:
            section.e_pas = passive["e_pas"]
    for each in passive.get("cm", ()):
        for section in getattr(cell, each["section"]):
            section.cm = each["cm"]
    for each in fit["genome"]:
        for section in getattr(cell, each["section"]):
            if each["mechanism"]:
                section.insert(each["mechanism"])
            setattr(section, each["name"], float(each["value"]))
    for each in conditions["erev"]:
        for section in getattr(cell, each["section"]):
            if hasattr(section, "ek"):
                section.ek, section.ena = each["ek"], each["ena"]


@pytest.mark.parametrize("kind", ["perisomatic", "all-active"])
def test_an_allen_model_is_the_cell_that_is_put_together_by_hand(files, tmp_path, kind):
    from neuron import h

    fit = PERISOMATIC if kind == "perisomatic" else ALL_ACTIVE
    parameters = biophysics.load(files(fit))
    assert parameters.name == f"Allen {kind}"
    cell = Cell(morphologies.resolve(str(tmp_path / "cell.swc")), parameters)
    ours = _voltage(cell.soma)
    cell.close()
    theirs = _imported(str(tmp_path / "cell.swc"))
    if kind == "perisomatic":
        sections = _with_stub(theirs, (1, 1), 0.5)
    else:
        h.distance(0, theirs.soma[0](0))
        beyond = next(section for section in theirs.axon if h.distance(section(0.5)) > 60)
        assert beyond != theirs.axon[0] and beyond.diam != theirs.axon[0].diam
        sections = _with_stub(theirs, (theirs.axon[0].diam, beyond.diam), 1)
    _fill(theirs, fit, sections)
    expected = _voltage(theirs.soma[0])
    for section in sections:
        h.delete_section(sec=section)
    assert (np.diff(np.sign(expected + 20)) > 0).sum() >= 2  # it fires
    assert np.abs(ours - expected).max() < 1e-9


def test_parameters_of_bluepyopt_are_the_cell_that_is_put_together_by_hand(files, tmp_path):
    """Segment by segment, with its distributions as Python has them."""
    from neuron import h

    (tmp_path / "mechanisms.json").write_text(json.dumps({"all": ["pas"], "apical": ["hh"]}))
    parameters = biophysics.load(files(BLUEPYOPT, "parameters.json"))
    cell = Cell(morphologies.resolve(str(tmp_path / "cell.swc")), parameters)
    ours = _voltage(cell.soma)
    cell.close()
    theirs = _imported(str(tmp_path / "cell.swc"))
    h.distance(0, theirs.soma[0](0.5))
    beyond = next(section for section in theirs.axon if h.distance(section(0.5)) > 60)
    sections = _with_stub(theirs, (theirs.axon[0].diam, beyond.diam), 1)
    h.celsius = 12
    for section in sections:
        section.insert("pas")
        section.insert("hh")
    h.distance(0, theirs.soma[0](0.5))
    for each in BLUEPYOPT[2:]:
        for section in (section for name in LISTS[each["sectionlist"]] for section in getattr(theirs, name)):
            for segment in section if each["type"] == "range" else ():
                distance, value = h.distance(segment), each["value"]
                if each["param_name"] == "gnabar_hh" and each["sectionlist"] == "apical":
                    value *= math.exp(distance * -0.004)
                elif each["dist_type"] == "exp":
                    value *= -0.8696 + 2.087 * math.exp(distance * 0.0031)
                setattr(segment, each["param_name"], value)
            if each["type"] == "section":
                setattr(section, each["param_name"], each["value"])
    expected = _voltage(theirs.soma[0])
    for section in sections:
        h.delete_section(sec=section)
    assert (np.diff(np.sign(expected + 20)) > 0).sum() >= 2  # it fires
    assert np.abs(ours - expected).max() < 1e-9


NAV = """NEURON { SUFFIX NaV USEION na READ ena WRITE ina RANGE gbar }
UNITS { (mV) = (millivolt) (S) = (siemens) (mA) = (milliamp) }
PARAMETER { gbar = 0 (S/cm2) }
ASSIGNED { v (mV) ena (mV) ina (mA/cm2) }
STATE { m }
INITIAL { m = 0 }
BREAKPOINT { SOLVE states METHOD cnexp ina = gbar * m * (v - ena) }
DERIVATIVE states { m' = (1 / (1 + exp(-(v + 35) / 6)) - m) / 0.2 }
"""
OF_NAV = {"section": "soma", "name": "gbar_NaV", "value": 0.05, "mechanism": "NaV"}


def with_entry(where: str, value, fit=PERISOMATIC):
    fit = copy.deepcopy(fit)
    *keys, last = (int(key) if key.lstrip("-").isdigit() else key for key in where.split("."))
    at = fit
    for key in keys:
        at = at[key]
    at[last] = value
    return fit


def test_mechanisms_are_of_the_folder(files, tmp_path):
    """Also one that apical ships under that name: it may be another."""
    (tmp_path / "mod").mkdir()
    (tmp_path / "mod" / "NaV.mod").write_text(NAV)
    (tmp_path / "mod" / "Ih.mod").write_text(NAV.replace("NaV", "Ih"))
    fit = with_entry("genome.0", OF_NAV)
    of_ih = with_entry("genome.0", {"section": "soma", "name": "gbar_Ih", "value": 1e-5, "mechanism": "Ih"})
    parameters = biophysics.load(files(fit), str(tmp_path / "mod"))
    assert parameters.soma["NaV"] == {"gbar": 0.05}
    assert [*parameters.nmodl] == ["NaV"]
    assert [*biophysics.load(files(of_ih), str(tmp_path / "mod")).nmodl] == ["Ih"]
    with pytest.raises(InputError, match=r"^biophysics .*\.json: soma\.Ih: give the folder .* --mechanisms FOLDER$"):
        biophysics.load(files(of_ih))
    (tmp_path / "mod" / "Ih.mod").unlink()
    with pytest.raises(InputError, match=r"^biophysics .*\.json: soma\.Ih: is in no file of .*mod, which has NaV$"):
        biophysics.load(files(of_ih), str(tmp_path / "mod"))


def test_its_content_and_not_its_name_makes_a_dataset(files, tmp_path):
    def made(path: str) -> str:
        config = changed(preset("ball-and-stick"), {"morphology": str(tmp_path / "cell.swc"), "biophysics": path})
        return config.dataset_id(morphologies.resolve(config.morphology))

    assert made(files(PERISOMATIC)) == made(files(PERISOMATIC, "other.json"))
    assert made(files(PERISOMATIC)) != made(files(with_entry("genome.0.value", 0.32), "third.json"))


@pytest.mark.parametrize(
    "fit, told",
    [
        ("{", "is not JSON: .*"),
        ("3", "expected fit_parameters.json of .*"),
        (
            {"type": "GLIF", "El": 0.0},
            "is a GLIF model, a point neuron without a morphology; expected fit_parameters.json .*",
        ),
        ({"coeffs": {}, "th_inf": 0.02}, "is a GLIF model, .*"),
        ({"id": 1, "specimen": {}}, r"is no model that apical knows \(it has id, specimen\); expected .*"),
        (
            with_entry("genome.3.section", "basal"),
            r"genome\.3\.section: section 'basal' is not known: .*soma, axon, dend, apic",
        ),
        (with_entry("genome.3.section", "glob"), r"genome\.3\.section: 'glob' sets what holds everywhere.*"),
        (with_entry("genome.3.name", "depth"), r"soma\.depth: mechanism 'depth' is not known.*"),
        (with_entry("genome.0.name", "gnabar_na"), r"genome\.0\.name: 'gnabar_na' is no parameter of mechanism 'hh'.*"),
        (with_entry("genome.0.name", "gca_hh"), r"soma\.hh\.gca: parameter of hh 'gca' is not known.*"),
        (with_entry("genome.0.value", "much"), r"genome\.0\.value: Input should be a valid number.*"),
        (with_entry("genome.0.value", float("nan")), r"genome\.0\.value: Input should be a finite number.*"),
        (with_entry("genome.0.value", -1), r"soma\.hh\.gnabar: a conductance density cannot be negative.*"),
        (with_entry("genome.4.section", "soma"), r"axon\.pas\.g: missing: add it to the file"),
        (with_entry("conditions.0.erev", []), r"soma\.ek: missing: add it to the file"),
        (with_entry("conditions", []), r"conditions: .*"),
        (with_entry("passive.0.rm", 1), r"passive\.0\.rm: Extra inputs are not permitted.*"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(files, fit, told):
    with pytest.raises(InputError) as error:
        biophysics.load(files(fit))
    assert re.fullmatch(rf"biophysics \S*fit_parameters\.json: {told}", str(error.value))


@pytest.mark.parametrize(
    "where, value, told",
    [
        (
            "3.sectionlist",
            "myelinated",
            r"3\.cm\.sectionlist: sectionlist 'myelinated' is not known: .*all, somatic, .*",
        ),
        ("3.value", None, r"3\.cm: is not fitted, as it has no value; .*"),
        ("3.param_name", "g_leak", r"3\.g_leak: 'g_leak' is no parameter of a mechanism that was named before it.*"),
        ("0.param_name", "vshift_hh", r"0\.vshift_hh: holds everywhere, which apical does not set; .*"),
        ("0.param_name", "v_init", r"celsius: missing: add it to the file"),
        ("0.type", "point", r"0\.type: .*"),
        (
            "-1.dist",
            "__import__('os').getcwd() * {value}",
            r"\d+\.gkbar_hh: exp distribution .* is none that apical knows.*",
        ),
        ("-1.dist", "({distance}*0.01 + 1)*{value}", r"\d+\.gkbar_hh: exp distribution .*"),
        ("-1.mech", "Kv", r"\d+\.gkbar_hh: 'gkbar_hh' is no parameter of mechanism 'Kv'.*"),
        ("5.param_name", "g_Kv", r".*no parameter of a mechanism that was named.*"),
    ],
)
def test_what_is_wrong_in_parameters_of_bluepyopt_is_told_in_a_line(files, where, value, told):
    with pytest.raises(InputError) as error:
        biophysics.load(files(with_entry(where, value, BLUEPYOPT)))
    assert re.fullmatch(rf"biophysics \S*fit_parameters\.json: {told}", str(error.value))


def test_mechanisms_stand_where_mechanisms_json_says(files, tmp_path):
    path = files(BLUEPYOPT, "parameters.json")
    (tmp_path / "mechanisms.json").write_text('{"somatic": ["Kv"]}')
    with pytest.raises(InputError, match=r"parameters\.json: soma\.Kv: give the folder that has Kv"):
        biophysics.load(path)
    (tmp_path / "mechanisms.json").write_text('{"dendritic": ["Kv"]}')
    with pytest.raises(InputError, match=r": mechanisms\.json\.sectionlist: sectionlist 'dendritic' is not known"):
        biophysics.load(path)
    (tmp_path / "mechanisms.json").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"parameters\.json: mechanisms\.json: cannot be read as UTF-8 text"):
        biophysics.load(path)
    (tmp_path / "mechanisms.json").write_text("{")
    with pytest.raises(InputError, match=r"parameters\.json: mechanisms\.json: is not JSON: "):
        biophysics.load(path)
    (tmp_path / "mechanisms.json").write_text('["Kv"]')
    with pytest.raises(InputError, match=r"parameters\.json: mechanisms\.json: Input should be a valid dictionary"):
        biophysics.load(path)


def test_a_whole_cell_is_no_parameter_set(files, tmp_path):
    from apical.simulate.cell.models import taken

    section = {"name": "soma_0", "region": "soma", "parent": None, "parent_x": 0, "end": 0, "nseg": 1, "points": []}
    section |= {"length_um": 1, "ra_ohm_cm": 1, "diam_um": 1, "cm_uf_per_cm2": 1, "area_um2": 1, "ions": {}}
    cell = {"format": taken.FORMAT, "name": "a", "made_from": "b", "celsius": 6.3, "globals": {}, "nmodl": {}}
    path = files(cell | {"sections": [section | {"mechanisms": {"pas": {}}}]}, "whole.json")
    config = changed(preset("ball-and-stick"), {"morphology": str(tmp_path / "cell.swc"), "biophysics": path})
    with pytest.raises(InputError, match=r"^biophysics .*whole\.json: is a whole cell; give it with --morphology"):
        config.parameter_set()
