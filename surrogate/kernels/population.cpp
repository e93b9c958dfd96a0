// Populations of ELMs on a CPU: spikes to synapses, hidden layers, memories, spikes drawn and routed, bin after bin in one
// call. ../population/README.md has the equations and the layout, plain.py there the truth. Compiled after kernel.cpp.
//
// Every thread has its share of each group's blocks of 32 neurons. A neuron's arithmetic is in the order of what reaches
// it, whoever does it: results are the same to the bit for any number of threads, for any neurons beside it, and for a
// bin of dense input, `population_step`, as for events.

#include <omp.h>

namespace {

constexpr std::int64_t BLOCK = 4 * LANES;  // neurons that go together; they share a counter's four random words
constexpr int HALF = 2 * LANES;            // neurons whose sums are in registers at once
constexpr int OUTPUTS = 5;                 // and of how many units: 10 sums, 2 vectors of input, a weight

typedef std::uint32_t Words __attribute__((vector_size(4 * LANES)));
typedef std::uint64_t Quads __attribute__((vector_size(4 * LANES)));

inline Words all_words(std::uint64_t value) { return Words{} + static_cast<std::uint32_t>(value); }

// High and low words of the products of vectors' words with a constant.
inline void multiply_words(std::uint64_t by, Words x, Words& high, Words& low) {
    const Quads even = ((Quads)x & 0xFFFFFFFF) * by, odd = ((Quads)x >> 32) * by;
    high = (Words)((even >> 32) | (odd & 0xFFFFFFFF00000000));
    low = (Words)((even & 0xFFFFFFFF) | (odd << 32));
}

// Philox4x32-10, random_numbers.py has its source: of one counter, or of eight.
struct Philox {
    static constexpr std::uint64_t M0 = 0xD2511F53, M1 = 0xCD9E8D57;
    std::uint32_t k0, k1;

    explicit Philox(std::uint64_t seed) : k0(static_cast<std::uint32_t>(seed)), k1(static_cast<std::uint32_t>(seed >> 32)) {}

    void operator()(Words c0, Words c1, Words c2, Words c3, Words out[4]) const {
        std::uint32_t a = k0, b = k1;
        for (int round = 0; round < 10; ++round, a += 0x9E3779B9, b += 0xBB67AE85) {
            Words high0, low0, high1, low1;
            multiply_words(M0, c0, high0, low0);
            multiply_words(M1, c2, high1, low1);
            c0 = high1 ^ c1 ^ a, c1 = low1, c2 = high0 ^ c3 ^ b, c3 = low0;
        }
        out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
    }

    void operator()(std::uint32_t c0, std::uint32_t c1, std::uint32_t c2, std::uint32_t c3, std::uint32_t out[4]) const {
        std::uint32_t a = k0, b = k1;
        for (int round = 0; round < 10; ++round, a += 0x9E3779B9, b += 0xBB67AE85) {
            const std::uint64_t product0 = M0 * c0, product1 = M1 * c2;
            c0 = static_cast<std::uint32_t>(product1 >> 32) ^ c1 ^ a, c1 = static_cast<std::uint32_t>(product1);
            c2 = static_cast<std::uint32_t>(product0 >> 32) ^ c3 ^ b, c3 = static_cast<std::uint32_t>(product0);
        }
        out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
    }
};

// out_kn += sum over i of weight_ik · x_in for K units and 32 neurons; weight's rows lie n_out apart.
template <int K>
inline void units(const float* weight, const float* x, float* out, std::int64_t n_in, std::int64_t n_out) {
    for (std::int64_t half = 0; half < BLOCK; half += HALF) {
        Lanes sum[K][2];
        for (int k = 0; k < K; ++k)
            for (int v = 0; v < 2; ++v) sum[k][v] = load(out + k * BLOCK + half + v * LANES);
        for (std::int64_t i = 0; i < n_in; ++i) {
            const Lanes x0 = load(x + i * BLOCK + half), x1 = load(x + i * BLOCK + half + LANES);
            for (int k = 0; k < K; ++k) {
                const float w = weight[i * n_out + k];
                sum[k][0] += w * x0, sum[k][1] += w * x1;
            }
        }
        for (int k = 0; k < K; ++k)
            for (int v = 0; v < 2; ++v) store(sum[k][v], out + k * BLOCK + half + v * LANES);
    }
}

inline void all_units(const float* weight, const float* x, float* out, std::int64_t n_in, std::int64_t n_out) {
    std::int64_t n = 0;
    for (; n + OUTPUTS <= n_out; n += OUTPUTS) units<OUTPUTS>(weight + n, x, out + n * BLOCK, n_in, n_out);
    switch (n_out - n) {
        case 4: units<4>(weight + n, x, out + n * BLOCK, n_in, n_out); break;
        case 3: units<3>(weight + n, x, out + n * BLOCK, n_in, n_out); break;
        case 2: units<2>(weight + n, x, out + n * BLOCK, n_in, n_out); break;
        case 1: units<1>(weight + n, x, out + n * BLOCK, n_in, n_out); break;
    }
}

}  // namespace

extern "C" {

// Neurons of one fitted ELM: `first` and the n - 1 after it. S inputs, H hidden units (rows of A, a multiple of eight),
// M memory units. As kernel.py has it, field by field.
struct PopulationGroup {
    std::int64_t first, n, S, H, A, M, activation, n_counts;
    const float *table_sa, *bias_h, *w_mh, *w_hm, *bias_m, *kappa_m, *gain_m, *w_mo, *bias_o;
    const std::uint32_t *count_c, *accept_s;  // of Poisson input; n_counts 0: none
    const std::int32_t* other_s;
    float *share_na, *m_bmn;  // state: branches' share of the hidden layer, decayed for the next bin; memory, by blocks
    float kappa, scale_mv, offset_mv;
};

struct PopulationWires {
    const std::int64_t* first_run_n;
    const std::int32_t* delay_r;
    const std::int64_t* first_r;
    const std::int32_t *post_e, *synapse_e;
    const float* weight_e;
};

struct PopulationFlying {
    std::int64_t count, room;
    std::int32_t* pre_f;
    std::int64_t *since_f, *run_f;
};

// Spikes from outside, by bins, in each by neurons: those of bin t are first_t[t] … first_t[t + 1].
struct PopulationEvents {
    const std::int64_t* first_t;
    const std::int32_t *post_e, *synapse_e;
    const float* weight_e;
};

struct PopulationOut {
    std::int64_t room, count;  // of spikes
    std::int32_t* neuron_k;
    std::int64_t* t_k;
    std::int64_t n_watched;
    const std::int32_t* watched_w;
    float *v_tw, *probability_tw;
    float *v_n, *probability_n;  // of the last bin
    std::uint8_t* spiking_n;
};

}  // extern "C"

namespace {

inline void arrive(const PopulationGroup& g, std::int32_t post, std::int32_t synapse, float weight) {
    float* share = g.share_na + (post - g.first) * g.A;
    const float* row = g.table_sa + synapse * g.A;
    for (std::int64_t j = 0; j < g.A; j += LANES) store(load(share + j) + weight * load(row + j), share + j);
}

constexpr std::int64_t TARGETS_AHEAD = 6;  // connections whose targets are fetched before they are needed

// Of connections [e, end), whose targets ascend, those to neurons [low, high).
inline void deliver(const PopulationGroup& g, const std::int32_t* post_e, const std::int32_t* synapse_e,
                    const float* weight_e, std::int64_t e, std::int64_t end, std::int64_t low, std::int64_t high) {
    if (e < end && post_e[e] < low) e = std::lower_bound(post_e + e, post_e + end, low) - post_e;
    for (; e < end && post_e[e] < high; ++e) {
        if (e + TARGETS_AHEAD < end && post_e[e + TARGETS_AHEAD] < high) {
            const float* share = g.share_na + (post_e[e + TARGETS_AHEAD] - g.first) * g.A;
            const float* row = g.table_sa + synapse_e[e + TARGETS_AHEAD] * g.A;
            for (std::int64_t j = 0; j < g.A; j += 2 * LANES) __builtin_prefetch(share + j, 1), __builtin_prefetch(row + j);
        }
        arrive(g, post_e[e], synapse_e[e], weight_e[e]);
    }
}

inline void draw_poisson(const PopulationGroup& g, const Philox& philox, std::uint32_t t, std::uint32_t stream,
                         std::int64_t low, std::int64_t high) {
    for (std::int64_t post = low; post < high; ++post) {
        const std::uint32_t i = static_cast<std::uint32_t>(post - g.first);
        std::uint32_t word[4];
        philox(i, t, 0, stream, word);
        const std::int64_t count = std::upper_bound(g.count_c, g.count_c + g.n_counts, word[0]) - g.count_c;
        for (std::int64_t k = 1; k <= count; ++k) {
            if (k % 4 == 0) philox(i, t, static_cast<std::uint32_t>(k / 4), stream, word);
            const std::uint64_t place = static_cast<std::uint64_t>(word[k % 4]) * static_cast<std::uint64_t>(g.S);
            const std::int64_t s = static_cast<std::int64_t>(place >> 32);
            arrive(g, static_cast<std::int32_t>(post),
                   static_cast<std::uint32_t>(place) < g.accept_s[s] ? static_cast<std::int32_t>(s) : g.other_s[s], 1.0f);
        }
    }
}

constexpr std::int64_t SCRATCH = 2;  // blocks of `advance` beside H hidden and M memory units: outputs

// A bin of 32 neurons, whose share of the hidden layer has all that arrives in it: probability and voltage of each, which
// are returned, and the state for the next bin. Never inlined: the compiler may fuse operations otherwise elsewhere, and
// both that call it give the same bits.
__attribute__((noinline)) float* advance(const PopulationGroup& g, float* share, float* m, float* scratch) {
    float *a = scratch, *d = a + g.H * BLOCK, *y = d + g.M * BLOCK;
    for (std::int64_t n = 0; n < BLOCK; n += LANES)
        for (std::int64_t j = 0; j < g.H; ++j) {
            const float* s = share + n * g.A + j;
            const Lanes turned = {s[0],       s[g.A],     s[2 * g.A], s[3 * g.A],
                                  s[4 * g.A], s[5 * g.A], s[6 * g.A], s[7 * g.A]};
            store(turned + g.bias_h[j], a + j * BLOCK + n);
        }
    for (std::int64_t j = 0; j < BLOCK * g.A; j += LANES) store(g.kappa * load(share + j), share + j);
    for (std::int64_t i = 0; i < g.M; ++i)
        for (std::int64_t n = 0; n < BLOCK; n += LANES) {
            store(g.kappa_m[i] * load(m + i * BLOCK + n), m + i * BLOCK + n);
            store(all(g.bias_m[i]), d + i * BLOCK + n);
        }
    all_units(g.w_mh, m, a, g.M, g.H);
    for (std::int64_t j = 0; j < g.H * BLOCK; j += LANES) store(activate(load(a + j), g.activation), a + j);
    all_units(g.w_hm, a, d, g.H, g.M);
    for (std::int64_t i = 0; i < g.M; ++i)
        for (std::int64_t n = i * BLOCK; n < (i + 1) * BLOCK; n += LANES)
            store(load(m + n) + g.gain_m[i] * hyperbolic_tangent(load(d + n)), m + n);
    for (int o = 0; o < 2; ++o)
        for (std::int64_t n = 0; n < BLOCK; n += LANES) store(all(g.bias_o[o]), y + o * BLOCK + n);
    units<2>(g.w_mo, m, y, g.M, 2);
    for (std::int64_t n = 0; n < BLOCK; n += LANES) {
        store(sigmoid(load(y + n)), y + n);
        store(load(y + BLOCK + n) * g.scale_mv + g.offset_mv, y + BLOCK + n);
    }
    return y;
}

// Which of the neurons of block b spike in bin t, and what all told.
inline void spike(const PopulationGroup& g, std::int64_t b, const float* y, const Philox& philox, std::uint32_t t,
                  std::uint32_t stream, float threshold, PopulationOut& out) {
    const std::int64_t at = g.first + b * BLOCK, n_here = std::min(BLOCK, g.n - b * BLOCK);
    Words word[4]{};
    std::int32_t spiking[BLOCK];
    if (threshold != threshold) {  // not a number: spikes are drawn
        Words lane;
        for (int l = 0; l < LANES; ++l) lane[l] = static_cast<std::uint32_t>(b * LANES + l);
        philox(lane, all_words(t), Words{}, all_words(stream), word);
    }
    for (int v = 0; v < 4; ++v) {
        const Lanes p = load(y + v * LANES);
        const Lanes uniform = __builtin_convertvector((Ints)(word[v] >> 8), Lanes) * (1.0f / (1 << 24));
        const Ints spikes = threshold == threshold ? p >= threshold : uniform < p;
        std::memcpy(spiking + v * LANES, &spikes, sizeof(Ints));
    }
    std::memcpy(out.probability_n + at, y, sizeof(float) * n_here);
    std::memcpy(out.v_n + at, y + BLOCK, sizeof(float) * n_here);
    for (std::int64_t n = 0; n < n_here; ++n) out.spiking_n[at + n] = spiking[n] != 0;
}

// After bin t: what arrived in it goes on to its next run, or is gone; the bin's spikes are noted and set off.
inline void route(const PopulationWires& wires, PopulationFlying& flying, PopulationOut& out, std::int64_t n,
                  std::int64_t t) {
    std::int64_t left = 0;
    for (std::int64_t f = 0; f < flying.count; ++f) {
        const std::int64_t since = flying.since_f[f], run = flying.run_f[f] + (wires.delay_r[flying.run_f[f]] == t - since);
        if (run == wires.first_run_n[flying.pre_f[f] + 1]) continue;
        flying.pre_f[left] = flying.pre_f[f], flying.since_f[left] = since, flying.run_f[left++] = run;
    }
    for (std::int64_t i = 0; i < n; ++i) {
        if (!out.spiking_n[i]) continue;
        out.neuron_k[out.count] = static_cast<std::int32_t>(i), out.t_k[out.count++] = t;
        if (wires.first_run_n[i] == wires.first_run_n[i + 1]) continue;
        flying.pre_f[left] = static_cast<std::int32_t>(i), flying.since_f[left] = t;
        flying.run_f[left++] = wires.first_run_n[i];
    }
    flying.count = left;
}

}  // namespace

extern "C" {

// T bins from bin t0 on of n neurons in G groups; how many were done: fewer where spikes might find no room. Spikes are
// drawn where threshold is not a number.
std::int64_t population_run(const PopulationGroup* groups, std::int64_t G, std::int64_t n, const PopulationWires* wires,
                            PopulationFlying* flying, const PopulationEvents* events, PopulationOut* out,
                            std::uint64_t seed, float threshold, std::int64_t t0, std::int64_t T, std::int64_t threads) {
    const Philox philox(seed);
    std::int64_t most = 0, done = 0;
    for (std::int64_t g = 0; g < G; ++g) most = std::max(most, (groups[g].H + groups[g].M + SCRATCH) * BLOCK);
    const auto has_room = [&] { return out->room - out->count >= n && flying->room - flying->count >= n; };
    bool room = has_room();
#pragma omp parallel num_threads(team(threads, (n + BLOCK - 1) / BLOCK))
    {
        const std::int64_t us = omp_get_thread_num(), of = omp_get_num_threads();
        std::vector<float> scratch(most);
        for (std::int64_t t = t0; room && t < t0 + T; ++t) {
            for (std::int64_t at = 0; at < G; ++at) {
                const PopulationGroup& g = groups[at];
                const std::int64_t blocks = (g.n + BLOCK - 1) / BLOCK, first = us * blocks / of, last = (us + 1) * blocks / of;
                const std::int64_t low = g.first + first * BLOCK, high = g.first + std::min(last * BLOCK, g.n);
                if (first == last) continue;
                for (std::int64_t f = 0; f < flying->count; ++f) {
                    const std::int64_t run = flying->run_f[f];
                    if (wires->delay_r[run] == t - flying->since_f[f])
                        deliver(g, wires->post_e, wires->synapse_e, wires->weight_e, wires->first_r[run],
                                wires->first_r[run + 1], low, high);
                }
                deliver(g, events->post_e, events->synapse_e, events->weight_e, events->first_t[t - t0],
                        events->first_t[t - t0 + 1], low, high);
                const std::uint32_t bin = static_cast<std::uint32_t>(t), stream = static_cast<std::uint32_t>(2 * at);
                if (g.n_counts) draw_poisson(g, philox, bin, stream + 1, low, high);
                for (std::int64_t b = first; b < last; ++b) {
                    const float* y = advance(g, g.share_na + b * BLOCK * g.A, g.m_bmn + b * g.M * BLOCK, scratch.data());
                    spike(g, b, y, philox, bin, stream, threshold, *out);
                }
            }
#pragma omp barrier
#pragma omp single
            {
                route(*wires, *flying, *out, n, t);
                for (std::int64_t w = 0; w < out->n_watched; ++w) {
                    out->v_tw[(t - t0) * out->n_watched + w] = out->v_n[out->watched_w[w]];
                    out->probability_tw[(t - t0) * out->n_watched + w] = out->probability_n[out->watched_w[w]];
                }
                ++done, room = has_room();
            }
        }
    }
    return done;
}

// A bin of n neurons of a group under dense input x_ns: probability and voltage of each. share_na, m_nm are the state of the
// bin before, left as it is, and share_after_na, m_after_nm the one after it; the group's own state is not read.
void population_step(const PopulationGroup* group, std::int64_t n, const float* x_ns, const float* share_na, const float* m_nm,
                     float* share_after_na, float* m_after_nm, float* probability_n, float* v_n, std::int64_t threads) {
    const std::int64_t A = group->A, M = group->M, blocks = (n + BLOCK - 1) / BLOCK;
#pragma omp parallel num_threads(team(threads, blocks))
    {
        std::vector<float> share(BLOCK * A), m(M * BLOCK), scratch((group->H + M + SCRATCH) * BLOCK);
        PopulationGroup g = *group;
        g.first = 0, g.share_na = share.data();
#pragma omp for schedule(static)
        for (std::int64_t b = 0; b < blocks; ++b) {
            const std::int64_t first = b * BLOCK, n_here = std::min(BLOCK, n - first);
            std::memcpy(share.data(), share_na + first * A, sizeof(float) * n_here * A);
            for (std::int64_t j = 0; j < n_here; ++j) {
                for (std::int64_t i = 0; i < M; ++i) m[i * BLOCK + j] = m_nm[(first + j) * M + i];
                const float* x = x_ns + (first + j) * g.S;
                for (std::int64_t s = 0; s < g.S; ++s)
                    if (x[s] != 0) arrive(g, static_cast<std::int32_t>(j), static_cast<std::int32_t>(s), x[s]);
            }
            const float* y = advance(g, share.data(), m.data(), scratch.data());
            std::memcpy(share_after_na + first * A, share.data(), sizeof(float) * n_here * A);
            for (std::int64_t j = 0; j < n_here; ++j)
                for (std::int64_t i = 0; i < M; ++i) m_after_nm[(first + j) * M + i] = m[i * BLOCK + j];
            std::memcpy(probability_n + first, y, sizeof(float) * n_here);
            std::memcpy(v_n + first, y + BLOCK, sizeof(float) * n_here);
        }
    }
}

}  // extern "C"
