"""The circuit read from a NEURON cell: its matrix answers an injected current as NEURON's own does."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate.cell import morphologies
from apical.simulate.cell.built import Cell
from apical.simulate.engine.batched import circuit
from apical.simulate.engine.batched.circuit import Circuit
from apical.simulate.schema import InputError

S_PER_CM2_UM2_IN_US = 0.01  # a conductance of 1 S/cm2 over 1 um2


@pytest.fixture
def section():
    """A function that makes a section; they are gone after the test."""
    from neuron import h

    made = []

    def make(name: str, length_um: float, diam_um: float, nseg: int = 1, at=None, end: int = 0):
        made.append(h.Section(name=name))
        made[-1].L, made[-1].diam, made[-1].nseg, made[-1].Ra = length_um, diam_um, nseg, 100 + 10 * len(made)
        if at is not None:
            made[-1].connect(at, end)
        return made[-1]

    yield make
    for each in made:
        h.delete_section(sec=each)


def leak(sections: list, rng: np.random.Generator) -> None:
    """A leak that differs from segment to segment."""
    for each in sections:
        each.insert("pas")
        for segment in each:
            segment.g_pas = rng.uniform(1e-5, 2e-4)


def answers_as_neuron(sections: list, root, n: int = 6) -> Circuit:
    """Check the matrix in a few nodes, and the order that elimination needs; leaves the circuit for more."""
    from neuron import h

    rng = np.random.default_rng(3)
    leak(sections, rng)
    h.finitialize(-70)
    tree = circuit.read(sections, root)
    check_order(tree, root)
    leak_us = [each.g_pas if each is not None else 0.0 for each in tree.segments] * tree.area_um2 * S_PER_CM2_UM2_IN_US
    matrix = np.diag(tree.axial_us + leak_us)
    child = np.flatnonzero(tree.g_us)
    matrix[child, tree.parents[child]] = matrix[tree.parents[child], child] = -tree.g_us[child]
    megaohm = np.linalg.inv(matrix)
    membrane = [node for node, each in enumerate(tree.segments) if each is not None]
    assert len(membrane) == sum(each.nseg for each in sections)
    impedance = h.Impedance()
    for node in rng.choice(membrane, min(n, len(membrane)), replace=False):
        impedance.loc(tree.segments[node])
        impedance.compute(0)
        theirs = [impedance.transfer(tree.segments[other]) for other in membrane]
        np.testing.assert_allclose(megaohm[node, membrane], theirs, rtol=1e-6)
    return tree


def check_order(tree: Circuit, root) -> None:
    n, chains = len(tree.g_us), len(tree.chains.head)
    assert tree.segments[tree.chains.head[-1]] == root and tree.g_us[tree.chains.head[-1]] == 0
    assert np.count_nonzero(tree.g_us) == n - 1, "all but the root have a parent"
    # Chains partition the nodes; each is numbered from its head outwards
    assert [*tree.chains.head, n] == [0, *(tree.chains.tail + 1)]
    assert (
        tree.parents[np.setdiff1d(np.arange(n), tree.chains.head)] == np.setdiff1d(np.arange(n), tree.chains.head) - 1
    ).all()
    # What hangs on a chain comes before it, and hangs on its tail
    of = {tail: chain for chain, tail in enumerate(tree.chains.tail)}
    for chain, parent in enumerate(tree.chains.parent[:-1]):
        assert chain < of[parent]
    for chain in range(chains):
        beyond = tree.chains.beyond[tree.chains.beyond_first[chain] : tree.chains.beyond_first[chain + 1]]
        assert sorted(beyond) == [c for c in range(chains - 1) if tree.chains.parent[c] == tree.chains.tail[chain]]
    # A branching without membrane is one: no open end, no resistance in series
    neighbours = np.bincount(tree.parents, minlength=n) + (tree.g_us > 0) - (np.arange(n) == tree.chains.head[-1])
    assert all(neighbours[node] > 2 for node, each in enumerate(tree.segments) if each is None)


def test_one_segment(section):
    soma = section("soma", 20, 20)
    tree = answers_as_neuron([soma], soma(0.5))
    assert tree.g_us.tolist() == [0] and tree.chains.head.tolist() == [0]
    assert tree.area_um2[0] == pytest.approx(np.pi * 400) and tree.cm_uf_per_cm2.tolist() == [1]


def test_a_cable_is_one_chain(section):
    """Its conductances by hand, with the open end, which has no membrane, left out."""
    cable = section("cable", 100, 2, nseg=5)
    tree = answers_as_neuron([cable], cable(0.1))
    assert tree.chains.head.tolist() == [0] and tree.chains.tail.tolist() == [4]
    megaohm = 110 * 20e-4 / (np.pi * 1e-4**2) * 1e-6  # 110 ohm cm, 20 um between middles
    np.testing.assert_allclose(tree.g_us, [0, *[1 / megaohm] * 4], rtol=1e-9)


def test_the_root_may_be_in_the_middle(section):
    cable = section("cable", 100, 2, nseg=5)
    tree = answers_as_neuron([cable], cable(0.5))
    assert len(tree.chains.head) == 3 and tree.chains.parent.tolist() == [tree.chains.head[-1]] * 3


@pytest.mark.parametrize("x", [0, 0.3, 0.5, 1])
@pytest.mark.parametrize("nseg", [1, 3, 4])
def test_a_child_anywhere_on_its_parent(section, x, nseg):
    soma = section("soma", 30, 15, nseg)
    child = section("child", 200, 1.5, 3, at=soma(x))
    answers_as_neuron([soma, child], soma(0.5))


def test_three_children_at_one_end_and_more_on_a_child(section):
    soma = section("soma", 30, 15)
    trunk = section("trunk", 100, 3, 3, at=soma(1))
    twigs = [section(f"twig{i}", 50 + 30 * i, 1, 1 + 2 * i, at=trunk(1)) for i in range(3)]
    side = section("side", 60, 1, 3, at=twigs[1](0.5))
    tree = answers_as_neuron([soma, trunk, *twigs, side], soma(0.5))
    assert sum(each is None for each in tree.segments) == 1, "the end of the trunk, which four sections share"


def test_a_child_at_the_start_of_a_child(section):
    soma = section("soma", 30, 15, 3)
    first = section("first", 40, 2, 3, at=soma(0))
    second = section("second", 40, 2, 3, at=first(0))
    answers_as_neuron([soma, first, second, section("third", 40, 2, at=soma(0))], soma(0.5))


def test_resistances_in_series_are_one(section):
    """An axon of two sections: the end that they share has no membrane."""
    soma = section("soma", 30, 15)
    axon = [section("axon0", 30, 1, at=soma(0.5))]
    axon.append(section("axon1", 30, 1, at=axon[0](1)))
    tree = answers_as_neuron([soma, *axon], soma(0.5))
    assert [str(each) for each in tree.segments] == ["soma(0.5)", "axon0(0.5)", "axon1(0.5)"]
    halves = [15e-4 * ra / (np.pi * 0.5e-4**2) * 1e-6 for ra in (120, 130)]
    assert tree.g_us[2] == pytest.approx(1 / sum(halves), rel=1e-9)


def test_a_soma_of_several_sections(section):
    soma = [section("soma0", 10, 12)]
    soma.append(section("soma1", 10, 14, at=soma[0](1)))
    soma.append(section("soma2", 10, 9, at=soma[1](1)))
    dendrites = [section(f"dendrite{i}", 150, 1, 3, at=each(0.5)) for i, each in enumerate(soma)]
    answers_as_neuron([*soma, *dendrites], soma[0](0.5))


def test_random_trees(section):
    rng = np.random.default_rng(5)
    for number in range(5):
        tree = [section(f"root{number}", 20, 12, int(rng.integers(1, 4)))]
        for i in range(25):
            at = tree[rng.integers(len(tree))](rng.choice([0, 0.2, 0.5, 0.9, 1, 1]))
            tree.append(section(f"s{number}_{i}", rng.uniform(5, 90), rng.uniform(0.5, 3), int(rng.integers(1, 5)), at))
        answers_as_neuron(tree, tree[0](0.5))


@pytest.mark.parametrize("morphology", ["ball-and-stick", "data/hay2011/cell1.asc"])
def test_cells(shared, morphology):
    cell = Cell(morphologies.resolve(str(shared(morphology)) if "/" in morphology else morphology))
    try:
        tree = answers_as_neuron(cell.sections(), cell.soma(0.5), n=3)
        for segment in cell.segments[::50]:
            assert tree.segments[tree.node_of(segment.neuron)] == segment.neuron
    finally:
        cell.close()


def test_node_of_is_that_of_the_segment_around(section):
    cable = section("cable", 100, 2, nseg=5)
    tree = circuit.read([cable], cable(0.5))
    assert tree.segments[tree.node_of(cable(0.85))] == cable(0.9)
    with pytest.raises(InputError, match=r"^cable\(1\): is no segment's middle"):
        tree.node_of(cable(1))


def test_a_section_that_hangs_by_its_far_end_is_refused_by_name(section):
    soma = section("soma", 30, 15)
    wrong = section("the_wrong_one", 40, 2, at=soma(1), end=1)
    with pytest.raises(InputError, match=r"^section the_wrong_one: hangs on its parent by its far end"):
        circuit.read([soma, wrong], soma(0.5))
