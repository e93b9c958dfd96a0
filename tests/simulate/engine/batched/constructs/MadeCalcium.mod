TITLE Made up: a calcium current, and a current by its concentration
NEURON { SUFFIX MadeCalcium USEION ca READ cai, eca WRITE ica NONSPECIFIC_CURRENT i RANGE g }
PARAMETER { g = 2e-5 }
ASSIGNED { v (mV) ica (mA/cm2) eca (mV) cai (mM) i (mA/cm2) }
BREAKPOINT {
    ica = g * (v - eca)/(1 + exp(-(v + 30)/5))
    i = 5e-2 * cai/(cai + 1e-3) * g * (v + 90) * 100
}
