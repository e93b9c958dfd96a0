TITLE Made up: an explicit step, every slope by the states before it
NEURON { SUFFIX MadeEuler NONSPECIFIC_CURRENT i RANGE g }
PARAMETER { g = 1e-4 }
ASSIGNED { v (mV) i (mA/cm2) seen }
STATE { a b }
INITIAL { a = 0.3 b = 0.1 seen = 0 }
BREAKPOINT {
    SOLVE states METHOD euler
    i = g * (a + b + seen) * (v + 50)
}
DERIVATIVE states {
    seen = a
    a' = (1 - a*a)*(v + 90)/40 - b
    b' = a - b*2
}
