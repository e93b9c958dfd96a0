TITLE Persistent sodium current
: Magistretti & Alonso 1999, J Gen Physiol 114:491; as used by Hay et al. 2011, PLoS Comput Biol 7:e1002107

NEURON {
    THREADSAFE
    SUFFIX Nap_Et2
    USEION na READ ena WRITE ina
    RANGE gbar, ina
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
    ena (mV)
    ina (mA/cm2)
}

STATE { m h }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ina = gbar * m * m * m * h * (v - ena)
}

INITIAL {
    m = m_inf(v)
    h = h_inf(v)
}

DERIVATIVE states {
    LOCAL ah, bh
    ah = 2.88e-6 * rate(-(v + 17), 4.63)
    bh = 6.94e-6 * rate(v + 64.4, 2.63)
    m' = (m_inf(v) - m) * qt * (0.182 * rate(v + 38, 6) + 0.124 * rate(-(v + 38), 6)) / 6
    h' = (h_inf(v) - h) * qt * (ah + bh)
}

FUNCTION m_inf(v (mV)) (1) {
    m_inf = 1 / (1 + exp(-(v + 52.6) / 4.6))
}

FUNCTION h_inf(v (mV)) (1) {
    h_inf = 1 / (1 + exp((v + 48.8) / 10))
}

FUNCTION rate(x (mV), k (mV)) (mV) { : x/(1 - exp(-x/k)); tends to k + x/2 at x = 0
    if (fabs(x) < 1e-4) {
        rate = k + x / 2
    } else {
        rate = x / (1 - exp(-x / k))
    }
}
