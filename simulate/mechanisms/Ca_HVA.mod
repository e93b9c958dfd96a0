TITLE High-voltage-activated calcium current
: Reuveni et al. 1993, J Neurosci 13:4609; as used by Hay et al. 2011, PLoS Comput Biol 7:e1002107

NEURON {
    THREADSAFE
    SUFFIX Ca_HVA
    USEION ca READ eca WRITE ica
    RANGE gbar, ica
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S) = (siemens)
}

PARAMETER {
    gbar = 0 (S/cm2)
}

ASSIGNED {
    v (mV)
    eca (mV)
    ica (mA/cm2)
}

STATE { m h }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ica = gbar * m * m * h * (v - eca)
}

INITIAL {
    m = alpha_m(v) / (alpha_m(v) + beta_m(v))
    h = alpha_h(v) / (alpha_h(v) + beta_h(v))
}

DERIVATIVE states {
    LOCAL am, bm, ah, bh
    am = alpha_m(v)
    bm = beta_m(v)
    ah = alpha_h(v)
    bh = beta_h(v)
    m' = am * (1 - m) - bm * m
    h' = ah * (1 - h) - bh * h
}

FUNCTION alpha_m(v (mV)) (/ms) {
    alpha_m = 0.055 * rate(v + 27, 3.8)
}

FUNCTION beta_m(v (mV)) (/ms) {
    beta_m = 0.94 * exp(-(v + 75) / 17)
}

FUNCTION alpha_h(v (mV)) (/ms) {
    alpha_h = 0.000457 * exp(-(v + 13) / 50)
}

FUNCTION beta_h(v (mV)) (/ms) {
    beta_h = 0.0065 / (exp(-(v + 15) / 28) + 1)
}

FUNCTION rate(x (mV), k (mV)) (mV) { : x/(1 - exp(-x/k)); tends to k + x/2 at x = 0
    if (fabs(x) < 1e-4) {
        rate = k + x / 2
    } else {
        rate = x / (1 - exp(-x / k))
    }
}
