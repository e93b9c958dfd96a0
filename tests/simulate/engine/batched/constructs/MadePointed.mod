COMMENT
Made up: a leak that two POINTERs change, one with a number in this file.
ENDCOMMENT
NEURON { SUFFIX MadePointed RANGE g NONSPECIFIC_CURRENT i POINTER level, far }
PARAMETER { g = 2e-4 (S/cm2) level = 1 }
ASSIGNED { v (mV) i (mA/cm2) far (mV) }
BREAKPOINT { i = g*(1 + level)*(v - far) }
