COMMENT
Made up: a current that it writes and does not read is its own in a mechanism, whatever others write.
ENDCOMMENT
NEURON { SUFFIX MadeOwnCurrent USEION ca READ eca WRITE ica RANGE g }
PARAMETER { g = 1e-5 }
ASSIGNED { v (mV) eca (mV) ica (mA/cm2) }
STATE { c }
INITIAL { c = 0 }
BREAKPOINT {
    SOLVE states METHOD cnexp
    ica = g*(1 + c)*(v - eca)
}
DERIVATIVE states { c' = -100*ica - c/5 }
