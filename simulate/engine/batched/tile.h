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
    real event_ms;        // when the event came that is being received
};

#ifdef ONE_LANE_PER_THREAD
#define EACH_LANE if (const int lane = t.lane; true)
#define TOGETHER __syncthreads()  // between what one thread writes and another one of the block reads
#define ROW(row) t.rows[(row) * LANES + t.lane]
#define LANES_OF_THREAD 1
#define OF_NODE(node, variable) (NODES + (node) + N_NODES * (variable))
#else
#define EACH_LANE for (int lane = 0; lane < LANES; ++lane)
#define TOGETHER
#define ROW(row) (*(V*)(t.rows + (long long)(row) * LANES))
#define LANES_OF_THREAD LANES
#define OF_NODE(node, variable) (NODES + 3 * (node) + (variable))
#endif
#define AT(row, lane) t.rows[(long long)(row) * LANES + (lane)]
// The element of an array that an index names, whose rows are `apart`: no number beyond its ends, where nothing is put
FUNCTION real element(const Tile& t, int lane, int first, int apart, int size, real index) {
    const real none = 0;
    return index > -1 && index < size ? AT(first + (int)index * apart, lane) : none / none;
}
FUNCTION void put(const Tile& t, int lane, int first, int apart, int size, real index, real value) {
    if (index > -1 && index < size) AT(first + (int)index * apart, lane) = value;
}
#ifdef ONE_LANE_PER_THREAD
FUNCTION V element(const Tile& t, int first, int apart, int size, V index) {
    return element(t, t.lane, first, apart, size, index);
}
#else
FUNCTION V element(const Tile& t, int first, int apart, int size, V index) {
    for (int lane = 0; lane < LANES; ++lane) index[lane] = element(t, lane, first, apart, size, index[lane]);
    return index;
}
#endif
// Rows of a node
#define VOLTAGE(node) ROW(OF_NODE(node, 0))
#define RHS(node) ROW(OF_NODE(node, 1))
#define D(node) ROW(OF_NODE(node, 2))
// A thread's places of a group that comes after `before` other ones: threads that those have left without work go first
#define EACH(place, n, before) \
    for (int place = (t.first + t.stride - (before) % t.stride) % t.stride; place < (n); place += t.stride)

// What is recorded, and which input spikes arrive: arrays of the caller
struct Recorder {
    int steps, steps_before;     // of this call, and of the calls before it
    const real* time_ms;         // (steps) at the start of each step
    const int* event_first;      // (lanes + 1) of each lane's events
    const int* event_step;       // in whose beginning each arrives, ascending within a lane
    const int* event_connection;
    const real* event_ms;        // of each, where the generated code asks for it (EVENT_TIMES)
    int n_fine, n_coarse;
    const int* node;             // (fine, then coarse) the nodes that are recorded
    real* fine_mv;               // (steps, fine, lanes) after every step
    const int* kept;             // (steps) where coarse voltages are kept, or -1
    real* coarse_mv;             // (kept, coarse, lanes)
};

// The same of one tile, from arrays of all tiles, one tile after another. Events of every lane of all tiles stand in one
// array; each call brings the events of its own steps.
FUNCTION Recorder of_tile(Recorder r, long long tile, int n_kept) {
    r.event_first += tile * LANES;
    r.fine_mv += tile * r.steps * r.n_fine * LANES;
    r.coarse_mv += tile * n_kept * r.n_coarse * LANES;
    return r;
}

// Generated: one event, and all currents, of a step after states have advanced by the step before (where `advance`)
FUNCTION void receive(const Tile& t, int lane, int connection);
FUNCTION void states_before_events(const Tile& t, real time_ms);
template <bool advance> FUNCTION void currents(const Tile& t, real time_ms);

#ifdef WAITING
// Events that places have sent to themselves, WAITING at most of each place: when each comes, its flag and its weight in
// rows that are `apart`, the next one first
FUNCTION void own_events(const Tile& t, real time_ms);
static const real NEVER = sizeof(real) == 4 ? (real)3e38 : (real)1e308;

FUNCTION void next_own_event(const Tile& t, int lane, int when, int flag, int weight, int apart) {
    for (int k = 0; k < WAITING - 1; ++k) {
        AT(when + k * apart, lane) = AT(when + (k + 1) * apart, lane);
        AT(flag + k * apart, lane) = AT(flag + (k + 1) * apart, lane);
        AT(weight + k * apart, lane) = AT(weight + (k + 1) * apart, lane);
    }
    AT(when + (WAITING - 1) * apart, lane) = NEVER;
}

FUNCTION void send(
    const Tile& t, int lane, int node, int when, int flag, int weight, int apart,
    real its_time, real its_flag, real its_weight
) {
    if (!(its_time < NEVER)) return;
    int k = WAITING - 1;
    const real none = 0;
    if (AT(when + k * apart, lane) < NEVER) AT(OF_NODE(node, 0), lane) = none / none;  // no room: ends the trial
    for (; k > 0 && AT(when + (k - 1) * apart, lane) > its_time; --k) {
        AT(when + k * apart, lane) = AT(when + (k - 1) * apart, lane);
        AT(flag + k * apart, lane) = AT(flag + (k - 1) * apart, lane);
        AT(weight + k * apart, lane) = AT(weight + (k - 1) * apart, lane);
    }
    AT(when + k * apart, lane) = its_time;
    AT(flag + k * apart, lane) = its_flag;
    AT(weight + k * apart, lane) = its_weight;
}
#endif

// following: of each lane of this thread, the next one to arrive
FUNCTION void events(const Tile& t, const Recorder& r, int step, int (&following)[LANES_OF_THREAD]) {
    EACH_LANE {
        int next = following[lane % LANES_OF_THREAD];
        const int end = r.event_first[lane + 1];
        for (; next < end && r.event_step[next] <= step; ++next) {
            const int connection = r.event_connection[next];
#ifdef ONE_LANE_PER_THREAD
            if (t.indices[CONNECTION_PLACE + connection] % t.stride != t.first) continue;  // another thread's
#endif
#ifdef EVENT_TIMES
            receive({t.rows, t.numbers, t.indices, t.first, t.stride, t.lane, r.event_ms[next]}, lane, connection);
#else
            receive(t, lane, connection);
#endif
        }
        following[lane % LANES_OF_THREAD] = next;
    }
}

#ifdef ONE_LANE_PER_THREAD
#include "rounds.h"
#else
#include "chains.h"
#endif

FUNCTION void record(const Tile& t, const Recorder& r, int k) {
    EACH(p, r.n_fine + r.n_coarse, 0) {
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
    int following[LANES_OF_THREAD];
    EACH_LANE following[lane % LANES_OF_THREAD] = r.event_first[lane];
    for (int k = 0; k < r.steps; ++k) {
        const real now_ms = r.time_ms[k];
        const bool advance = r.steps_before + k > 0;
        if (advance) states_before_events(t, now_ms);
        TOGETHER;
        events(t, r, r.steps_before + k, following);
        TOGETHER;
#ifdef WAITING
        own_events(t, now_ms);
        TOGETHER;
#endif
        if (advance) currents<true>(t, now_ms);
        else currents<false>(t, now_ms);
        TOGETHER;
        solve(t);
        record(t, r, k);
    }
}
