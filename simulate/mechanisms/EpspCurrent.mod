TITLE EPSP-like current: a difference of exponentials that peaks at imax
: Protocol of Hay et al. 2011, PLoS Comput Biol 7:e1002107 (after Larkum, Zhu & Sakmann 1999, Nature 398:338)

NEURON {
    THREADSAFE
    POINT_PROCESS EpspCurrent
    RANGE onset, tau_r, tau_d, imax, i
    ELECTRODE_CURRENT i
}

UNITS {
    (nA) = (nanoamp)
}

PARAMETER {
    onset = 0 (ms)
    tau_r = 0.5 (ms)
    tau_d = 5 (ms)
    imax = 0 (nA)
}

ASSIGNED {
    i (nA)
    scale (1) : 1 / largest difference of the two exponentials
}

INITIAL {
    LOCAL tp
    tp = tau_r * tau_d / (tau_d - tau_r) * log(tau_d / tau_r)
    scale = 1 / (exp(-tp / tau_d) - exp(-tp / tau_r))
    i = 0
}

BREAKPOINT {
    at_time(onset)
    if (t < onset) {
        i = 0
    } else {
        i = imax * scale * (exp(-(t - onset) / tau_d) - exp(-(t - onset) / tau_r))
    }
}
