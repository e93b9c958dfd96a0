TITLE Muscarinic potassium current
: Adams et al. 1982, J Physiol 330:537; as used by Hay et al. 2011, PLoS Comput Biol 7:e1002107

NEURON {
    THREADSAFE
    SUFFIX Im
    USEION k READ ek WRITE ik
    RANGE gbar, ik
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S) = (siemens)
}

PARAMETER {
    gbar = 0 (S/cm2)
    qt = 2.952882641412121 (1) : 2.3^((34 - 21)/10): kinetics fixed at 34 degC, whatever celsius is
}

ASSIGNED {
    v (mV)
    ek (mV)
    ik (mA/cm2)
}

STATE { m }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar * m * (v - ek)
}

INITIAL {
    m = alpha_m(v) / (alpha_m(v) + beta_m(v))
}

DERIVATIVE states {
    LOCAL am, bm
    am = alpha_m(v)
    bm = beta_m(v)
    m' = qt * (am * (1 - m) - bm * m)
}

FUNCTION alpha_m(v (mV)) (/ms) {
    alpha_m = 0.0033 * exp(0.1 * (v + 35))
}

FUNCTION beta_m(v (mV)) (/ms) {
    beta_m = 0.0033 * exp(-0.1 * (v + 35))
}
