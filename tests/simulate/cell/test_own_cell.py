"""Cells of any shape: cable theory, a cell built by hand, trees and axon as the file has them, and faulty files."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from apical.simulate import presets
from apical.simulate.cell import biophysics, morphologies
from apical.simulate.cell.built import Cell
from apical.simulate.engine.interface import Inputs, Integration, Pulse
from apical.simulate.engine.run import run
from apical.simulate.mechanisms import library
from apical.simulate.schema import InputError
from apical.simulate.trial.experiment import Experiment

HEAD = 'name = "mine"\nsource = "made up"\n'
PASSIVE = "[all]\nRa = 150\ncm = 1\nek = -85\nena = 50\npas = { g = '0.5 pS/um2', e = -70 }\n"
NO_AXON = HEAD + 'reconstructed_axon = "remove"\n' + PASSIVE
SWC = """\
1 1 0 0 0 10 -1
2 1 0 -10 0 10 1
3 1 0 10 0 10 1
4 3 0 -10 0 1 1
5 3 0 -120 0 1 4
"""
AXON = "6 2 10 0 0 0.5 1\n7 2 210 0 0 0.5 6\n"


@pytest.fixture(scope="module", autouse=True)
def mechanisms():
    library.load(biophysics.mechanism_groups())


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Of a test's cells, refused ones too, NEURON has no section: it would be integrated with the next cell."""
    from neuron import h

    gc.disable()  # which may come late
    yield
    left = [section.name() for section in h.allsec()]
    gc.enable()
    assert not left


@pytest.fixture
def build(tmp_path):
    """A function that makes a cell of an SWC text, or of ball-and-stick, and the text of a parameter file."""
    made = []

    def build(parameters: str, swc: str | None = None, name: str = "mine.swc") -> Cell:
        if swc is not None:
            (tmp_path / name).write_text(swc)
        morphology = morphologies.resolve("ball-and-stick" if swc is None else str(tmp_path / name))
        made.append(Cell(morphology, biophysics.parse(parameters, "biophysics mine.toml")))
        return made[-1]

    yield build
    for cell in made:
        cell.close()


def settled_mv(cell, probes, na, duration_ms=1500.0):
    inputs = Inputs(currents=[Pulse(cell.soma(0.5), 100, 1e9, na)])
    return run(cell, inputs, probes, duration_ms, -70.0, Integration(engine="neuron")).v_mv[:, -1]


def test_a_passive_ball_and_stick_is_rall_s(build):
    """Input resistance and attenuation of a sealed cable on a soma. Source: Rall 1959, Exp Neurol 1:491."""
    cell = build(NO_AXON + "[soma]\n[apical]\n")
    soma_mv, tip_mv = settled_mv(cell, [cell.soma(0.5), cell.apical[0](1)], 0.01)
    g, ra_ohm_cm, diameter_cm, length_cm = 5e-5, 150.0, 2e-4, 0.1
    space_constant_cm = np.sqrt(diameter_cm / (4 * ra_ohm_cm * g))
    long_cable_s = np.pi / 2 * diameter_cm**1.5 * np.sqrt(g / ra_ohm_cm)
    input_s = g * np.pi * 20e-4 * 20e-4 + long_cable_s * np.tanh(length_cm / space_constant_cm)
    assert soma_mv == pytest.approx(-70 + 0.01e-9 / input_s * 1e3, abs=0.003)
    assert (tip_mv + 70) / (soma_mv + 70) == pytest.approx(1 / np.cosh(length_cm / space_constant_cm), rel=1e-3)


def test_the_shipped_ball_and_stick_is_what_its_file_says():
    """Against the same cell written out in NEURON's own words."""
    from neuron import h

    soma, stick = h.Section(name="ball"), h.Section(name="stick")
    soma.L = soma.diam = 20
    stick.L, stick.diam, stick.nseg = 1000, 2, 51
    stick.connect(soma(0.5))
    densities = {"Ca_LVAst": 0.00343, "Ca_HVA": 9.92e-4, "SKv3_1": 0.693, "SK_E2": 0.0441, "NaTa_t": 2.04}
    densities |= {"Nap_Et2": 0.00172, "K_Tst": 0.0812, "K_Pst": 0.00223}
    for mechanism, density in densities.items():
        soma.insert(mechanism)
        setattr(soma, f"gbar_{mechanism}", density)
    soma.insert("CaDynamics_E2")
    soma.decay_CaDynamics_E2, soma.gamma_CaDynamics_E2 = 460, 5.01e-4
    soma.ek, soma.ena = -85, 50
    for section, capacitance, leak in ((soma, 1, 3.38e-5), (stick, 2, 5.89e-5)):
        section.Ra, section.cm = 100, capacitance
        for mechanism in ("pas", "Ih"):
            section.insert(mechanism)
        section.g_pas, section.e_pas, section.gbar_Ih = leak, -90, 2e-4
    electrode = h.IClamp(soma(0.5))
    electrode.delay, electrode.dur, electrode.amp = 50, 200, 0.4
    seen = h.Vector().record(soma(0.5)._ref_v)
    h.CVode().active(False)
    h.celsius, h.dt, h.secondorder = 6.3, 0.025, 2
    h.finitialize(-76)
    while h.t < 300 - h.dt / 2:
        h.fadvance()
    by_hand_mv = seen.as_numpy().copy()
    del electrode, seen

    cell = Cell(morphologies.resolve("ball-and-stick"), biophysics.load("ball-and-stick"))
    inputs = Inputs(currents=[Pulse(cell.soma(0.5), 50, 250, 0.4)])
    v_mv = run(cell, inputs, [cell.soma(0.5)], 300.0, -76.0, Integration(engine="neuron", second_order=True)).v_mv[0]
    cell.close()
    assert np.count_nonzero((v_mv[:-1] < -10) & (v_mv[1:] >= -10)) >= 3
    assert np.abs(v_mv - by_hand_mv).max() < 1e-6


def test_fused_or_not_an_own_cell_is_the_same():
    """Its mechanisms are those of a shipped region, so they fuse; its numbers and its temperature are its own."""
    from neuron import h

    text = biophysics.text_of("ball-and-stick").replace("gbar = 2.04", "gbar = 1.5").replace("ek = -85", "ek = -80")
    parameters = biophysics.parse(text.replace("[all]", "celsius = 34\n[all]"), "mine")
    traces = []
    for fused in (False, True):
        cell = Cell(morphologies.resolve("ball-and-stick"), parameters, fused)
        assert hasattr(cell.soma(0.5), "NaTa_t") != fused
        assert h.celsius == 34
        inputs = Inputs(currents=[Pulse(cell.soma(0.5), 20, 80, 0.4)])
        plain = Integration(engine="neuron", dt_ms=0.025, second_order=True)
        traces.append(run(cell, inputs, [cell.soma(0.5)], 100.0, -76.0, plain).v_mv[0])
        cell.close()
    assert traces[0].max() > 0
    assert np.abs(traces[0] - traces[1]).max() < 1e-3


def test_the_ball_and_stick_preset_fires():
    """Its ranges were chosen for 0.5 to 2 Hz over 40 trials; these are two."""
    experiment = Experiment(presets.ball_and_stick().model_copy(update={"seconds": 3.0}))
    try:
        spikes = [len(experiment.run(trial).output_spike_times_ms()) for trial in (0, 1)]
        assert experiment.input_spikes(0).shape == (102, 3000)
        assert 1 <= sum(spikes) <= 30
    finally:
        experiment.cell.close()


def test_rules_along_a_stick(build):
    """By hand: 51 segments of 1000/51 um; the last takes the distance of the section's end, as the published cell."""
    from neuron import h

    cell = build(
        HEAD + "celsius = 34\nreconstructed_axon = 'remove'\n" + PASSIVE + "[soma]\n[apical]\n"
        "cm = { rule = 'zone', inside = 1, outside = 2, to_um = 60 }\n"
        "pas.g = { rule = 'linear', near = 1e-5, far = 5e-5, from_um = 200, to_um = 600 }\n"
        "Ih.gbar = { rule = 'exponential', scale = 2e-4 }\n"
        "Im.gbar = { rule = 'sigmoid', near = 0, far = '1 pS/um2', half_um = 500, slope_um = 100 }\n"
    )
    assert h.celsius == 34
    (stick,) = cell.apical
    segments = list(stick)
    distance_um = (np.arange(51) + 0.5) * 1000 / 51
    distance_um[-1] = 1000
    assert [s.cm for s in segments] == [1, 1, 1] + [2] * 48
    assert np.allclose([s.pas.g for s in segments], np.interp(distance_um, [200, 600], [1e-5, 5e-5]), rtol=1e-9)
    kole = 2e-4 * (-0.8696 + 2.0870 * np.exp(3.6161 * distance_um / 1000))
    assert np.allclose([s.Ih.gbar for s in segments], kole, rtol=1e-9)
    assert np.allclose([s.Im.gbar for s in segments], 1e-4 / (1 + np.exp(-(distance_um - 500) / 100)), rtol=1e-9)
    assert (cell.soma.cm, cell.soma.Ra, cell.soma(0.5).pas.g, cell.soma(0.5).pas.e) == (1, 150, 5e-5, -70)


def test_without_apical_dendrite(build):
    cell = build(HEAD + PASSIVE + "[soma]\nhh = {}\n[axon]\n[basal]\n", SWC)
    assert [segment.tree for segment in cell.segments] == ["basal"] * 5
    assert cell.longest_um == pytest.approx(110, abs=1e-6)
    with pytest.raises(InputError, match="no apical dendrite at 400 um"):
        cell.at_apical_distance(400)


@pytest.mark.parametrize(
    ("axon", "region", "lengths_um"),
    [("keep", "[axon]\n", [200]), ("replace", "[axon]\n", [30, 30]), ("remove", "", [])],
)
def test_the_axon(build, axon, region, lengths_um):
    cell = build(HEAD + f'reconstructed_axon = "{axon}"\n' + PASSIVE + "[soma]\n[basal]\n" + region, SWC + AXON)
    assert [section.L for section in cell.axon] == pytest.approx(lengths_um)
    assert len(cell.sections()) == 2 + len(lengths_um)
    assert all(section(0.5).pas.g == 5e-5 for section in cell.sections())
    assert all(section.parentseg() is not None for section in cell.axon)


def test_every_piece_of_a_soma_gets_its_channels(build):
    """A soma that branches becomes several sections."""
    soma = "1 1 0 0 0 8 -1\n2 1 0 8 0 8 1\n3 1 0 -8 0 8 1\n4 1 8 0 0 8 1\n5 3 0 -20 0 1 3\n6 3 0 -90 0 1 5\n"
    cell = build(NO_AXON + "[soma]\nNaTa_t.gbar = 2\n[basal]\n", soma)
    pieces = [section for section in cell.sections() if section not in cell.basal]
    assert len(pieces) > 1
    assert all(section(0.5).NaTa_t.gbar == 2 for section in pieces)


@pytest.mark.parametrize(
    ("regions", "swc", "said"),
    [
        ("[soma]\n[apical]\n[basal]", SWC, [r"mine.swc: has no apical dendrite", "SWC: type 4", "'mine'", "[apical]"]),
        ("[soma]\n[apical]\n[basal]", SWC.replace(" 3 0 -1", " 4 0 -1"), ["has no basal dendrite", "SWC: type 3"]),
        ("[soma]", SWC, ["parameter set 'mine': region missing: add [basal]", "mine.swc has 1 sections"]),
        ("[soma]\n[basal]", SWC[: SWC.index("4 3")], ["mine.swc: has no dendrite"]),
    ],
)
def test_regions_and_trees_must_agree(build, regions, swc, said):
    with pytest.raises(InputError) as error:
        build(NO_AXON + regions, swc)
    assert all(words in str(error.value) for words in said), error.value
    assert "\n" not in str(error.value)


def test_an_axon_may_be_long_but_not_in_another_unit(build):
    kept = HEAD + "reconstructed_axon = 'keep'\n" + PASSIVE + "[soma]\n[axon]\n[basal]\n"
    (axon,) = build(kept, SWC + AXON.replace("210", "90010")).axon
    assert abs(axon.L - 90000) < 0.1
    with pytest.raises(InputError, match=r"mine.swc: axon as far as 1,000,000.0 um from .*expected 0 to 500,000"):
        build(kept, SWC + AXON.replace("210", "1000010"))


def test_an_axon_that_is_not_there_cannot_be_kept(build):
    with pytest.raises(InputError, match=r"mine\.swc: has no axon, which reconstructed_axon = 'keep' asks for"):
        build(HEAD + "reconstructed_axon = 'keep'\n" + PASSIVE + "[soma]\n[axon]\n[basal]", SWC)


DENDRITE_ON_AXON = "# a comment\n" + SWC + "6 2 10 0 0 1 1\n7 2 60 0 0 1 6\n8 {kind} 60 30 0 1 7\n9 3 60 90 0 1 8\n"
AXON_POINT_IN_DENDRITE = SWC + "6 2 0 -150 0 1 5\n7 3 0 -200 0 1 6\n8 3 0 -260 0 1 7\n"


@pytest.mark.parametrize(("axon", "region"), [("replace", "[axon]\n"), ("remove", "")])
@pytest.mark.parametrize(
    ("swc", "said"),
    [(DENDRITE_ON_AXON.format(kind=3), "line 9: section dend[1]"), (AXON_POINT_IN_DENDRITE, "line 7: section dend[1]")],
)
def test_no_dendrite_is_cut_off_with_the_axon(build, swc, said, axon, region):
    with pytest.raises(InputError) as error:
        build(HEAD + f'reconstructed_axon = "{axon}"\n' + PASSIVE + "[soma]\n[basal]\n" + region, swc)
    assert f"mine.swc, {said} hangs on the axon, which is taken away; " in str(error.value), error.value
    assert "\n" not in str(error.value)


def test_a_dendrite_on_an_axon_that_is_kept(build):
    """By hand: the way from the soma to the first point has no length; 50 um along the axon, 30 + 60 to the tip."""
    kept = HEAD + "reconstructed_axon = 'keep'\n" + PASSIVE + "[soma]\n[axon]\n[basal]\n"
    cell = build(kept, DENDRITE_ON_AXON.format(kind=3))
    assert cell.path_um(cell.basal[1](1)) == pytest.approx(50 + 30 + 60, abs=1e-3)
    cell = build(HEAD + PASSIVE + "[soma]\n[axon]\n[basal]\n", DENDRITE_ON_AXON.replace("9 3", "9 2").format(kind=2))
    assert len(cell.basal) == 1  # without a dendrite on it, an axon goes


ASC = '("CellBody" (CellBody) (0 10 0 1)(5 0 0 1)(0 -10 0 1)(-5 0 0 1))\n((Dendrite) (0 -10 0 {0}) (0 -99 0 {0}))\n'
FAULTS = {
    "zero.swc": (SWC.replace("-120 0 1 4", "-120 0 0 4"), "zero.swc, line 5: point 5 has radius 0"),
    "nan.swc": (SWC.replace("-120 0 1 4", "-120 0 nan 4"), "nan.swc, line 5: point 5 has radius nan"),
    "loose.swc": (SWC.replace("-10 0 1 1", "-10 0 1 -1"), "loose.swc, line 4: point 4 hangs on nothing: its parent -1"),
    "type.swc": (
        "# a comment\n\n" + SWC.replace("5 3", "5 7"),
        "type.swc, line 7: point 5 is of type 7, expected 1 soma, 2 axon, 3 basal, 4 apical; say in the parameter file "
        "what it is, as in types = { 7 = 'basal' }",
    ),
    "nowhere.swc": (SWC.replace("-120", "nan"), "nowhere.swc, line 5: point 5: expected finite coordinates and radius"),
    "far.swc": (SWC.replace("-120", "-inf"), "far.swc, line 5: point 5: expected finite coordinates and radius, got 0"),
    "wide.swc": (SWC.replace("-120 0 1", "-120 0 inf"), "wide.swc, line 5: point 5: expected finite coordinates"),
    "minus.swc": (SWC.replace("-120 0 1", "-120 0 -1"), "minus.swc, line 5: point 5 has radius -1"),
    "half.swc": (SWC.replace("5 3 0", "5.5 3 0"), "half.swc, line 5: expected 7 numbers"),
    "comma.swc": (SWC.replace("-120", "-12,5"), "comma.swc, line 5: expected 7 numbers"),
    "later.swc": (SWC.replace("1 1\n5", "1 5\n5"), "later.swc, line 4: point 4 hangs on nothing: its parent 5 is not"),
    "second.swc": (
        SWC + "6 1 0 -120 0 5 5\n",
        "second.swc, line 6: point 6 is of the soma and hangs on point 5, which",
    ),
    "still.swc": (
        SWC + "6 3 0 -120 0 1 5\n7 3 0 -120 0 1 6\n8 3 9 -120 0 1 5\n",
        "still.swc, line 6: section dend[1] has no length: all of its points are in one place",
    ),
    "nm.swc": (SWC.replace("10 ", "10000 ").replace("120 ", "120000 "), "nm.swc: soma and dendrites as far as 11"),
    "mm.swc": (SWC.replace("10 ", ".01 ").replace("120 ", ".12 "), "mm.swc: soma and dendrites as far as 0.1 um from"),
    "nan.asc": (ASC.format(2).replace("-99", "nan"), "nan.asc, line 2: expected finite numbers, got 'nan'"),
    "open.asc": (ASC.format(2)[:-2] + "\n", "open.asc, line 2: a parenthesis is opened here, and not closed"),
    "closed.asc": (ASC.format(2) + ")\n", "closed.asc, line 3: a parenthesis is closed that was not opened"),
    "quote.asc": (ASC.format(2).replace('dy" (', "dy ("), "quote.asc, line 1: cannot be read from '\"CellBody (CellBo"),
    "sign.asc": ("\n" + ASC.format(2) + "@", "sign.asc, line 4: cannot be read from '@' on"),
    "after.asc": (
        ASC.format(2) + "remark\n((Dendrite) (0 10 0 1) (0 99 0 1))",
        "after.asc, line 2: NEURON cannot read it: it reads no further than the point on line 2; what comes next is no",
    ),
    "flat.asc": (ASC.format(2).replace(" 0 2)", " 0)"), "flat.asc, line 2: diameter 0; every point needs one above 0"),
    "untyped.asc": (
        ASC.format(2) + "(\n(Color Red) (9 0 0 1) (99 0 0 1))\n",
        "untyped.asc, line 4: the tree that starts here has no type, or none of a tree: the last property before its",
    ),
    "order.asc": (ASC.format(2).replace("(Dendrite)", "(Dendrite) (Color Red)"), "order.asc, line 2: the tree that"),
    "somas.asc": (
        ASC.format(2) + '("Soma" (CellBody) (90 10 0)\n(95 0 0) (90 -10 0) (85 0 0))\n',
        "somas.asc, line 3: section soma[1] hangs on nothing; connect it to the soma",
    ),
    "few.asc": (ASC.format(2).replace("(5 0 0 1)", "").replace("(-5 0 0 1)", ""), "few.asc: has no soma"),
    "empty.asc": ("\n \n", "empty.asc: has no soma"),
    "nosoma.asc": (ASC.format(2).splitlines()[1], "nosoma.asc: has no soma"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_morphology_is_named_in_one_line(build, name, capfd):
    text, said = FAULTS[name]
    with pytest.raises(InputError) as error:
        build(NO_AXON + "[soma]\n[basal]", text, name)
    assert str(error.value).startswith("morphology ") and said in str(error.value), error.value
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_the_same_asc_without_its_fault_builds(build):
    assert len(build(NO_AXON + "[soma]\n[basal]", ASC.format(2), "good.asc").segments) == 5
