TITLE Receptor with a two-exponential conductance: AMPA, GABA_A and GABA_B by their parameters
: Equations as in Fuhrmann et al. 2002, J Neurophysiol 87:140, without depression: every event releases.
: An event of weight w raises the conductance to a peak of w * gmax.

NEURON {
    THREADSAFE
    POINT_PROCESS Receptor
    RANGE tau_r, tau_d, gmax, e, g, i
    NONSPECIFIC_CURRENT i
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    tau_r = 0.3 (ms)
    tau_d = 3 (ms)
    gmax = 0.0004 (uS)
    e = 0 (mV)
}

ASSIGNED {
    v (mV)
    i (nA)
    g (uS)
    jump (1) : what one event adds to both states, so that their difference peaks at 1
}

STATE { A B }

INITIAL {
    LOCAL tp
    A = 0
    B = 0
    tp = tau_r * tau_d / (tau_d - tau_r) * log(tau_d / tau_r)
    jump = 1 / (exp(-tp / tau_d) - exp(-tp / tau_r))
}

BREAKPOINT {
    CONDUCTANCE g
    SOLVE states METHOD cnexp
    g = gmax * (B - A)
    i = g * (v - e)
}

DERIVATIVE states {
    A' = -A / tau_r
    B' = -B / tau_d
}

NET_RECEIVE(weight (1)) {
    A = A + weight * jump
    B = B + weight * jump
}
