TITLE Fast transient sodium current of soma and dendrites: NaTa_t, activation 6 mV higher, inactivation 6 mV higher
: Colbert & Pan 2002, Nat Neurosci 5:533; as used by Hay et al. 2011, PLoS Comput Biol 7:e1002107

NEURON {
    THREADSAFE
    SUFFIX NaTs2_t
    USEION na READ ena WRITE ina
    RANGE gbar, ina
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S) = (siemens)
}

PARAMETER {
    gbar = 0 (S/cm2)
    qt = 2.952882641412121 (1) : 2.3^((34 - 21)/10): kinetics fixed at 34 degC, whatever celsius is
}

ASSIGNED {
    v (mV)
    ena (mV)
    ina (mA/cm2)
}

STATE { m h }

BREAKPOINT {
    SOLVE states METHOD cnexp
    ina = gbar * m * m * m * h * (v - ena)
}

INITIAL {
    m = alpha_m(v) / (alpha_m(v) + beta_m(v))
    h = alpha_h(v) / (alpha_h(v) + beta_h(v))
}

DERIVATIVE states {
    LOCAL am, bm, ah, bh
    am = alpha_m(v)
    bm = beta_m(v)
    ah = alpha_h(v)
    bh = beta_h(v)
    m' = qt * (am * (1 - m) - bm * m)
    h' = qt * (ah * (1 - h) - bh * h)
}

FUNCTION alpha_m(v (mV)) (/ms) {
    alpha_m = 0.182 * rate(v + 32, 6)
}

FUNCTION beta_m(v (mV)) (/ms) {
    beta_m = 0.124 * rate(-(v + 32), 6)
}

FUNCTION alpha_h(v (mV)) (/ms) {
    alpha_h = 0.015 * rate(-(v + 60), 6)
}

FUNCTION beta_h(v (mV)) (/ms) {
    beta_h = 0.015 * rate(v + 60, 6)
}

FUNCTION rate(x (mV), k (mV)) (mV) { : x/(1 - exp(-x/k)); tends to k + x/2 at x = 0
    if (fabs(x) < 1e-4) {
        rate = k + x / 2
    } else {
        rate = x / (1 - exp(-x / k))
    }
}
