TITLE Hyperpolarisation-activated cation current
: Kole, Hallermann & Stuart 2006, J Neurosci 26:1677; as used by Hay et al. 2011, PLoS Comput Biol 7:e1002107

NEURON {
    THREADSAFE
    SUFFIX Ih
    NONSPECIFIC_CURRENT i
    RANGE gbar, i, vshift
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S) = (siemens)
}

PARAMETER {
    gbar = 0 (S/cm2)
    e_h = -45 (mV)
    vshift = 0 (mV) : moves both rates along the voltage axis
}

ASSIGNED {
    v (mV)
    i (mA/cm2)
}

STATE { m }

BREAKPOINT {
    SOLVE states METHOD cnexp
    i = gbar * m * (v - e_h)
}

INITIAL {
    m = alpha_m(v) / (alpha_m(v) + beta_m(v))
}

DERIVATIVE states {
    LOCAL am, bm
    am = alpha_m(v)
    bm = beta_m(v)
    m' = am * (1 - m) - bm * m
}

FUNCTION alpha_m(v (mV)) (/ms) {
    alpha_m = 0.00643 * rate(-(v - vshift + 154.9), 11.9)
}

FUNCTION beta_m(v (mV)) (/ms) {
    beta_m = 0.193 * exp((v - vshift) / 33.1)
}

FUNCTION rate(x (mV), k (mV)) (mV) { : x/(1 - exp(-x/k)); tends to k + x/2 at x = 0
    if (fabs(x) < 1e-4) {
        rate = k + x / 2
    } else {
        rate = x / (1 - exp(-x / k))
    }
}
