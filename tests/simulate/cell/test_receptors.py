"""Receptors as fields of the configuration: changed, made anew, by distance; and what cannot be one, in one line."""

from __future__ import annotations

import re

import pytest

from apical.simulate import preset
from apical.simulate.cell import biophysics, morphologies, receptors
from apical.simulate.cell.distance_rules import Linear
from apical.simulate.cell.receptors import SHIPPED, Receptor
from apical.simulate.changes import configured
from apical.simulate.mechanisms import nmodl
from apical.simulate.schema import InputError

SYNAPSE = """NEURON { POINT_PROCESS Syn NONSPECIFIC_CURRENT i RANGE tau, e, i }
PARAMETER { tau (ms) e = 0 (mV) }
ASSIGNED { v (mV) i (nA) }
STATE { g (uS) }
BREAKPOINT { SOLVE decay METHOD cnexp i = g * (v - e) }
DERIVATIVE decay { g' = -g / tau }
NET_RECEIVE(weight (uS)) { g = g + weight }
"""


def parameters(*words: str, **fields) -> biophysics.Biophysics:
    return configured("ball-and-stick", fields=fields, words=words).parameter_set()


def refused(*words: str, **fields) -> str:
    with pytest.raises(InputError) as error:
        parameters(*words, **fields)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def folder(tmp_path) -> str:
    (tmp_path / "syn.mod").write_text(SYNAPSE)
    return str(tmp_path)


def test_a_change_keeps_the_rest():
    found = parameters("receptors.AMPA_NMDA.gmax_ampa=0.8 nS", 'receptors.GABA_A={e = "-0.07 V"}').receptors
    ampa, gaba = (SHIPPED[name].parameters for name in ("AMPA_NMDA", "GABA_A"))
    assert found["AMPA_NMDA"] == Receptor(process="AMPA_NMDA", parameters=ampa | {"gmax_ampa": 8e-4})
    assert found["GABA_A"].parameters == gaba | {"e": -70}
    assert parameters().receptors == {} and SHIPPED["GABA_A"].parameters["e"] == -80


def test_any_point_process_with_units_and_distance_rules(folder):
    rule = {"rule": "linear", "near": "2 nS", "far": 0, "to_um": 800}
    mine = {"process": "Syn", "tau": "0.002 s", "weight": rule}
    found = parameters(mechanisms=folder, receptors={"mine": mine}, excitatory="mine+AMPA")
    expected = Linear(rule="linear", near=2e-3, far=0, to_um=800)
    assert found.receptors == {"mine": Receptor(process="Syn", weight=expected, parameters={"tau": 2.0})}
    assert list(found.nmodl) == ["Syn"]
    neurons = {"process": "Exp2Syn", "tau1": 0.2, "tau2": 2, "e": 0, "weight": "1 nS"}
    assert parameters(receptors={"mine": neurons}, excitatory="mine").nmodl == {}


def test_receptors_of_a_parameter_file_are_changed_by_the_configuration(tmp_path, folder):
    text = biophysics.text_of("ball-and-stick").replace("[all]", 'mechanisms = "."\n[all]', 1)
    text += '[receptors.mine]\nprocess = "Syn"\ntau = 3\nweight = "1 nS"\n'
    (tmp_path / "cell.toml").write_text(text)
    own = {"biophysics": str(tmp_path / "cell.toml"), "excitatory": "mine"}
    found = parameters("receptors.mine.tau=5", **own).receptors["mine"]
    assert found.parameters == {"tau": 5.0} and found.weight == pytest.approx(1e-3)
    (tmp_path / "cell.toml").write_text(text.replace("tau = 3", "tau = '3 mV'"))
    line = text.splitlines().index("tau = 3") + 1
    assert f"cell.toml, line {line}: receptors.mine.tau: '3 mV' is in 'mV'" in refused(**own)


def test_a_shipped_process_has_the_numbers_of_its_file():
    """Those of AMPA, which are written out."""
    found = parameters(receptors={"slow": {"process": "Receptor", "tau_d": 30}}, excitatory="slow").receptors["slow"]
    mechanism = next(file for file in nmodl.sources() if file.stem == "Receptor").read_text()
    for name, value in found.parameters.items():
        assert re.search(rf"^ *{name} = {3 if name == 'tau_d' else value:g} \(", mechanism, re.M), name
    assert found.parameters["tau_d"] == 30 and found.weight == 1
    assert "tau_r: must be below tau_d, got 3 ms" in refused(
        "receptors.a={process='Receptor', tau_r=3}", "excitatory=a"
    )


def test_the_id_follows_receptors():
    morphology = morphologies.resolve("ball-and-stick")
    ids = [
        configured("ball-and-stick", words=words).dataset_id(morphology)
        for words in ([], ["receptors.GABA_A.e=-70"], ["receptors.GABA_A.e=-0.07 V"], ["receptors.GABA_A.e=-71"])
    ]
    assert ids[0] != ids[1] == ids[2] != ids[3]
    assert ids[0] == preset("ball-and-stick").dataset_id(morphology)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["excitatory=AMPPA"],
            "excitatory: receptor 'AMPPA' is not known: did you mean 'AMPA'? there are AMPA, AMPA_NMDA",
        ),
        (["excitatory=AMPA+"], "excitatory: receptor '' is not known"),
        (["excitatory=GABA_A"], "excitatory: receptor 'GABA_A' is not known"),
        (["inhibitory=AMPA"], "inhibitory: receptor 'AMPA' is not known"),
        (["receptors.AMPA.gmax=1"], "receptors.AMPA: neither excitatory nor inhibitory names it; leave it out"),
        (
            ["receptors.GABA_A.gmx=1"],
            "receptors.GABA_A.gmx: parameter of Receptor 'gmx' is not known: did you mean 'gmax'?",
        ),
        (["receptors.GABA_A.gmax=1 mV"], "receptors.GABA_A.gmax: '1 mV' is in 'mV', which does not fit"),
        (["receptors.GABA_A.gmax=-1"], "receptors.GABA_A.gmax: a conductance cannot be negative"),
        (["receptors.GABA_A.tau_r=9"], "receptors.GABA_A.tau_r: must be below tau_d, got 9 ms"),
        (["receptors.GABA_A.tau_d=0"], "receptors.GABA_A.tau_d: a time must be above 0"),
        (["receptors.GABA_A.process=ExpSin"], "receptors.GABA_A.process: point process 'ExpSin' is not known"),
        (
            ["receptors.GABA_A.process=ExpSyn"],
            "receptors.GABA_A.weight: missing: ExpSyn has no number for it; give one in uS",
        ),
        (
            ["receptors.mine.tau=1", "excitatory=mine"],
            "receptors.mine.process: missing: the point process; there are ExpSyn",
        ),
        (
            ["receptors.GABA_AB.e=1", "inhibitory=GABA_AB"],
            "receptors.GABA_AB: neither excitatory nor inhibitory names it",
        ),
        (["receptors.GABA_A.weight={rule='lin'}"], "receptors.GABA_A.weight.rule: rule 'lin' is not known"),
    ],
)
def test_what_cannot_be_a_receptor(words, expected):
    assert refused(*words).startswith(expected)


def test_what_a_folder_cannot_bring(tmp_path, folder):
    mine = {"process": "Syn", "weight": 1, "tau": 1}
    without = {"process": "Syn", "weight": 1}
    own = {"mechanisms": folder, "excitatory": "mine"}
    assert "receptors.mine.tau: missing: Syn has no number for it; give one in ms" in refused(
        receptors={"mine": without}, **own
    )
    (tmp_path / "syn.mod").write_text(SYNAPSE.replace("NET_RECEIVE(weight (uS))", "PROCEDURE nobody(weight)"))
    assert "process: Syn receives no events: it has no NET_RECEIVE" in refused(receptors={"mine": mine}, **own)
    (tmp_path / "syn.mod").write_text(SYNAPSE.replace("Syn", "Receptor"))
    changed = {"mine": {"process": "Receptor", "weight": 1, "gmax": 1}}
    assert "syn.mod, line 1: apical puts a point process Receptor of its own on cells" in refused(
        receptors=changed, **own
    )


def test_names_of_a_synapse():
    assert receptors.names("GABA_AB+mine") == ("GABA_A", "GABA_B", "mine")
    assert [*receptors.of("inhibitory", "GABA_AB", {})] == ["GABA_A", "GABA_B"]
