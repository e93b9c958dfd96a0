// The tree solved by the threads of a block, nodes numbered as contraction.py does: first the tips, a thread for each; then
// in rounds nodes that are no neighbours of each other. What changes is found in the opposite order.
#pragma once

// The rounds from WIDE on have few nodes: threads of one warp do them, NARROW places of it, while the others wait
static const int NARROW = WIDTH * LANES <= 32 ? WIDTH : LANES < 32 ? 32 / LANES : 1;
#define TOGETHER_NARROW __syncwarp(0xffffffffu >> (32 - NARROW * LANES))

// D becomes 1 / diagonal, RHS right side / diagonal
FUNCTION void eliminate_tip(const Tile& t, int tip) {
    int node = tip;
    V v = VOLTAGE(node), d = D(node), rhs = RHS(node);
    for (int step = 0; tip < STEP[step + 1] - STEP[step];) {
        ++step;
        const bool head = tip >= STEP[step + 1] - STEP[step];
        const int next = head ? t.indices[TIP_PARENT + tip] : STEP[step] + tip;
        const real g = t.numbers[TIP_G + node];
        const V next_v = VOLTAGE(next), next_d = D(next), next_rhs = RHS(next);  // early, as loading takes a while
        const V axial = g * (next_v - v), inverse = quotient((real)1, d);
        const V change = inverse * (rhs + axial);
        D(node) = inverse;
        RHS(node) = change;
        d = next_d - g * g * inverse;
        rhs = next_rhs + g * change - axial;
        v = next_v;
        node = next;
    }
}

FUNCTION void substitute_tip(const Tile& t, int tip) {
    int step = 0;
    while (tip < STEP[step + 2] - STEP[step + 1]) ++step;
    V inwards = RHS(t.indices[TIP_PARENT + tip]);
    for (; step >= 0; --step) {
        const int node = STEP[step] + tip;
        inwards = RHS(node) + D(node) * t.numbers[TIP_G + node] * inwards;
        RHS(node) = inwards;
        VOLTAGE(node) += (real)(SECOND_ORDER ? 2 : 1) * inwards;
    }
}

// A neighbour when it, or the node, is eliminated. The edge to it is one of the cell, `given` its conductance, or one that
// an elimination has made, its conductance in a row; the other one of the two is 0
struct Neighbour {
    int node;
    V given, conductance;
};

FUNCTION Neighbour neighbour(const Tile& t, int end, real given) {
    return {end & 0xffff, spread(given), given + ROW(MADE + (end >> 16))};
}

FUNCTION Neighbour near_(const Tile& t, int k) {
    return neighbour(t, t.indices[NEAR + k], t.numbers[NEAR_G + k]);
}

// The current from it to a node at v, less what the change of voltages will add. Through an edge that was made it was
// counted when that was made
FUNCTION V current(const Tile& t, const Neighbour& from, V v) { return from.given * (VOLTAGE(from.node) - v); }

// A node of a round of n nodes, of which neighbours that have gone are noted from k on, n apart. In d the conductance to
// those
FUNCTION void eliminate(const Tile& t, int node, int k, int n) {
    const V v = VOLTAGE(node);
    V d = D(node), rhs = RHS(node);
    const int makes = t.indices[MAKES + node];  // the row of the edge that it makes, or 0, and how many have gone
    for (int left = makes & 0xffff; left > 0; --left, k += n) {
        const Neighbour gone = neighbour(t, t.indices[GONE + k], t.numbers[GONE_G + k]);
        d -= gone.conductance * gone.conductance * D(gone.node);
        rhs += gone.conductance * RHS(gone.node) + current(t, gone, v);
    }
    const Neighbour one = near_(t, 2 * node), other = near_(t, 2 * node + 1);
    rhs += current(t, one, v) + current(t, other, v);
    const V inverse = quotient((real)1, d);
    D(node) = inverse;
    RHS(node) = inverse * rhs;
    if (makes >> 16) ROW(MADE + (makes >> 16)) = one.conductance * other.conductance * inverse;
}

FUNCTION void substitute(const Tile& t, int node) {
    const Neighbour one = near_(t, 2 * node), other = near_(t, 2 * node + 1);
    const V inwards = one.conductance * RHS(one.node) + other.conductance * RHS(other.node);
    const V change = RHS(node) + D(node) * inwards;
    RHS(node) = change;
    VOLTAGE(node) += (real)(SECOND_ORDER ? 2 : 1) * change;
}

FUNCTION void solve(const Tile& t) {
    for (int tip = t.first; tip < TIPS; tip += t.stride) eliminate_tip(t, tip);
    TOGETHER;
    const int rounds = t.first < NARROW ? ROUNDS : WIDE;
    for (int round = 0; round < rounds; ++round) {
        const int n = ROUND[round + 1] - ROUND[round], stride = round < WIDE ? t.stride : NARROW;
        for (int k = t.first; k < n; k += stride) eliminate(t, ROUND[round] + k, GONE_AT[round] + k, n);
        if (round < WIDE) TOGETHER;
        else TOGETHER_NARROW;
    }
    for (int round = rounds - 1; round >= 0; --round) {
        const int stride = round < WIDE ? t.stride : NARROW;
        if (round < WIDE) TOGETHER;  // what other threads have found in rounds after it
        for (int node = ROUND[round] + t.first; node < ROUND[round + 1]; node += stride) substitute(t, node);
        if (round >= WIDE) TOGETHER_NARROW;
    }
    TOGETHER;
    for (int tip = t.first; tip < TIPS; tip += t.stride) substitute_tip(t, tip);
    TOGETHER;
}
