TITLE AMPA and NMDA receptors of one synapse, with the magnesium block of NMDA
: Two-exponential conductances as in Fuhrmann et al. 2002, J Neurophysiol 87:140, without depression: every event
: releases. Magnesium block: Jahr & Stevens 1990, J Neurosci 10:3178, slope 0.08 as in
: Beniaguev et al. 2021, Neuron 109:2727.
: An event of weight w raises the conductances to peaks of w * gmax_ampa and, unblocked, w * gmax_nmda.

NEURON {
    THREADSAFE
    POINT_PROCESS AMPA_NMDA
    RANGE tau_r_ampa, tau_d_ampa, gmax_ampa, tau_r_nmda, tau_d_nmda, gmax_nmda, e, mg, i
    NONSPECIFIC_CURRENT i
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (mM) = (milli/liter)
    (uS) = (microsiemens)
}

PARAMETER {
    tau_r_ampa = 0.3 (ms)
    tau_d_ampa = 3 (ms)
    gmax_ampa = 0.0004 (uS)
    tau_r_nmda = 2 (ms)
    tau_d_nmda = 70 (ms)
    gmax_nmda = 0.0004 (uS)
    e = 0 (mV)
    mg = 1 (mM)
}

ASSIGNED {
    v (mV)
    i (nA)
    jump_ampa (1) : what one event adds to both states, so that their difference peaks at 1
    jump_nmda (1)
}

STATE { A_ampa B_ampa A_nmda B_nmda }

INITIAL {
    A_ampa = 0
    B_ampa = 0
    A_nmda = 0
    B_nmda = 0
    jump_ampa = peak_jump(tau_r_ampa, tau_d_ampa)
    jump_nmda = peak_jump(tau_r_nmda, tau_d_nmda)
}

BREAKPOINT {
    LOCAL open, g_nmda, slope : slope: di/dv, for NMDA with that of the block, which is a logistic function of v
    CONDUCTANCE slope
    SOLVE states METHOD cnexp
    open = unblocked(v)
    g_nmda = gmax_nmda * (B_nmda - A_nmda) * open
    slope = gmax_ampa * (B_ampa - A_ampa) + g_nmda * (1 + 0.08 * (1 - open) * (v - e))
    i = (gmax_ampa * (B_ampa - A_ampa) + g_nmda) * (v - e)
}

DERIVATIVE states {
    A_ampa' = -A_ampa / tau_r_ampa
    B_ampa' = -B_ampa / tau_d_ampa
    A_nmda' = -A_nmda / tau_r_nmda
    B_nmda' = -B_nmda / tau_d_nmda
}

FUNCTION unblocked(v (mV)) (1) {
    unblocked = 1 / (1 + exp(-0.08 * v) * mg / 3.57)
}

FUNCTION peak_jump(tau_r (ms), tau_d (ms)) (1) {
    LOCAL tp
    tp = tau_r * tau_d / (tau_d - tau_r) * log(tau_d / tau_r)
    peak_jump = 1 / (exp(-tp / tau_d) - exp(-tp / tau_r))
}

NET_RECEIVE(weight (1)) {
    A_ampa = A_ampa + weight * jump_ampa
    B_ampa = B_ampa + weight * jump_ampa
    A_nmda = A_nmda + weight * jump_nmda
    B_nmda = B_nmda + weight * jump_nmda
}
