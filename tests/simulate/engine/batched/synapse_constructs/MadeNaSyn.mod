COMMENT
Made up: a synapse whose currents are of two ions.
ENDCOMMENT
NEURON { POINT_PROCESS MadeNaSyn USEION na READ ena WRITE ina USEION k READ ek, ko WRITE ik RANGE tau }
PARAMETER { tau = 5 (ms) }
ASSIGNED { v (mV) ena (mV) ek (mV) ko (mM) ina (nA) ik (nA) }
STATE { g (uS) }
INITIAL { g = 0 }
BREAKPOINT {
    SOLVE decay METHOD cnexp
    ina = g*(v - ena)
    ik = 0.7*g*(v - ek)*ko/2.5
}
DERIVATIVE decay { g' = -g/tau }
NET_RECEIVE(w (uS)) { g = g + w }
