COMMENT
Made up: a release that may fail, and here never does; its random number is drawn all the same.
ENDCOMMENT
NEURON { POINT_PROCESS MadeFailing RANGE e, tau, rate NONSPECIFIC_CURRENT i RANDOM release }
PARAMETER { e = 0 (mV) tau = 3 (ms) rate = 0 }
ASSIGNED { v (mV) i (nA) }
STATE { g (uS) }
INITIAL { g = 0 }
BREAKPOINT {
    SOLVE s METHOD cnexp
    i = g*(v - e)
}
DERIVATIVE s { g' = -g/tau }
NET_RECEIVE(w (uS), depression, last (ms)) {
    INITIAL { depression = 1 last = t }
    if (drawn() > rate*(1 + depression)) {
        depression = 1 - (1 - depression)*exp(-(t - last)/20)
        g = g + w*depression
        depression = depression*0.7
        last = t
    }
}
FUNCTION drawn() { drawn = random_uniform(release) }
