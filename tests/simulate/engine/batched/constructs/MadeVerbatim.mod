TITLE Made up: VERBATIM that does nothing, a LOCAL of the file, a GLOBAL that a PROCEDURE sets
VERBATIM
/* nothing
   but a comment */
ENDVERBATIM
NEURON { SUFFIX MadeVerbatim NONSPECIFIC_CURRENT i RANGE g GLOBAL ninf, tau }
LOCAL last
PARAMETER { g = 2e-4 dt (ms) }
ASSIGNED { v (mV) i (mA/cm2) ninf tau (ms) }
STATE { n }
INITIAL { rates(v) n = ninf }
BREAKPOINT {
    SOLVE advance
    i = g * n * (v + 80)
}
PROCEDURE advance() {
    rates(v)
    n = n + last * (ninf - n)
    VERBATIM
    return 0;
    ENDVERBATIM
}
PROCEDURE rates(v (mV)) {
    VERBATIM
    // nothing either
    ENDVERBATIM
    tau = 3 + 4/(1 + exp((v + 40)/8))
    ninf = 1/(1 + exp(-(v + 45)/6))
    last = 1 - exp(-dt/tau)
}
