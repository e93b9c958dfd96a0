TITLE Low-voltage-activated calcium current
: Voltages are those of the source shifted by the liquid junction potential: u = v + 10
: Avery & Johnston 1996, J Neurosci 16:5567, kinetics Randall & Tsien 1997, Neuropharmacology 36:879; as used by Hay et al. 2011, PLoS Comput Biol 7:e1002107

NEURON {
    THREADSAFE
    SUFFIX Ca_LVAst
    USEION ca READ eca WRITE ica
    RANGE gbar, ica
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
    eca (mV)
    ica (mA/cm2)
}

STATE { m h }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ica = gbar * m * m * h * (v - eca)
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
    m_inf = 1 / (1 + exp(-(v + 40) / 6))
}

FUNCTION h_inf(v (mV)) (1) {
    h_inf = 1 / (1 + exp((v + 90) / 6.4))
}

FUNCTION m_tau(v (mV)) (ms) {
    m_tau = (5 + 20 / (1 + exp((v + 35) / 5))) / qt
}

FUNCTION h_tau(v (mV)) (ms) {
    h_tau = (20 + 50 / (1 + exp((v + 50) / 7))) / qt
}
