COMMENT
Made up: a synapse of which each connection has its own resources, in weights beyond the first, by the time since the
event before.
ENDCOMMENT
NEURON { POINT_PROCESS MadePlastic RANGE tau, e, u0, first, tau_facil NONSPECIFIC_CURRENT i }
PARAMETER { tau = 3 (ms) e = 0 (mV) tau_rec = 40 (ms) tau_facil = 60 (ms) u0 = 0.3 first = 0.8 }
ASSIGNED { v (mV) i (nA) }
STATE { g (uS) }
INITIAL { g = 0 }
BREAKPOINT { SOLVE decay METHOD cnexp i = g*(v - e) }
DERIVATIVE decay { g' = -g/tau }
NET_RECEIVE(weight (uS), x, u, tsyn (ms), used) {
    INITIAL {
        x = first
        u = u0
        tsyn = t
    }
    x = 1 - (1 - x)*exp(-since(tsyn)/tau_rec)
    if (tau_facil > 0) {
        u = u*exp(-(t - tsyn)/tau_facil)
        u = u + u0*(1 - u)
    } else {
        u = u0
    }
    used = weight*x*u
    if (flag == 0) { g = g + used }
    x = x - x*u
    tsyn = t
}
FUNCTION since(before (ms)) (ms) { since = t - before }
