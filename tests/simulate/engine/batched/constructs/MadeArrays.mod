TITLE Made up: arrays, FROM and WHILE with constant bounds, all but the last
DEFINE N 4
NEURON { SUFFIX MadeArrays NONSPECIFIC_CURRENT i RANGE g, w, total }
PARAMETER { g = 1e-4 w[N] }
ASSIGNED { v (mV) i (mA/cm2) total rate[N] }
STATE { x[N] }
INITIAL { rates() FROM k = 0 TO N-1 { x[k] = 0.1*k } }
BREAKPOINT {
    SOLVE advance
    i = g * total * (v + 20)
}
PROCEDURE advance() { LOCAL j
    rates()
    total = 0
    FROM k = 0 TO N-1 {
        x[k] = x[k] + rate[k] * (1/(1 + exp(-(v + 30)/10)) - x[k])
        total = total + w[k]*x[k]
    }
    j = 1
    WHILE (j < N) {
        total = total + x[j - 1]*x[j]
        j = j + 2
    }
}
PROCEDURE rates() {
    FROM k = 0 TO N-1 { rate[k] = 0.001 * (k + 1) }
}
