TITLE delayed rectifier in the style of Migliore's kdr.mod: rates from charges, ELSE IF, a conductance hint

UNITS {
    (mA) = (milliamp)
    (mV) = (millivolt)
    F = (faraday) (kilocoulombs)
    R = (k-mole) (joule/degC)
}

NEURON {
    SUFFIX StyleKdr
    USEION k READ ek WRITE ik
    RANGE gkdrbar, g
    GLOBAL ninf, taun, usetrap
}

PARAMETER {
    v (mV)
    ek (mV)
    celsius (degC)
    gkdrbar = .02 (mho/cm2)
    vhalfn = 13 (mV)
    a0n = 0.02 (/ms)
    zetan = -3 (1)
    gmn = 0.7 (1)
    nmin = 2 (ms)
    usetrap = 1
}

STATE { n l }

ASSIGNED { ik (mA/cm2) g (mho/cm2) ninf taun (ms) taul (ms) below }

INITIAL {
    rates(v)
    n = ninf
    l = 1
}

BREAKPOINT {
    SOLVE states METHOD cnexp
    CONDUCTANCE g USEION k
    g = gkdrbar*n*l
    ik = g*(v - ek)
}

FUNCTION alpn(v(mV)) {
    alpn = exp(zetan*(v - vhalfn)/(1000*R*(273.16 + celsius)/(1000*F)))
}

FUNCTION betn(v(mV)) {
    betn = exp(zetan*gmn*(v - vhalfn)/(R*(273.16 + celsius)/F))
}

DERIVATIVE states {
    rates(v)
    n' = (ninf - n)/taun
    l' = (below - l)/taul
}

PROCEDURE rates(v (mV)) {
    LOCAL a, q10, x
    below = (v < 0)*0.5 + (v < 0 || v > 30)/2
    q10 = 3^((celsius - 30)/10)
    a = alpn(v)
    ninf = 1/(1 + a)
    taun = betn(v)/(q10*a0n*(1 + a))
    if (taun < nmin) { taun = nmin/q10 }
    x = v/50
    { LOCAL a  a = x^2^3  taul = 20 + 30*exp(-x^2) + a/(1 + a) }
    if (v < -60 && !(usetrap == 0)) {
        LOCAL x
        x = 3
        taul = taul + x
    } else if (v < -40 || usetrap) {
        taul = taul*1.5
    } else {
        taul = taul - x
    }
}
