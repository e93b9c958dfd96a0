TITLE Made up: calcium in shells with a buffer and a pump, not linear, of arrays and volumes
DEFINE N 3
NEURON { SUFFIX MadeShells USEION ca READ cai, ica WRITE cai RANGE flow GLOBAL pumps }
UNITS { (mM) = (milli/liter) (mA) = (milliamp) FARADAY = (faraday) (coulomb) }
PARAMETER { kf = 50 kb = 0.01 total = 0.02 (mM) pumps = 0.002 }
ASSIGNED { diam (um) ica (mA/cm2) cai (mM) flow volume[N] }
STATE { ca[N] (mM) free[N] (mM) bound[N] (mM) pump pumpca }
INITIAL {
    FROM k = 0 TO N-1 {
        volume[k] = 0.1 + 0.2*k
        ca[k] = cai
        free[k] = total/(1 + kf*cai/kb)
        bound[k] = total - free[k]
    }
    pump = pumps
    pumpca = 0
}
BREAKPOINT { SOLVE scheme METHOD sparse }
KINETIC scheme {
    COMPARTMENT k, volume[k]*diam { ca free bound }
    ~ ca[0] << (-ica*1e3/(2*FARADAY) + 1e-6)
    FROM k = 0 TO N-2 { ~ ca[k] <-> ca[k+1] (0.3*(k + 1), 0.3*(k + 1)) }
    FROM k = 0 TO N-1 { ~ ca[k] + free[k] <-> bound[k] (kf*volume[k]*diam, kb*volume[k]*diam) }
    ~ ca[0] + pump <-> pumpca (2, 0.001)
    ~ pumpca <-> pump (0.5, 0)
    flow = f_flux
    CONSERVE pump + pumpca = pumps
    cai = ca[0]
}
