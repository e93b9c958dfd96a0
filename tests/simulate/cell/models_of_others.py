"""A model as a lab would have it, in hoc and in Python, with a channel of its own; made up for the tests."""

from __future__ import annotations

HOC = """\
load_file("stdrun.hoc")
begintemplate Pyramidal
public soma, dend, apic, axon, all, basal, apical, somatic
create soma, dend[2], apic[2], axon
objref all, basal, apical, somatic
proc init() {
    create soma, dend[2], apic[2], axon
    connect dend[0](0), soma(0)
    connect dend[1](0), dend[0](1)
    connect apic[0](0), soma(1)
    connect apic[1](0), apic[0](1)
    connect axon(0), soma(0.5)
    all = new SectionList()
    basal = new SectionList()
    apical = new SectionList()
    somatic = new SectionList()
    soma { L = 20 diam = 18 somatic.append() all.append() insert hh gnabar_hh = 0.36 * $1 }
    axon { L = 60 diam = 1 all.append() insert pas }
    for i = 0, 1 dend[i] {
        L = 150 diam = 2 - i nseg = 5 basal.append() all.append()
        insert pas g_pas = 5e-5 e_pas = -68
    }
    for i = 0, 1 apic[i] { nseg = 7 apical.append() all.append() insert slow insert pas e_pas = -70 }
    apic[0] {
        pt3dclear()
        pt3dadd(0, 0, 0, 4)
        pt3dadd(0, 130, 10, 3)
        pt3dadd(20, 250, 0, 2)
        for (x, 0) gbar_slow(x) = 1e-4 * (1 + x)
    }
    apic[1] { L = 250 diam(0:1) = 2:1 gbar_slow = 2e-4 }
    forsec all { Ra = 120 cm = 1.2 }
    vhalf_slow = -38
    celsius = 20
}
endtemplate Pyramidal
"""

PYTHON = '''\
from neuron import h


class Kept:
    pass


def pyramidal(factor):
    """The same, in other hands: sections are kept by whoever asked for them."""
    kept = Kept()
    kept.soma = h.Section("soma")
    kept.axon = h.Section("axon")
    kept.dend = [h.Section(f"dend{i}") for i in range(2)]
    kept.trunk, kept.tuft = h.Section("trunk"), h.Section("tuft")
    kept.dend[0].connect(kept.soma(0))
    kept.dend[1].connect(kept.dend[0](1))
    kept.trunk.connect(kept.soma(1))
    kept.tuft.connect(kept.trunk(1))
    kept.axon.connect(kept.soma(0.5))
    kept.soma.L, kept.soma.diam = 20, 18
    kept.soma.insert("hh")
    kept.soma(0.5).hh.gnabar = 0.36 * factor
    kept.axon.L, kept.axon.diam = 60, 1
    kept.axon.insert("pas")
    for i, dend in enumerate(kept.dend):
        dend.L, dend.diam, dend.nseg = 150, 2 - i, 5
        dend.insert("pas")
        for segment in dend:
            segment.pas.g, segment.pas.e = 5e-5, -68
    for apic in (kept.trunk, kept.tuft):
        apic.nseg = 7
        apic.insert("slow")
        apic.insert("pas")
        for segment in apic:
            segment.pas.e = -70
    for point in ((0, 0, 0, 4), (0, 130, 10, 3), (20, 250, 0, 2)):
        kept.trunk.pt3dadd(*point)
    for segment in kept.trunk:
        segment.slow.gbar = 1e-4 * (1 + segment.x)
    kept.tuft.L = 250
    for segment in kept.tuft:
        segment.diam, segment.slow.gbar = 2 - segment.x, 2e-4
    for section in (kept.soma, kept.axon, *kept.dend, kept.trunk, kept.tuft):
        section.Ra, section.cm = 120, 1.2
    h.vhalf_slow = -38
    h.celsius = 20
    return kept
'''

SLOW = """\
NEURON { SUFFIX slow USEION k READ ek WRITE ik RANGE gbar GLOBAL vhalf }
UNITS { (mV) = (millivolt) (S) = (siemens) (mA) = (milliamp) }
PARAMETER { gbar = 1e-4 (S/cm2) vhalf = -35 (mV) tau = 80 (ms) }
ASSIGNED { v (mV) ek (mV) ik (mA/cm2) }
STATE { n }
INITIAL { n = 1 / (1 + exp(-(v - vhalf) / 7)) }
BREAKPOINT { SOLVE states METHOD cnexp ik = gbar * n * (v - ek) }
DERIVATIVE states { n' = (1 / (1 + exp(-(v - vhalf) / 7)) - n) / tau }
"""
