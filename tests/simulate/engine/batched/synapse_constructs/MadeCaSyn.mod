COMMENT
Made up: a synapse that lets calcium in, closed by calcium and by what it let in itself, beside a current of no ion.
ENDCOMMENT
NEURON { POINT_PROCESS MadeCaSyn USEION ca READ eca, cai WRITE ica RANGE e, tau, share NONSPECIFIC_CURRENT i }
PARAMETER { tau = 8 (ms) e = 0 (mV) share = 0.2 }
ASSIGNED { v (mV) eca (mV) cai (mM) ica (nA) i (nA) open }
STATE { g (uS) through }
INITIAL { g = 0 through = 0 }
BREAKPOINT {
    SOLVE decay METHOD cnexp
    open = g/(1 + exp(-0.06*v)/3)
    i = (1 - share)*open*(v - e)
    ica = share*open*(v - eca)/(1 + cai/1e-2 + through)
}
DERIVATIVE decay {
    through' = -ica - through/20
    g' = -g/(tau*(1 + 0.3/(1 + exp(-(v + 40)/10))))
}
NET_RECEIVE(w (uS)) { g = g + w }
