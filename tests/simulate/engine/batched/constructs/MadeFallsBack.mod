TITLE Made up: METHOD cnexp where NEURON takes derivimplicit for the whole block
NEURON { SUFFIX MadeFallsBack NONSPECIFIC_CURRENT i RANGE g }
PARAMETER { g = 1e-4 km = 0.2 }
ASSIGNED { v (mV) i (mA/cm2) }
STATE { c n }
INITIAL { c = 0.1 n = 0 }
BREAKPOINT {
    SOLVE states METHOD cnexp
    i = g * (c + n) * (v + 60)
}
DERIVATIVE states {
    n' = (c - n)*2
    c' = inf(v) - 3*c/(c + km)
}
FUNCTION inf(v (mV)) { inf = 2/(1 + exp(-(v + 50)/5)) }
