COMMENT
Made up: states without a line in INITIAL begin at NAME0, at START or at 0.
ENDCOMMENT
NEURON { SUFFIX MadeStart NONSPECIFIC_CURRENT i RANGE g, n0, e }
PARAMETER { g = 1e-4 n0 = 0.6 m0 = 0.3 e (mV) }
ASSIGNED { v (mV) i (mA/cm2) }
STATE { n m h START 0.8 k FROM 0 TO 1 p[2] START 0.25 free }
INITIAL { }
BREAKPOINT {
    SOLVE states METHOD cnexp
    i = g * (n + m + h + k + p[0] + 2*p[1] + free) * (v - e)
}
DERIVATIVE states {
    n' = (0.1 - n)/20
    m' = -m/10
    h' = -h/30
    k' = (v/100 - k)/15
    free' = -free/25
}
