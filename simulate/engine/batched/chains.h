// The tree solved by one thread, chain by chain. A processor foresees what a loop over a chain's nodes loads, as its
// addresses depend on i alone.
#pragma once

// Rows of a chain: what its elimination leaves for the node that it hangs on
#define LEFT_D(chain) ROW(LEFT + 2 * (chain))
#define LEFT_RHS(chain) ROW(LEFT + 2 * (chain) + 1)

// One node, whose parent is at `parent_v`; what nodes beyond leave behind in, what it leaves for its parent out.
FUNCTION void eliminate(const Tile& t, int i, V parent_v, V& from_d, V& from_rhs) {
    const real g = t.numbers[G + i];
    const V axial = g * (parent_v - VOLTAGE(i));
    const V inverse = quotient((real)1, D(i) + from_d), rhs = RHS(i) + from_rhs + axial;
    D(i) = inverse;
    RHS(i) = rhs;
    from_d = -g * g * inverse;
    from_rhs = g * inverse * rhs - axial;
}

// Elimination from the tips to the root, then substitution outwards (Hines 1984): D x = RHS, D's other entries -G
FUNCTION void solve(const Tile& t) {
    for (int c = 0; c < CHAINS; ++c) {
        V from_d = spread((real)0), from_rhs = spread((real)0);  // what nodes beyond leave behind
        for (int b = t.indices[BEYOND_FIRST + c]; b < t.indices[BEYOND_FIRST + c + 1]; ++b) {
            from_d += LEFT_D(t.indices[BEYOND + b]);
            from_rhs += LEFT_RHS(t.indices[BEYOND + b]);
        }
        const int head = t.indices[HEAD + c];
        for (int i = t.indices[TAIL + c]; i > head; --i) eliminate(t, i, VOLTAGE(i - 1), from_d, from_rhs);
        eliminate(t, head, VOLTAGE(t.indices[PARENT + c]), from_d, from_rhs);
        LEFT_D(c) = from_d;
        LEFT_RHS(c) = from_rhs;
    }
    for (int c = CHAINS - 1; c >= 0; --c) {
        V inwards = RHS(t.indices[PARENT + c]);
        for (int i = t.indices[HEAD + c]; i <= t.indices[TAIL + c]; ++i) {
            inwards = (RHS(i) + t.numbers[G + i] * inwards) * D(i);
            RHS(i) = inwards;
            VOLTAGE(i) += (real)(SECOND_ORDER ? 2 : 1) * inwards;
        }
    }
}
