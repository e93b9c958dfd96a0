// The tree solved by the threads of a block: nodes that are no neighbours of each other are eliminated in the same round
// (contraction.py), and then found outwards, the last round first.
#pragma once

// Of an edge and the node at its end, one integer
#define OTHER(end) ((end) & 0xffff)
#define EDGE(end) ((end) >> 16)

// Conductance of an edge: given, or of an edge that an elimination has made
FUNCTION V coupling(const Tile& t, int edge) {
    return edge < N_NODES ? spread(t.numbers[G + edge]) : ROW(SCRATCH + edge - N_NODES);
}

// The current through an edge to a node at v, less what the change of voltages will add. Edges that were made carry none:
// it was counted where they were made.
FUNCTION V current(const Tile& t, int end, V conductance, V v) {
    return EDGE(end) < N_NODES ? conductance * (VOLTAGE(OTHER(end)) - v) : spread((real)0);
}

// Leaves D: 1 / diagonal, RHS: right side / diagonal
FUNCTION void eliminate(const Tile& t, int position) {
    const int node = t.indices[NODE + position];
    const V v = VOLTAGE(node);
    V d = D(node), rhs = RHS(node);
    for (int k = t.indices[GONE_FIRST + position]; k < t.indices[GONE_FIRST + position + 1]; ++k) {
        const int end = t.indices[GONE + k];
        const V g = coupling(t, EDGE(end));
        d -= g * g * D(OTHER(end));
        rhs += g * RHS(OTHER(end)) + current(t, end, g, v);
    }
    const int one = t.indices[NEAR + 2 * position], other = t.indices[NEAR + 2 * position + 1];
    const int made = t.indices[MADE + position];
    const V g_one = coupling(t, EDGE(one)), g_other = coupling(t, EDGE(other));
    rhs += current(t, one, g_one, v) + current(t, other, g_other, v);
    const V inverse = quotient((real)1, d);
    D(node) = inverse;
    RHS(node) = inverse * rhs;
    if (made >= 0) ROW(SCRATCH + made) = g_one * g_other * inverse;
}

FUNCTION void substitute(const Tile& t, int position) {
    const int node = t.indices[NODE + position];
    const int one = t.indices[NEAR + 2 * position], other = t.indices[NEAR + 2 * position + 1];
    const V inwards = coupling(t, EDGE(one)) * RHS(OTHER(one)) + coupling(t, EDGE(other)) * RHS(OTHER(other));
    const V change = RHS(node) + D(node) * inwards;
    RHS(node) = change;
    VOLTAGE(node) += (real)(SECOND_ORDER ? 2 : 1) * change;
}

FUNCTION void solve(const Tile& t) {
    for (int round = 0; round < ROUNDS; ++round) {
        const int last = t.indices[ROUND + round + 1];
        for (int p = t.indices[ROUND + round] + t.first; p < last; p += t.stride) eliminate(t, p);
        TOGETHER;
    }
    for (int round = ROUNDS - 1; round >= 0; --round) {
        const int last = t.indices[ROUND + round + 1];
        for (int p = t.indices[ROUND + round] + t.first; p < last; p += t.stride) substitute(t, p);
        TOGETHER;
    }
}
