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
    qt = 2.952882641412121 (1) : 2.3^((34 - 21)/10), whatever celsius is; the default of a PARAMETER would keep six digits
}

PARAMETER {
    gbar = 0 (S/cm2)
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
    LOCAL x, y, am, bm, ah, bh
    x = v + 32
    y = v + 60
    am = 0.182 * rate(x, 6)
    bm = 0.124 * rate(-x, 6)
    ah = 0.015 * rate(-y, 6)
    bh = 0.015 * rate(y, 6)
    m = am / (am + bm)
    h = ah / (ah + bh)
}

DERIVATIVE states {
    LOCAL x, y, r, s
    x = v + 32
    y = v + 60
    r = rate(x, 6) : and rate(-x, k) is rate(x, k) - x: one exponential for both
    s = rate(y, 6)
    m' = qt * (0.182 * r * (1 - m) - 0.124 * (r - x) * m)
    h' = qt * (0.015 * (s - y) * (1 - h) - 0.015 * s * h)
}

FUNCTION rate(x (mV), k (mV)) (mV) { : x/(1 - exp(-x/k)); tends to k + x/2 at x = 0
    if (fabs(x) < 1e-4) {
        rate = k + x / 2
    } else {
        rate = x / (1 - exp(-x / k))
    }
}
