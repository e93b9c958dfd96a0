COMMENT
Made up: the transmitter of the last six pulses. Arrays keep their doses and times, the oldest giving way; another one
how a pulse fades; another one how doses fall. What a NET_RECEIVE's INITIAL sets is no weight.
ENDCOMMENT
NEURON { POINT_PROCESS MadeRing RANGE e, width, level, came NONSPECIFIC_CURRENT i }
PARAMETER { e = 0 (mV) width = 4 (ms) }
ASSIGNED { v (mV) i (nA) dose[18] (uS) came[18] (ms) fading[24] falling[20] pulses level }
STATE { late (uS) }
INITIAL {
    pulses = 0
    late = 0
    FROM k = 0 TO 17 { dose[k] = 0 }
    FROM k = 0 TO 23 { fading[k] = exp(-k/width) }
    FROM k = 0 TO 19 { falling[k] = 1/(1 + k) }
}
BREAKPOINT {
    SOLVE states METHOD cnexp
    i = (transmitter() + late)*(v - e)
}
DERIVATIVE states { late' = (transmitter() - late)/8 }
FUNCTION transmitter() (uS) {
    LOCAL at, first
    first = pulses - 6
    if (first < 0) { first = 0 }
    transmitter = 0
    FROM k = first TO pulses - 1 {
        at = fmod(k, 18)
        transmitter = transmitter + dose[at]*left_after(t - came[at])
    }
}
FUNCTION left_after(since (ms)) {
    if (since < 0 || since >= 12) { left_after = 0 } else { left_after = fading[since*2] }
}
NET_RECEIVE(weight (uS), used) {
    LOCAL at
    INITIAL {
        used = 0
        level = 0.5
    }
    at = fmod(pulses, 18)
    dose[at] = weight*(level + falling[used])
    came[at] = t
    if (pulses == 9) { dose[at - 2] = dose[at - 1]/2 }
    if (used < 19) { used = used + 1 }
    pulses = pulses + 1
}
