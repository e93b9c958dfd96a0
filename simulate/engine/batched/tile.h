// A tile: trials that are integrated side by side, one in each lane. Generated code defines the rows of a tile, where
// the tables of the circuit begin, and step(); this file solves the tree and runs a tile through time.
#pragma once
#include "lanes.h"

struct Tile {
    real* rows;           // every variable of every place, a row of lanes each
    const real* numbers;  // tables
    const int* indices;
    int first, stride;    // a loop over places takes every stride-th from the first: on a GPU they share the places
    int lane;             // on a GPU, of this thread
};

#ifdef ONE_LANE_PER_THREAD
#define EACH_LANE if (const int lane = t.lane; true)
#define TOGETHER __syncthreads()  // between what one thread writes and another one of the block reads
#define ROW(row) t.rows[(long long)(row) * LANES + t.lane]
#else
#define EACH_LANE for (int lane = 0; lane < LANES; ++lane)
#define TOGETHER
#define ROW(row) (*(V*)(t.rows + (long long)(row) * LANES))
#endif
#define AT(row, lane) t.rows[(long long)(row) * LANES + (lane)]
// Rows of a node, and of a chain: what its elimination leaves for the node that it hangs on
#define VOLTAGE(node) ROW(NODES + 3 * (node))
#define RHS(node) ROW(NODES + 3 * (node) + 1)
#define D(node) ROW(NODES + 3 * (node) + 2)
#define LEFT_D(chain) ROW(CHAINS + 2 * (chain))
#define LEFT_RHS(chain) ROW(CHAINS + 2 * (chain) + 1)
#define EACH(place, n) for (int place = t.first; place < (n); place += t.stride)

// What is recorded, and which input spikes arrive: arrays of the caller
struct Recorder {
    int steps, steps_before;     // of this call, and of the calls before it
    const real* time_ms;         // (steps) at the start of each step
    const int* event_first;      // (lanes + 1) of each lane's events
    const int* event_step;       // in whose beginning each arrives, ascending within a lane
    const int* event_connection;
    int* event_next;             // (stride, lanes) the next one to arrive: scratch
    int n_fine, n_coarse;
    const int* node;             // (fine, then coarse) the nodes that are recorded
    real* fine_mv;               // (steps, fine, lanes) after every step
    const int* kept;             // (steps) where coarse voltages are kept, or -1
    real* coarse_mv;             // (kept, coarse, lanes)
};

// The same of one tile, from arrays of all tiles, one tile after another. Events of every lane of all tiles stand in one
// array; each call brings the events of its own steps.
FUNCTION Recorder of_tile(Recorder r, long long tile, int stride, int n_kept) {
    r.event_first += tile * LANES;
    r.event_next += tile * stride * LANES;
    r.fine_mv += tile * r.steps * r.n_fine * LANES;
    r.coarse_mv += tile * n_kept * r.n_coarse * LANES;
    return r;
}

// Generated: one event, and all currents, of a step after states have advanced by the step before (where `advance`)
FUNCTION void receive(const Tile& t, int lane, int connection);
FUNCTION void states_before_events(const Tile& t, real time_ms);
template <bool advance> FUNCTION void currents(const Tile& t, real time_ms);

FUNCTION void events(const Tile& t, const Recorder& r, int step) {
    int* const following = r.event_next + t.first * LANES;
    EACH_LANE {
        int next = following[lane];
        const int end = r.event_first[lane + 1];
        for (; next < end && r.event_step[next] <= step; ++next) {
            const int connection = r.event_connection[next];
#ifdef ONE_LANE_PER_THREAD
            if (t.indices[CONNECTION_PLACE + connection] % t.stride != t.first) continue;  // another thread's
#endif
            receive(t, lane, connection);
        }
        following[lane] = next;
    }
}

// One node, whose parent is at `parent_v`; what nodes beyond leave behind in, what it leaves for its parent out. A
// processor foresees what a loop over it loads, as its addresses depend on i alone.
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
    for (int level = 0; level < LEVELS; ++level) {
        for (int c = t.indices[LEVEL + level] + t.first; c < t.indices[LEVEL + level + 1]; c += t.stride) {
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
        TOGETHER;
    }
    for (int level = LEVELS - 1; level >= 0; --level) {
        for (int c = t.indices[LEVEL + level] + t.first; c < t.indices[LEVEL + level + 1]; c += t.stride) {
            V inwards = RHS(t.indices[PARENT + c]);
            for (int i = t.indices[HEAD + c]; i <= t.indices[TAIL + c]; ++i) {
                inwards = (RHS(i) + t.numbers[G + i] * inwards) * D(i);
                RHS(i) = inwards;
                VOLTAGE(i) += (real)(SECOND_ORDER ? 2 : 1) * inwards;
            }
        }
        TOGETHER;
    }
}

FUNCTION void record(const Tile& t, const Recorder& r, int k) {
    EACH(p, r.n_fine + r.n_coarse) {
        const bool fine = p < r.n_fine;
        const long long row = fine ? (long long)k * r.n_fine + p : (long long)r.kept[k] * r.n_coarse + p - r.n_fine;
        if (row < 0) continue;
        real* const to = (fine ? r.fine_mv : r.coarse_mv) + row * LANES;
#ifdef ONE_LANE_PER_THREAD
        to[t.lane] = VOLTAGE(r.node[p]);
#else
        *(Loose*)to = VOLTAGE(r.node[p]);
#endif
    }
}

FUNCTION void integrate(const Tile& t, const Recorder& r) {
    EACH_LANE r.event_next[t.first * LANES + lane] = r.event_first[lane];
    for (int k = 0; k < r.steps; ++k) {
        const real now_ms = r.time_ms[k];
        const bool advance = r.steps_before + k > 0;
        if (advance) states_before_events(t, now_ms);
        TOGETHER;
        events(t, r, r.steps_before + k);
        TOGETHER;
        if (advance) currents<true>(t, now_ms);
        else currents<false>(t, now_ms);
        TOGETHER;
        solve(t);
        record(t, r, k);
    }
}
