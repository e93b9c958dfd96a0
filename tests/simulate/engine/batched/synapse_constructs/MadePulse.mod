COMMENT
Made up: each event opens for a time of its own, and the last of those that overlap closes; a first pulse of its own
after 3 ms. Nothing comes through below a weight. Facilitation is kept by the connection.
ENDCOMMENT
NEURON { POINT_PROCESS MadePulse RANGE e, open, dur NONSPECIFIC_CURRENT i }
PARAMETER { e = 0 (mV) dur = 1.3 (ms) }
ASSIGNED { v (mV) i (nA) open[3] level lasts (ms) }
STATE { g (uS) }
INITIAL { g = 0 level = 0 lasts = dur net_send(3, -1) }
BREAKPOINT {
    SOLVE s METHOD cnexp
    i = g*(v - e)
}
DERIVATIVE s { g' = (level - g)/2 }
NET_RECEIVE(w (uS), number, facil) {
    LOCAL slot
    if (flag < 0) {
        if (flag == -1) {
            level = level + 0.004
            net_send(2, -2)
        } else {
            level = level - 0.004
        }
        VERBATIM
        return;
        ENDVERBATIM
    }
    if (w <= 0) {
        VERBATIM
        return;
        ENDVERBATIM
    }
    if (flag == 0) {
        number = number + 1
        slot = fmod(number, 3)
        facil = facil + 0.1*(1 - facil)
        open[slot] = w*(1 + facil)
        level = level + open[slot]
        lasts = dur + 0.2*slot
        net_send(lasts, number)
        if (number > 5) {
            net_send(0.5, 1000 + slot)
            printf("%g\n", number)
        }
    } else if (flag >= 1000) {
        g = g*0.9
    } else {
        slot = fmod(flag, 3)
        level = level - open[slot]
    }
}
