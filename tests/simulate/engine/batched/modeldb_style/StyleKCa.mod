: Calcium-dependent potassium current with a pump's pool of its own, read-only reversal potential set in passing

NEURON {
    SUFFIX StyleKCa
    USEION ca READ cai, ica
    USEION k READ ek WRITE ik
    NONSPECIFIC_CURRENT i
    RANGE gbar, oinf, tau, pool, count
}

UNITS {
    (molar) = (1/liter)
    (mM) = (millimolar)
    (S) = (siemens)
    FARADAY = (faraday) (10000 coulomb)
    PI = (pi) (1)
}

PARAMETER {
    gbar = 1e-3 (S/cm2)
    d1 = .84  k1 = .18 (mM)  abar = .28 (/ms)  bbar = .48 (/ms)
    depth = 0.1 (um)
    p = -2
}

ASSIGNED { v (mV) celsius (degC) cai (mM) ica (mA/cm2) ek (mV) ik (mA/cm2) i (mA/cm2) oinf tau (ms) count }

STATE { o pool (mM) frozen }

BREAKPOINT {
    SOLVE state METHOD cnexp
    ek = -85
    ik = gbar*o*(v - ek) * frozen
    i = 1e-6*(v + 70)*pow(cosh(v/100), p) + 0*PI
}

INITIAL {
    rate(v, cai)
    o = oinf
    pool = 1e-4
    frozen = 1
}

DERIVATIVE state {
    rate(v, cai)
    o' = (oinf - o)/tau
    pool' = -ica/(2*FARADAY*depth) - (pool - 1e-4)/50
    frozen' = 0
}

FUNCTION alp(v (mV), c (mM)) (1/ms) {
    alp = c*abar/(c + exp1(k1, d1, v))
}

FUNCTION bet(v (mV), c (mM)) (1/ms) {
    bet = bbar/(1 + c/exp1(k1, 1, v))
}

FUNCTION exp1(k (mM), d, v (mV)) (mM) {
    exp1 = k*exp(-2*d*96485*v*1e-3/(8.3134*(273.15 + celsius)))
}

PROCEDURE rate(v (mV), c (mM)) {
    LOCAL a
    a = alp(v, c + pool)
    tau = 1/(a + bet(v, c))
    oinf = a*tau
}
