"""Parameter files: shipped and own are one form; what is wrong is named with its line; units are NEURON's."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apical.simulate.cell import biophysics
from apical.simulate.cell.distance_rules import Exponential, Linear, Sigmoid, Zone
from apical.simulate.cell.parameter_file import PROPERTIES
from apical.simulate.cell.toml_lines import line_of
from apical.simulate.changes import configured
from apical.simulate.mechanisms import library, nmodl, units
from apical.simulate.presets import nmda
from apical.simulate.schema import InputError

OWN = """\
name = "mine"
source = "me"
celsius = 34

[all]
Ra = 100
cm = 1
pas = { g = 3e-5, e = -90 }
ena = 50
[soma]
NaTa_t.gbar = 2.04

[axon]

[basal]
cm = { rule = "zone", inside = 1, outside = 2, to_um = 60 }
Ih.gbar = { rule = "linear", near = 1e-4, far = 2e-3, to_um = 300 }
"""

# What is written in place of what -> the line that is wrong, and what is said of it
WRONG = {
    ("NaTa_t.gbar", "NaTa.gbar"): (11, ["soma.NaTa: mechanism 'NaTa' is not known: did you mean 'NaTa_t'?"]),
    ("NaTa_t.gbar", "NaTa_t.gmax"): (11, ["soma.NaTa_t.gmax: parameter of NaTa_t 'gmax'", "there are gbar"]),
    ("NaTa_t.gbar", "NaTa_t.qt"): (11, ["parameter of NaTa_t 'qt' is not known"]),  # not RANGE: one for the whole cell
    ("NaTa_t.gbar", "NaTa_t"): (11, ["soma.NaTa_t: is a mechanism", "NaTa_t.gbar = 2.04"]),
    ("2.04", "-2.04"): (11, ["soma.NaTa_t.gbar: a conductance density cannot be negative, got -2.04 S/cm2"]),
    ("2.04", "'2.04'"): (11, ["'2.04' has no unit", "S/cm2, mS/cm2, uS/cm2, pS/um2"]),
    ("2.04", "'2.04 mV'"): (11, ["'2.04 mV' is in 'mV', which does not fit", "S/cm2"]),
    ("2.04", "'2.04 furlong'"): (11, ["is in 'furlong'", "S/cm2"]),
    ("2.04", "'a lot'"): (11, ["expected a number with a unit out of S/cm2", "'a lot'"]),
    ("2.04", "'1..2 S/cm2'"): (11, ["expected a number with a unit", "'1..2 S/cm2'"]),
    ("2.04", "true"): (11, ["expected a number in S/cm2", "got True"]),
    ("2.04", "[1, 2]"): (11, ["expected a number in S/cm2", "got [1, 2]"]),
    ("2.04", "nan"): (11, ["expected a finite number"]),
    ("2.04", "{ near = 1 }"): (11, ["expected a number, or a rule", "exponential, zone, linear, sigmoid"]),
    ("[soma]", "[some]"): (10, ["some: region or field 'some' is not known: did you mean 'soma'?"]),
    ("celsius = 34", "apical = 3"): (3, ["apical: expected a table [apical], got 3"]),
    ("[soma]\nNaTa_t.gbar = 2.04", ""): (None, ["soma: Field required"]),
    ("[axon]", ""): (None, ["axon: region missing: add [axon], or reconstructed_axon = 'remove'"]),
    ('"me"', '"me"\nreconstructed_axon = "remove"'): (14, ["axon: describes an axon that", "takes away"]),
    ('"me"', '"me"\nreconstructed_axon = "no"'): (3, ["reconstructed_axon: ", "'shorten', 'keep' or 'remove'", "'no'"]),
    ('"me"', '"me"\ntypes = { fork = "basal" }'): (3, ["types.fork: expected the number of a type in the morphology"]),
    ('"me"', '"me"\ntypes = { 5 = "basl" }'): (
        3,
        ["types.5: region 'basl' is not known: did you mean 'basal'?", "parent"],
    ),
    ('"me"', '"me"\ntypes = { 5 = 3 }'): (3, ["types.5: region '3' is not known", "soma, axon, basal, apical, parent"]),
    ('"me"', '"me"\ntypes = "basal"'): (
        3,
        ["types: expected what each type is, as in types = { 5 = 'basal' }, got 'b"],
    ),
    ('source = "me"', ""): (None, ["source: Field required"]),
    ("celsius = 34", "celsius = 'hot'"): (3, ["celsius: ", "valid number", "'hot'"]),
    ("Ra = 100", ""): (10, ["soma.Ra: missing: give it in [soma] or in [all]"]),
    ("g = 3e-5, ", ""): (10, ["soma.pas.g: missing"]),
    (", e = -90", ""): (10, ["soma.pas.e: missing"]),
    ("ena = 50", ""): (10, ["soma.ena: missing: give it in [soma] or in [all]"]),
    ("Ra = 100", "Ra = 0"): (6, ["all.Ra: a resistivity must be above 0, got 0 ohm cm"]),
    ("Ra = 100", "Ra = { rule = 'linear', near = 1, far = 2, to_um = 9 }"): (6, ["all.Ra: is one value for a whole"]),
    ("linear", "linea"): (17, ["basal.Ih.gbar.rule: rule 'linea' is not known: did you mean 'linear'?"]),
    ("far = 2e-3", "fa = 2e-3"): (17, ["basal.Ih.gbar.fa: field of rule 'linear' 'fa'", "did you mean 'far'?"]),
    ("far = 2e-3, ", ""): (17, ["basal.Ih.gbar.far: Field required"]),
    ("far = 2e-3", "far = -2e-3"): (17, ["a conductance density cannot be negative, got -0.002 S/cm2"]),
    ("to_um = 300", "to_um = -3"): (17, ["basal.Ih.gbar: from_um must be below to_um, got 0 and -3"]),
    ("to_um = 300", "to_um = '3 mV'"): (17, ["basal.Ih.gbar.to_um: ", "um, mm, nm"]),
    ("to_um = 300", "to_um = inf"): (17, ["basal.Ih.gbar.to_um: ", "finite"]),
    ("Ra = 100", "Ra = 100\nRa = 90"): (None, ["is not TOML: ", "line 7"]),
    ("Ra = 100", "Ra 100"): (None, ["is not TOML: ", "line 6"]),
}


def test_an_own_file_is_read():
    mine = biophysics.parse(OWN, "biophysics mine.toml")
    assert (mine.name, mine.celsius, mine.reconstructed_axon, mine.apical) == ("mine", 34, "replace", None)
    assert mine.region("soma") == {
        "Ra": 100,
        "cm": 1,
        "pas": {"g": 3e-5, "e": -90},
        "ena": 50,
        "NaTa_t": {"gbar": 2.04},
    }
    assert mine.region("axon") == {"Ra": 100, "cm": 1, "pas": {"g": 3e-5, "e": -90}, "ena": 50}
    assert mine.region("basal")["cm"] == Zone(rule="zone", inside=1, outside=2, to_um=60)


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change[1][:30])
def test_what_is_wrong_is_named_with_its_line(change):
    line, said = WRONG[change]
    assert OWN.count(change[0]) == 1
    with pytest.raises(InputError) as error:
        biophysics.parse(OWN.replace(*change), "biophysics mine.toml")
    message = str(error.value)
    assert message.startswith(f"biophysics mine.toml, line {line}: " if line else "biophysics mine.toml: "), message
    assert all(words in message for words in said), message
    assert "\n" not in message


def test_types_of_a_morphology_file():
    """They are part of what a parameter set is; without them it is what it was before there were any."""
    parameters = biophysics.parse(OWN.replace('"me"', '"me"\ntypes = { 0 = "basal", 5 = "parent" }'), "mine")
    assert parameters.types == {0: "basal", 5: "parent"}
    assert json.loads(json.dumps(parameters.model_dump(mode="json")))["types"] == {"0": "basal", "5": "parent"}
    assert "types" not in biophysics.parse(OWN, "mine").model_dump(mode="json")


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    (tmp_path / "mine.toml").write_text(OWN, encoding="utf-8-sig")
    assert biophysics.load(str(tmp_path / "mine.toml")) == biophysics.parse(OWN, "mine")
    (tmp_path / "config.toml").write_text("preset = 'ampa'\nseed = 3\n", encoding="utf-8-sig")
    assert configured(file=tmp_path / "config.toml") == configured("ampa", fields={"seed": 3})


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "latin.toml").write_bytes(b'name = "Sch\xfcrmann"')
    (tmp_path / "folder.toml").mkdir()
    for name, said in {
        "latin.toml": "cannot be read as UTF-8 text",
        "folder.toml": "is a folder, expected a file",
        "none.toml": "no such file",
    }.items():
        with pytest.raises(InputError, match=rf"biophysics .*{name}: {said}"):
            biophysics.load(str(tmp_path / name))


@pytest.mark.parametrize("name", biophysics.available())
def test_a_shipped_set_under_another_path_is_the_same_data(name, tmp_path, swc):
    """dataset_id follows what the file says: the same whatever its path and comments, another for another density."""
    from apical.simulate.cell import morphologies

    def dataset_id(parameters):
        return nmda().model_copy(update={"biophysics": parameters}).dataset_id(morphologies.resolve(str(swc())))

    path = tmp_path / "mine.toml"
    text = biophysics.text_of(name)
    path.write_text("# mine now\n" + text)
    assert dataset_id(str(path)) == dataset_id(name)
    assert "SKv3_1.gbar = 0." in text
    path.write_text(text.replace("SKv3_1.gbar = 0.", "SKv3_1.gbar = 1."))
    assert dataset_id(str(path)) != dataset_id(name)


def test_a_file_that_changes_is_read_again(tmp_path):
    path = tmp_path / "mine.toml"
    for celsius in (34, 35):
        path.write_text(OWN.replace("34", str(celsius)))
        assert biophysics.load(str(path)).celsius == celsius


# By hand: 1 pS/um2 = 1e-12 S / 1e-8 cm2; 1 F/m2 = 1e6 uF / 1e4 cm2; 1 pF/um2 = 1e-6 uF / 1e-8 cm2
CONVERTED = [
    ("0.3 pS/um2", "S/cm2", 3e-5),
    ("3e-5 S/cm2", "S/cm2", 3e-5),
    ("0.03 mS/cm^2", "S/cm2", 3e-5),
    ("30 µS/cm²", "S/cm2", 3e-5),
    ("0.3 S / m2", "S/cm2", 3e-5),
    ("3e-5 mho/cm2", "S/cm2", 3e-5),
    ("3e-5 S/cm2", "pS/um2", 0.3),
    ("-90 mV", "mV", -90),
    ("-.09 V", "mV", -90),
    ("100 ohm cm", "ohm cm", 100),
    ("100ohm*cm", "ohm cm", 100),
    ("100 Ωcm", "ohm-cm", 100),
    ("1 ohm m", "ohm cm", 100),
    ("2 uF/cm2", "uF/cm2", 2),
    ("0.02 F/m2", "uF/cm2", 2),
    ("0.02 pF/um2", "uF/cm2", 2),
    ("460 ms", "ms", 460),
    ("0.46 s", "ms", 460),
    ("0.05 %", "1", 5e-4),
    ("+5e-4", "1", 5e-4),
    ("100 nM", "mM", 1e-4),
    ("0.685 mm", "um", 685),
]


@pytest.mark.parametrize(("written", "unit", "expected"), CONVERTED)
def test_a_value_with_its_unit(written, unit, expected):
    assert units.number(written, unit) == expected


def test_units_are_those_of_neuron():
    """Every mechanism and parameter read from the NMODL is NEURON's, in NEURON's unit; and none is left out."""
    library.load(biophysics.mechanism_groups())
    from neuron import h

    listed = nmodl.mechanisms(nmodl.sources())
    assert {"pas", "hh", "NaTa_t", "CaDynamics_E2"} <= set(listed)
    for mechanism, (parameters, reversals, *_) in listed.items():
        section = h.Section(name="patch")
        section.insert(mechanism)
        assert {each for each in ("ek", "ena") if hasattr(section, each)} == set(reversals) - {"eca"}
        standard = h.MechanismStandard(mechanism, 1)  # 1: its parameters that may differ from place to place
        name, names = h.ref(""), set()
        for i in range(standard.count()):
            standard.name(name, i)
            names.add(name[0].removesuffix(f"_{mechanism}"))
        assert set(parameters) == names
        for parameter, unit in parameters.items():
            assert units.normal(h.units(f"{parameter}_{mechanism}")) == unit, (mechanism, parameter)
        for variable in listed[mechanism].variables:
            assert hasattr(getattr(section(0.5), mechanism), f"_ref_{variable}"), (mechanism, variable)
    for name, unit in PROPERTIES.items():
        assert units.normal(h.units(name)) == unit


def test_nmodl_is_read_without_its_comments(tmp_path):
    (tmp_path / "a.mod").write_text(
        "COMMENT\nNEURON { SUFFIX wrong }\nENDCOMMENT\n"
        "NEURON {\n SUFFIX right : RANGE not\n USEION k READ ko, ek WRITE ik\n RANGE gbar, p,\n  q\n RANGE r\n}\n"
        "PARAMETER {\n gbar = 1e-4 (mho/cm2) <0, 1e9>\n p=.5\n q = 2 (mV) : was 3 (ms)\n notrange = 1 (mV)\n}\n"
    )
    (tmp_path / "b.mod").write_text("NEURON { POINT_PROCESS electrode RANGE i }")
    found = nmodl.mechanisms(sorted(tmp_path.iterdir()))
    assert found.pop("right") == nmodl.Mechanism(
        {"gbar": "S/cm2", "p": "1", "q": "mV"}, ("ek",), concentrations=("k",), variables=("gbar", "p", "q", "r")
    )
    assert found == nmodl.BUILT_IN


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("a",), 2),
        (("s", "quoted key"), 9),
        (("s", "t", "u"), 10),
        (("s", "x", "y"), 11),
        (("s", "z"), 8),
        (("q", "z"), None),
    ],
)
def test_the_line_of_a_key(keys, line):
    """Among text that looks like keys, quoted and dotted keys and inline tables."""
    text = '# a = 1\na = 2\nb = """\n[s]\n"quoted key" = 1\n"""\n\n[s]\n"quoted key" = "[x]"\nt.u = 1\nx = { y = 1 }\n'
    assert line_of(text, keys) == line


def test_exponential_and_zone():
    rule = Exponential(rule="exponential", scale=2.0, x_max=0.65)
    assert rule.at(0, 1000) == pytest.approx(2 * (2.0870 - 0.8696))
    assert rule.at(900, 1000) == rule.at(650, 1000) == pytest.approx(2 * (-0.8696 + 2.0870 * np.exp(3.6161 * 0.65)))
    zone = Zone(rule="zone", inside=5.0, outside=1.0, from_um=685, to_um=885)
    assert [zone.at(d, 1300) for d in (684, 686, 884, 886)] == [1, 5, 5, 1]
    near = Zone(rule="zone", inside=5.0, outside=1.0, to_um=60)
    assert [near.at(d, 1300) for d in (0, 59, 61)] == [5, 5, 1]


def test_exponential_in_um_from_where_it_starts():
    """As the published interneurons have it, which makes a conductance negative: that is to be asked for."""
    falls = Exponential(rule="exponential", scale=1e-3, steepness_per_um=-0.003, from_um=-1000)
    for distance_um in (0, 50, 200):
        expected = 1e-3 * (-0.8696 + 2.0870 * np.exp(-0.003 * (distance_um + 1000)))
        assert expected < 0
        assert falls.at(distance_um, 1300) == pytest.approx(expected)
    with pytest.raises(ValueError, match="give steepness_per_um too"):
        Exponential(rule="exponential", scale=1e-3, from_um=-1000)
    text = biophysics.text_of("bac217")
    allowed = biophysics.parse(text, "bac217.toml").basal["Im"]["gbar"]
    assert allowed.at(100, 1300) == pytest.approx(3.71e-4 * (-0.8696 + 2.0870 * np.exp(-3.3)))
    with pytest.raises(InputError, match=r"Im.gbar: .* negative, got .*; negative_conductance = true allows it"):
        biophysics.parse(re.sub("negative_conductance = .*", "", text), "bac217.toml")
    with pytest.raises(InputError, match=r"Im.gbar: .* cannot be negative"):
        biophysics.parse(text.replace("negative_conductance = true", "negative_conductance = false"), "bac217.toml")
    with pytest.raises(InputError, match="a capacitance must be above 0"):
        biophysics.parse(text.replace("cm = 1", "cm = -1"), "bac217.toml")


def test_linear_and_sigmoid():
    line = Linear(rule="linear", near=1.0, far=3.0, from_um=100, to_um=200)
    assert [line.at(d, 1300) for d in (0, 100, 125, 200, 900)] == [1, 1, 1.5, 3, 3]
    curve = Sigmoid(rule="sigmoid", near=1.0, far=3.0, half_um=300, slope_um=50)
    assert curve.at(300, 1300) == 2
    assert curve.at(350, 1300) == pytest.approx(1 + 2 / (1 + math.exp(-1)))
    assert (curve.at(-1e9, 1300), curve.at(1e9, 1300)) == (1, 3)


def between(low, high):
    """Floats without subnormal ones: the mechanisms' -ffast-math turns those off for the whole process."""
    return st.floats(low, high, allow_subnormal=False)


@given(between(0, 1), between(0, 1), between(0, 2000), between(1, 500), between(0, 1500))
def test_a_rule_stays_between_its_ends(near, far, place_um, width_um, distance_um):
    """So a density that is not negative at the ends is negative nowhere."""
    for rule in (
        Linear(rule="linear", near=near, far=far, from_um=place_um, to_um=place_um + width_um),
        Sigmoid(rule="sigmoid", near=near, far=far, half_um=place_um, slope_um=width_um),
        Zone(rule="zone", inside=near, outside=far, from_um=place_um, to_um=place_um + width_um),
        Exponential(rule="exponential", scale=near, steepness=far),
    ):
        low, high = sorted(rule.between())
        assert low - 1e-12 <= rule.at(distance_um, 1500) <= high + 1e-12


def test_neuron_computes_a_reversal_potential_where_a_concentration_is_used():
    """SK_E2 only reads cai, and what was set of eca is lost, also of a channel beside it that reads eca."""
    library.load(biophysics.mechanism_groups())
    from neuron import h

    listed = nmodl.mechanisms(nmodl.sources())
    for names in (["Ca_HVA"], ["Ca_HVA", "SK_E2"], ["Ca_HVA", "CaDynamics_E2"]):
        section = h.Section(name="patch")
        for name in names:
            section.insert(name)
        section.eca = 100
        h.finitialize(-65)
        assert (section.eca != 100) == any("ca" in listed[name].concentrations for name in names), names
