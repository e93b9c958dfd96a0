: A point current that an electrode injects, in time: at_time, t, and powers

NEURON {
    POINT_PROCESS StyleRamp
    ELECTRODE_CURRENT i
    RANGE del, dur, amp, i
}

PARAMETER { del = 20 (ms)  dur = 30 (ms)  amp = 0.3 (nA) }

ASSIGNED { i (nA) }

INITIAL { i = 0 }

BREAKPOINT {
    LOCAL x
    at_time(del)
    at_time(del + dur)
    if (t >= del && t < del + dur) {
        x = (t - del)/dur
        i = amp*(-x^2 + 2*x)^0.5
    } else {
        i = 0
    }
}
