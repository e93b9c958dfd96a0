COMMENT
Made up: a conductance that follows the time since the last event, and grows with their number; weights begin at 0.
ENDCOMMENT
NEURON { POINT_PROCESS MadeOnset RANGE tau, e, onset NONSPECIFIC_CURRENT i }
PARAMETER { tau = 2 (ms) e = 0 (mV) }
ASSIGNED { v (mV) i (nA) onset (ms) peak (uS) g (uS) }
INITIAL { onset = -1 peak = 0 }
BREAKPOINT {
    g = 0
    if (onset >= 0 && t > onset) { g = peak*(t - onset)/tau*exp(1 - (t - onset)/tau) }
    i = g*(v - e)
}
NET_RECEIVE(w (uS), count) {
    count = count + 1
    peak = w*(1 + count/10)
    onset = t
}
