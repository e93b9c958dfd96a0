COMMENT
Made up: potassium outside.
ENDCOMMENT
NEURON { SUFFIX MadePotassium USEION k READ ik WRITE ko }
ASSIGNED { ik (mA/cm2) }
STATE { ko (mM) }
INITIAL { ko = 2.5 }
BREAKPOINT { SOLVE pool METHOD derivimplicit }
DERIVATIVE pool { ko' = 300*ik + (2.5 - ko)/30 }
