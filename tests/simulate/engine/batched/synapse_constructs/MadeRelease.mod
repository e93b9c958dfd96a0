TITLE Vesicles that a synapse releases by chance, each from a stream of its own

NEURON {
    THREADSAFE
    POINT_PROCESS MadeRelease
    NONSPECIFIC_CURRENT i
    RANGE tau, e, use, sites, back
    BBCOREPOINTER stream
}
VERBATIM
#include "nrnran123.h"
ENDVERBATIM
PARAMETER {
    tau = 5 (ms)
    e = 0 (mV)
    use = 0.4
    sites = 3
    back = 30 (ms)
}
ASSIGNED { v (mV) i (nA) stream full last (ms) usingR123 }
STATE { g (uS) }
INITIAL {
    g = 0
    full = sites
    last = 0
    VERBATIM
    if (usingR123) {
        nrnran123_setseq((nrnran123_State*)_p_stream, 0, 0);
    }
    ENDVERBATIM
}
BREAKPOINT {
    SOLVE decay METHOD cnexp
    i = g * (v - e)
}
DERIVATIVE decay { g' = -g / tau }
NET_RECEIVE(weight (uS), released) {
    LOCAL chance, drawn, there
    INITIAL { released = 0 }
    if (weight <= 0) {
        VERBATIM
        return;
        ENDVERBATIM
    }
    chance = exp(-(t - last) / back)
    FROM k = 1 TO sites - full {
        drawn = pick()
        if (drawn > chance) { full = full + 1 }
    }
    there = full - 1
    released = 0
    FROM k = 0 TO there {
        if (pick() < use) {
            full = full - 1
            released = released + 1
        }
    }
    last = t
    g = g + weight * released
}
PROCEDURE seeds() {
VERBATIM
    nrnran123_State** pv = (nrnran123_State**)(&_p_stream);
    if (*pv) {
        nrnran123_deletestream(*pv);
        *pv = (nrnran123_State*)0;
    }
    if (ifarg(3)) {
        *pv = nrnran123_newstream3((uint32_t)*getarg(1), (uint32_t)*getarg(2), (uint32_t)*getarg(3));
        usingR123 = 1;
    }
ENDVERBATIM
}
FUNCTION pick() {
VERBATIM
    double value = 0.0;
    if (usingR123) {
        value = nrnran123_dblpick((nrnran123_State*)_p_stream);
    } else { // nobody has named a stream
        value = 0.0;
    }
    _lpick = value;
ENDVERBATIM
}
VERBATIM
static void bbcore_write(double* x, int* d, int* x_offset, int* d_offset, _threadargsproto_) {
    (void)x;
}
static void bbcore_read(double* x, int* d, int* x_offset, int* d_offset, _threadargsproto_) {
    (void)x;
}
ENDVERBATIM
