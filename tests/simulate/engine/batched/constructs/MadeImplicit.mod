TITLE Made up: two equations that are not linear, solved together; what is set on the way is used
NEURON { SUFFIX MadeImplicit NONSPECIFIC_CURRENT i RANGE g }
PARAMETER { g = 1e-4 }
ASSIGNED { v (mV) i (mA/cm2) drive }
STATE { q z }
INITIAL { q = 0.2 z = 0.5 drive = 0 }
BREAKPOINT {
    SOLVE states METHOD derivimplicit
    i = g * (q + drive*z) * (v + 10)
}
DERIVATIVE states {
    drive = 1/(1 + exp(-(v + 40)/10)) + q*z
    q' = 3*(drive - q*q*(1 + z))
    z' = 0.5*q - 2*z*z*z - 0.1*sqrt(z + 1)*z
}
