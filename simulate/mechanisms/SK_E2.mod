TITLE Small-conductance calcium-activated potassium current
: Koehler et al. 1996, Science 273:1709; as used by Hay et al. 2011, PLoS Comput Biol 7:e1002107

NEURON {
    THREADSAFE
    SUFFIX SK_E2
    USEION k READ ek WRITE ik
    USEION ca READ cai
    RANGE gbar, ik
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (mM) = (milli/liter)
    (S) = (siemens)
}

PARAMETER {
    gbar = 0 (S/cm2)
    tau = 1 (ms)
}

ASSIGNED {
    v (mV)
    ek (mV)
    cai (mM)
    ik (mA/cm2)
}

STATE { z }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar * z * (v - ek)
}

INITIAL {
    z = z_inf(cai)
}

DERIVATIVE states {
    z' = (z_inf(cai) - z) / tau
}

FUNCTION z_inf(ca (mM)) (1) {
    z_inf = 1 / (1 + exp(4.8 * log(0.00043 / (ca + 1e-30)))) : (0.00043 / ca)^4.8 in functions that vectorise, finite at 0
}
