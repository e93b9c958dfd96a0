TITLE Transient potassium current
: Voltages are those of the source shifted by the liquid junction potential: u = v + 10
: Korngreen & Sakmann 2000, J Physiol 525:621; as used by Hay et al. 2011, PLoS Comput Biol 7:e1002107

NEURON {
    THREADSAFE
    SUFFIX K_Tst
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

STATE { m h }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ik = gbar * m * m * m * m * h * (v - ek)
}

INITIAL {
    m = m_inf(v)
    h = h_inf(v)
}

DERIVATIVE states {
    m' = (m_inf(v) - m) / m_tau(v)
    h' = (h_inf(v) - h) / h_tau(v)
}

FUNCTION m_inf(v (mV)) (1) {
    m_inf = 1 / (1 + exp(-(v + 10) / 19))
}

FUNCTION h_inf(v (mV)) (1) {
    h_inf = 1 / (1 + exp((v + 76) / 10))
}

FUNCTION m_tau(v (mV)) (ms) {
    LOCAL z
    z = (v + 81) / 59
    m_tau = (0.34 + 0.92 * exp(-z * z)) / qt
}

FUNCTION h_tau(v (mV)) (ms) {
    LOCAL z
    z = (v + 83) / 23
    h_tau = (8 + 49 * exp(-z * z)) / qt
}
