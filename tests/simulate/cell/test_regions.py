"""Which section of a model is what: as told, else by the model's lists, else by name. No NEURON is needed."""

from __future__ import annotations

from types import SimpleNamespace

from apical.simulate.cell.models import regions


def sections(*names: str) -> list:
    return [SimpleNamespace(name=lambda name=name: f"Cell[0].{name}", L=1.0, nseg=1) for name in names]


def of(made, told=None, names=("soma", "dend[0]", "dend[1]", "apic[0]", "tuft_3", "AIS")) -> list[str]:
    there = sections(*names)
    lists = {name: [there[at] for at in members] for name, members in made.items()}
    return regions.of(there, SimpleNamespace(**lists), told or {}, "model")


def test_by_name():
    assert of({}) == ["soma", "basal", "basal", "apical", "apical", "axon"]
    assert of({}, names=("Soma", "Basal_1", "Trunk", "oblique[2]", "hillock")) == [
        "soma", "basal", "apical", "apical", "axon"
    ]  # fmt: skip


def test_lists_before_names_and_what_is_told_before_both():
    lists = {"apical": [1], "axonal": [4]}
    assert of(lists) == ["soma", "apical", "basal", "apical", "axon", "axon"]
    assert of(lists, {"basal": "dend[0], tuft*"}) == ["soma", "basal", "basal", "apical", "basal", "axon"]


def test_a_section_may_stand_for_a_list():
    there = sections("cell_body", "process")
    made = SimpleNamespace(soma=there[0], dend=there[1])
    assert regions.of(there, made, {}, "model") == ["soma", "basal"]
