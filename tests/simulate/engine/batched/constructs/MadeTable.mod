TITLE Coarse tables: of a procedure, of a function that the current follows, of an array, and a GLOBAL left out of one

NEURON {
    SUFFIX MadeTable
    NONSPECIFIC_CURRENT i
    RANGE g, scale
    GLOBAL tadj, low, half
}
PARAMETER {
    g = 0.002 (S/cm2)
    scale = 1
    low = -90 (mV)
    half = -40 (mV)
    celsius (degC)
}
ASSIGNED { v (mV) i (mA/cm2) tadj minf taum (ms) both[2] }
STATE { m n }
INITIAL {
    rates(v)
    m = minf
    n = both[0]
}
BREAKPOINT {
    SOLVE states METHOD cnexp
    i = scale * tadj * g * m * n * block(v) * (v + 10)
}
DERIVATIVE states {
    rates(v)
    m' = (minf - m) / taum
    n' = (both[0] - n) / both[1]
}
PROCEDURE rates(v (mV)) {
    LOCAL y
    TABLE minf, taum, both DEPEND celsius, half FROM low TO 30 WITH 12
    warm()
    y = exp(-(v - half) / 9)
    minf = 1 / (1 + y)
    taum = 1 + 4 * y / (1 + y) ^ 2
    both[0] = 1 - 0.5 * minf
    both[1] = 2 * taum
}
PROCEDURE warm() { tadj = 3 ^ ((celsius - 16) / 10) }
FUNCTION block(v (mV)) {
    TABLE FROM -60 TO 0 WITH 5
    block = 1 / (1 + exp(v / 15))
}
