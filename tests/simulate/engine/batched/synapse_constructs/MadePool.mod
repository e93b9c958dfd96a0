COMMENT
Made up: calcium inside from all of its currents.
ENDCOMMENT
NEURON { SUFFIX MadePool USEION ca READ ica WRITE cai RANGE depth, tau }
UNITS { F = (faraday) (coulomb) }
PARAMETER { depth = 0.1 (um) tau = 20 (ms) rest = 1e-4 (mM) }
ASSIGNED { ica (mA/cm2) }
STATE { cai (mM) }
INITIAL { cai = rest }
BREAKPOINT { SOLVE pool METHOD cnexp }
DERIVATIVE pool { cai' = -1e4*ica/(2*F*depth) + (rest - cai)/tau }
