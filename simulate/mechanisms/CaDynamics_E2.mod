TITLE Calcium in a thin shell below the membrane: inflow, buffering and extrusion
: Destexhe et al. 1994, J Neurophysiol 72:803; as used by Hay et al. 2011, PLoS Comput Biol 7:e1002107

NEURON {
    THREADSAFE
    SUFFIX CaDynamics_E2
    USEION ca READ ica WRITE cai
    RANGE decay, gamma, depth, minCai
}

UNITS {
    (mA) = (milliamp)
    (mM) = (milli/liter)
    (um) = (micron)
    F = (faraday) (coulomb)
}

PARAMETER {
    gamma = 0.05 (1) : share of the calcium that stays free
    decay = 80 (ms)
    depth = 0.1 (um)
    minCai = 1e-4 (mM)
}

ASSIGNED {
    ica (mA/cm2)
}

STATE {
    cai (mM)
}

BREAKPOINT {
    SOLVE states METHOD cnexp
}

DERIVATIVE states {
    cai' = -10000 * ica * gamma / (2 * F * depth) - (cai - minCai) / decay
}
