COMMENT
Made up: a synapse that opens a while after an event, which it sends to itself.
ENDCOMMENT
NEURON { POINT_PROCESS MadeDelayed RANGE tau, e, wait NONSPECIFIC_CURRENT i }
PARAMETER { tau = 3 (ms) e = 0 (mV) wait = 2.3 (ms) }
ASSIGNED { v (mV) i (nA) last (ms) }
STATE { g (uS) }
INITIAL { g = 0 last = -10 }
BREAKPOINT { SOLVE decay METHOD cnexp i = g*(v - e) }
DERIVATIVE decay { g' = -g/tau }
NET_RECEIVE(w (uS), n) {
    if (flag == 0) {
        net_send(wait, 1)
    } else if (flag == 1) {
        n = n + 1
        g = g + w*(1 + n/20)*(1 - exp(-(t - last)/5))
        last = t
    }
}
