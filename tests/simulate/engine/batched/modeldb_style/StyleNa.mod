TITLE sodium current in the style of Mainen & Sejnowski's na.mod: a table, and a procedure that solves

COMMENT
Written for this test; no published channel. WHILE, KINETIC and VERBATIM stand in this comment only.
ENDCOMMENT

NEURON {
    SUFFIX StyleNa
    USEION na READ ena WRITE ina
    RANGE gbar, gna        : POINTER is no word of ours
    GLOBAL tha, qa, Ra, Rb, q10, temp, tadj, vshift
    GLOBAL minf, mexp, vmin, vmax
    THREADSAFE
}

UNITS {
    (mA) = (milliamp)
    (mV) = (millivolt)
    (pS) = (picosiemens)
    (um) = (micron)
}

CONSTANT { half = 0.5 }

PARAMETER {
    gbar = 900 (pS/um2) <0, 1e9>
    vshift = -5 (mV)
    tha = -35 (mV)   qa = 9 (mV)
    Ra = 0.182 (/ms) Rb = 0.124 (/ms)
    temp = 23 (degC) q10 = 2.3
    vmin = -120 (mV) vmax = 100 (mV)
    v (mV) dt (ms) celsius (degC)
}

ASSIGNED { ina (mA/cm2) ena (mV) gna (pS/um2) minf mexp hinf hexp tadj }

STATE { m h FROM 0 TO 1 }

LOCAL total

INITIAL {
    trates(v + vshift)
    m = minf
    h = hinf
}

BREAKPOINT {
    SOLVE states
    gna = gbar*m*m*m*h
    ina = (1e-4) * gna * (v - ena)
}

PROCEDURE states() {
    trates(v + vshift)
    m = m + mexp*(minf - m)
    h = h + hexp*(hinf - h)
}

PROCEDURE trates(v) {   ? this v is the argument
    LOCAL tinc
    TABLE minf, mexp, hinf, hexp DEPEND dt, celsius, temp, Ra, Rb, tha, qa FROM vmin TO vmax WITH 199
    rates(v)
    tadj = q10^((celsius - temp)/10)
    tinc = -dt*tadj
    mexp = 1 - exp(tinc*mexp)
    hexp = 1 - exp(tinc*hexp)
}

UNITSOFF
PROCEDURE rates(vm) { LOCAL a, b
    a = trap0(vm, tha, Ra, qa)
    b = trap0(-vm, -tha, Rb, qa)
    total = a + b
    mexp = total
    minf = a/total
    a = trap0(vm, -50, 0.024, 5)
    b = trap0(-vm, 75, 0.0091, 5)
    hexp = a + b
    hinf = 1/(1 + exp((vm + 65)/6.2))
}

FUNCTION trap0(v, th, a, q) {
    if (fabs(v - th) > 1e-6) {
        trap0 = a*(v - th)/(1 - exp(-(v - th)/q))
    } else {
        trap0 = half*2*a*q
    }
}
UNITSON
