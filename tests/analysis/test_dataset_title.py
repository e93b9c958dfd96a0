"""A dataset is called after its preset, and after what was changed of it."""

from __future__ import annotations

import json

import pytest

from apical.analysis.dataset_title import changes
from apical.simulate.changes import changed
from apical.simulate.presets import PRESETS, nmda


def told(config):
    """As a dataset has its configuration: through JSON."""
    return changes(json.loads(config.model_dump_json()))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_changed_nothing_of_itself(name):
    assert told(PRESETS[name]()) == []


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"passive_dendrites": True}, ["passive dendrites"]),
        ({"excitatory": "AMPA"}, ["excitatory AMPA"]),
        ({"synapses_per_segment": 2, "sk_e2_factor": 0.5}, ["sk e2 factor", "synapses per segment"]),
        ({"out_of_distribution": {}}, ["out of distribution"]),
        ({"statistics": {"excitatory_apical": [0, 700]}}, ["other input rates"]),
        ({"receptors": {"AMPA_NMDA": {"e": 5}, "GABA_A": {"e": -70}}}, ["receptors AMPA_NMDA+GABA_A"]),
        ({"mechanisms": "mod"}, ["own mechanisms"]),
        ({"seed": 3, "seconds": 1.0, "record_dendrites": "all"}, []),  # the same cell and input
    ],
)
def test_what_was_changed_is_in_the_name(fields, words):
    assert told(changed(nmda(), fields)) == words
