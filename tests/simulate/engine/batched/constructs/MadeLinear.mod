TITLE Three SOLVEs in INITIAL: two LINEAR blocks, and a KINETIC one at its steady state

NEURON {
    SUFFIX MadeLinear
    NONSPECIFIC_CURRENT i
    RANGE g
}
PARAMETER { g = 0.003 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) up (/ms) down (/ms) }
STATE { a b c p q m n }
INITIAL {
    rates(v)
    SOLVE first
    SOLVE second
    SOLVE scheme STEADYSTATE sparse
}
BREAKPOINT {
    SOLVE scheme METHOD sparse
    SOLVE others METHOD cnexp
    i = g * (b + 0.3 * q + 0.5 * n) * (v + 5)
}
LINEAR first {
    ~ up * a = down * b
    ~ 0.5 * up * b = 2 * down * c
    ~ a + b + c = 1
}
LINEAR second {
    ~ p + 3 * q = 1 + v / 100
    ~ 2 * p - q = 0.5
}
KINETIC scheme {
    rates(v)
    ~ m <-> n (up, down)
    CONSERVE m + n = 1
}
DERIVATIVE others {
    a' = -a / 20
    b' = (0.5 - b) / 30
    c' = -c / 10
    p' = -p / 15
    q' = (b - q) / 25
}
PROCEDURE rates(v (mV)) {
    up = 0.2 / (1 + exp(-(v + 50) / 12))
    down = 0.3 / (1 + exp((v + 40) / 15))
}
