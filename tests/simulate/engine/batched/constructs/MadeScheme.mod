TITLE Made up: a channel of four states that begins in its steady state
NEURON { SUFFIX MadeScheme NONSPECIFIC_CURRENT i RANGE g, seen }
PARAMETER { g = 3e-4 all = 1 }
ASSIGNED { v (mV) i (mA/cm2) up (/ms) down (/ms) seen }
STATE { c1 c2 o in }
INITIAL {
    SOLVE scheme STEADYSTATE sparse
    seen = 0
}
BREAKPOINT {
    SOLVE scheme METHOD sparse
    i = g * (o + seen/50) * (v + 15)
}
KINETIC scheme {
    rates(v)
    ~ c1 <-> c2 (2*up, down)
    ~ c2 <-> o (up, 2*down)
    seen = f_flux - b_flux
    ~ o <-> in (0.3, 0.02)
    ~ in <-> c1 (0.01, 0.0001*up)
    CONSERVE c1 + c2 + o + in = all
}
PROCEDURE rates(v (mV)) {
    up = 0.8*exp((v + 30)/25)
    down = 0.9*exp(-(v + 40)/30)
}
