TITLE high-threshold calcium current in the style of Migliore's calH/cal.mod, driven by the GHK equation

UNITS {
    (mA) = (milliamp)
    (mV) = (millivolt)
    (molar) = (1/liter)
    (mM) = (millimolar)
    FARADAY = 96520 (coul)
    R = 8.3134 (joule/degC)
    KTOMV = .0853 (mV/degC)
}

NEURON {
    SUFFIX StyleCal
    USEION ca READ cai, cao WRITE ica VALENCE 2
    RANGE gcalbar, minf, taum
}

INDEPENDENT { t FROM 0 TO 1 WITH 1 (ms) }

PARAMETER {
    v (mV)
    celsius = 6.3 (degC)
    gcalbar = 1e-3 (mho/cm2)
    ki = .001 (mM)
    cai = 5.e-5 (mM)
    cao = 2 (mM)
    tfa = 5
    eca = 140
}

STATE { m }

ASSIGNED { ica (mA/cm2) gcal (mho/cm2) minf taum }

INITIAL {
    rate(v)
    m = minf
}

BREAKPOINT {
    SOLVE state METHOD cnexp
    gcal = gcalbar*m*m*h2(cai)
    ica = gcal*ghk(v, cai, cao)
}

FUNCTION h2(cai(mM)) {
    h2 = ki/(ki + cai)
}

FUNCTION ghk(v(mV), ci(mM), co(mM)) (mV) {
    LOCAL nu, f
    f = KTF(celsius)/2
    nu = v/f
    ghk = -f*(1. - (ci/co)*exp(nu))*efun(nu)
}

FUNCTION KTF(celsius (degC)) (mV) {
    KTF = ((25./293.15)*(celsius + 273.15))
}

FUNCTION efun(z) {
    if (fabs(z) < 1e-4) {
        efun = 1 - z/2
    } else {
        efun = z/(exp(z) - 1)
    }
}

FUNCTION alp(v(mV)) (1/ms) {
    alp = 15.69*(-1.0*v + 81.5)/(exp((-1.0*v + 81.5)/10.0) - 1.0)
}

FUNCTION bet(v(mV)) (1/ms) {
    bet = 0.29*exp(-v/10.86)
}

DERIVATIVE state {
    rate(v)
    m' = (minf - m)/taum
}

PROCEDURE rate(v (mV)) {
    LOCAL a
    a = alp(v)
    taum = 1/(tfa*(a + bet(v)))
    minf = a/(a + bet(v))
}
