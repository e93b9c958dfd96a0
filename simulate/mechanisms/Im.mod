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
    qt = 2.952882641412121 (1) : 2.3^((34 - 21)/10), whatever celsius is; the default of a PARAMETER would keep six digits
}

PARAMETER {
    gbar = 0 (S/cm2)
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
    LOCAL e
    e = exp(0.1 * (v + 35)) : alpha is 0.0033 e, beta 0.0033 / e
    m' = qt * 0.0033 * (e * (1 - m) - m / e)
}

FUNCTION alpha_m(v (mV)) (/ms) {
    alpha_m = 0.0033 * exp(0.1 * (v + 35))
}

FUNCTION beta_m(v (mV)) (/ms) {
    beta_m = 0.0033 * exp(-0.1 * (v + 35))
}
