TITLE Fast non-inactivating potassium current, Kv3.1
: Rettig et al. 1992, EMBO J 11:2473; as used by Hay et al. 2011, PLoS Comput Biol 7:e1002107

NEURON {
    THREADSAFE
    SUFFIX SKv3_1
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
    m = m_inf(v)
}

DERIVATIVE states {
    m' = (m_inf(v) - m) / m_tau(v)
}

FUNCTION m_inf(v (mV)) (1) {
    m_inf = 1 / (1 + exp(-(v - 18.7) / 9.7))
}

FUNCTION m_tau(v (mV)) (ms) {
    m_tau = 4 / (1 + exp(-(v + 46.56) / 44.14))
}
