// The tree solved by the threads of a block: nodes that are no neighbours of each other are eliminated in the same round,
// and then found, the last round first. Nodes are numbered by rounds (contraction.py).
#pragma once

// A neighbour when it, or the node, is eliminated: 1 + the number of the edge that an elimination has made, or 0, and the
// node; that edge's conductance is in a row, or that of an edge of the cell, `given`
struct Neighbour {
    int made, node;
    V conductance;
};

FUNCTION Neighbour neighbour(const Tile& t, int end, real given) {
    const int made = end >> 16;
    return {made, end & 0xffff, made ? ROW(MADE + made - 1) : spread(given)};
}

// The current from it to a node at v, less what the change of voltages will add; through an edge that was made, it was
// counted where that was made
FUNCTION V current(const Tile& t, const Neighbour& from, V v) {
    return from.made ? spread((real)0) : from.conductance * (VOLTAGE(from.node) - v);
}

FUNCTION Neighbour near_(const Tile& t, int node, int number) {
    const int k = number * N_NODES + node;
    return neighbour(t, t.indices[NEAR + k], t.numbers[NEAR_G + k]);
}

// A node of a round of n nodes, of which neighbours that have gone are noted from k on. Leaves D: 1 / diagonal, RHS: right
// side / diagonal
FUNCTION void eliminate(const Tile& t, int node, int k, int n, int most) {
    const V v = VOLTAGE(node);
    V d = D(node), rhs = RHS(node);
    for (int number = 0; number < most; ++number, k += n) {
        const Neighbour gone = neighbour(t, t.indices[GONE + k], t.numbers[GONE_G + k]);
        d -= gone.conductance * gone.conductance * D(gone.node);
        rhs += gone.conductance * RHS(gone.node) + current(t, gone, v);
    }
    const Neighbour one = near_(t, node, 0), other = near_(t, node, 1);
    const int made = t.indices[MAKES + node];
    rhs += current(t, one, v) + current(t, other, v);
    const V inverse = quotient((real)1, d);
    D(node) = inverse;
    RHS(node) = inverse * rhs;
    if (made >= 0) ROW(MADE + made) = one.conductance * other.conductance * inverse;
}

FUNCTION void substitute(const Tile& t, int node) {
    const Neighbour one = near_(t, node, 0), other = near_(t, node, 1);
    const V inwards = one.conductance * RHS(one.node) + other.conductance * RHS(other.node);
    const V change = RHS(node) + D(node) * inwards;
    RHS(node) = change;
    VOLTAGE(node) += (real)(SECOND_ORDER ? 2 : 1) * change;
}

FUNCTION void solve(const Tile& t) {
    for (int round = 0; round < ROUNDS; ++round) {
        const int first = t.indices[ROUND + round], n = t.indices[ROUND + round + 1] - first;
        const int at = t.indices[GONE_AT + round], most = t.indices[GONE_MOST + round];
        for (int k = t.first; k < n; k += t.stride) eliminate(t, first + k, at + k, n, most);
        TOGETHER;
    }
    for (int round = ROUNDS - 1; round >= 0; --round) {
        const int last = t.indices[ROUND + round + 1];
        for (int node = t.indices[ROUND + round] + t.first; node < last; node += t.stride) substitute(t, node);
        TOGETHER;
    }
}
