COMMENT
Made up: a calcium and a potassium current that follow calcium and its reversal potential.
ENDCOMMENT
NEURON { SUFFIX MadeKCa USEION ca READ cai, eca WRITE ica USEION k READ ek WRITE ik RANGE gk, gca }
PARAMETER { gk = 1e-3 gca = 1e-5 }
ASSIGNED { v (mV) cai (mM) eca (mV) ica (mA/cm2) ek (mV) ik (mA/cm2) }
BREAKPOINT {
    ica = gca*(v - eca)
    ik = gk*cai/(cai + 1e-3)*(v - ek)
}
