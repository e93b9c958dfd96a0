// What a layer of ELM neurons listens to, on a CPU: the entries of its input, and the synapses that read them or one another.
// Compiled after kernel.cpp; README.md says how it is laid out.
//
// Eight sequences to the lanes, so that a source is one vector wherever it lies, and a synapse one multiplication. Arrays
// are of groups of eight sequences; neurons are in P parts.
//
// G groups, T steps, N neurons, C channels, K branches, M memory units, H hidden units, X = K + M, E entries of the input.

namespace {

constexpr std::int64_t AHEAD = 6;  // entries

// A synapse that reads a neuron: where its source and its branch lie, in floats, and its weight.
struct Hearing {
    std::int32_t source, branch;
    float w;
};

// A synapse that reads a channel: where its branch lies among what the neurons of its part read, in floats.
struct Feeding {
    std::int32_t place;
    float w;
};

// A layer's sizes, the tables of what its synapses read, and each neuron's weights and constants.
struct Listening {
    std::int64_t G, T, N, C, K, M, H, P, X, n_numbers;
    const std::int64_t* first_gt;  // entries of a step: (G, T + 1)
    const std::int32_t* channel_e;
    const float* value_e;
    const std::int64_t* first_n;   // synapses of a neuron that read a neuron, filled up to a multiple of eight
    const Hearing* hearing;
    const std::int64_t* first_cp;  // synapses that read a channel, by channel and part
    const Feeding* feeding;
    const float* numbers_nw;

    Listening(const std::int64_t* sizes, const void* const* tables)
        : G(sizes[0]), T(sizes[1]), N(sizes[2]), C(sizes[3]), K(sizes[4]), M(sizes[5]), H(sizes[6]), P(sizes[7]), X(K + M),
          n_numbers((X + 1) * H + (H + 1) * M + 3 * M + 1), first_gt(static_cast<const std::int64_t*>(tables[0])),
          channel_e(static_cast<const std::int32_t*>(tables[1])), value_e(static_cast<const float*>(tables[2])),
          first_n(static_cast<const std::int64_t*>(tables[3])), hearing(static_cast<const Hearing*>(tables[4])),
          first_cp(static_cast<const std::int64_t*>(tables[5])), feeding(static_cast<const Feeding*>(tables[6])),
          numbers_nw(static_cast<const float*>(tables[7])) {}

    std::int64_t first(std::int64_t part) const { return N * part / P; }
    std::int64_t largest_part() const { return (N + P - 1) / P; }
    const float* w_xh(std::int64_t n) const { return numbers_nw + n * n_numbers; }  // the last row is the bias
    const float* w_hm(std::int64_t n) const { return w_xh(n) + (X + 1) * H; }       // here too
    const float* kappa(std::int64_t n) const { return w_hm(n) + (H + 1) * M; }
    const float* gain(std::int64_t n) const { return kappa(n) + M; }
    const float* w_y(std::int64_t n) const { return gain(n) + M; }
    float bias(std::int64_t n) const { return w_y(n)[M]; }

    // For each entry e of a step, with the synapses of a part that read its channel: work(e, first, end). They lie wherever
    // the channel has them, so they are asked for some entries before.
    template <typename Work>
    void entries(std::int64_t g, std::int64_t t, std::int64_t part, Work work) const {
        const std::int64_t* steps = first_gt + g * (T + 1) + t;
        for (std::int64_t e = steps[0]; e < steps[1]; ++e) {
            if (e + AHEAD < steps[1]) __builtin_prefetch(feeding + first_cp[channel_e[e + AHEAD] * P + part]);
            const std::int64_t* of_channel = first_cp + channel_e[e] * P + part;
            work(e, feeding + of_channel[0], feeding + of_channel[1]);
        }
    }

    // What the neurons of a part read in a step, X + 1 each: branches, kept memory, and a one for the bias.
    void read(std::int64_t g, std::int64_t t, std::int64_t part, const Lanes* seen, const Lanes* m, Lanes* x) const {
        const std::int64_t begin = first(part), end = first(part + 1);
        std::fill(x, x + (end - begin) * (X + 1), Lanes{});
        float* const of_part = reinterpret_cast<float*>(x);
        entries(g, t, part, [&](std::int64_t e, const Feeding* fed, const Feeding* last) {
            const Lanes value = load(value_e + e * LANES);
            for (; fed < last; ++fed) store(load(of_part + fed->place) + fed->w * value, of_part + fed->place);
        });
        const float* const of_step = reinterpret_cast<const float*>(seen + (g * (T + 1) + t) * N);
        for (std::int64_t n = begin; n < end; ++n, x += X + 1) {
            hear(hearing + first_n[n], hearing + first_n[n + 1], of_step, reinterpret_cast<float*>(x));
            const Lanes* before = m + ((g * (T + 1) + t) * N + n) * M;
            for (std::int64_t i = 0; i < M; ++i) x[K + i] = kappa(n)[i] * before[i];
            x[X] = all(1);
        }
    }

    static void hear(const Hearing* r, const Hearing* end, const float* seen, float* x) {
        for (; r < end; ++r) store(load(x + r->branch) + r->w * load(seen + r->source), x + r->branch);
    }
};

}  // namespace

extern "C" {

// Events of B sequences as entries: a channel in which one of a group's sequences has an event, and the values of all
// eight. first_r: of each row b·T + t, its first event, and the number of all. first_gt (G, T + 1), from a group's first
// event on.
void network_entries(std::int64_t B, std::int64_t T, std::int64_t C, const std::int64_t* first_r,
                     const std::int32_t* input_n, const float* value_n, std::int64_t* first_gt, std::int32_t* channel_e,
                     float* value_el, std::int64_t threads) {
    const std::int64_t G = (B + LANES - 1) / LANES;
#pragma omp parallel for num_threads(team(threads, G)) schedule(static)
    for (std::int64_t g = 0; g < G; ++g) {
        std::vector<std::int64_t> entry_c(C, -1);  // the last entry of each channel
        const std::int64_t last = std::min(B, (g + 1) * LANES);
        std::int64_t e = first_r[g * LANES * T], of_step = e;
        for (std::int64_t t = 0; t < T; ++t, of_step = e) {
            first_gt[g * (T + 1) + t] = e;
            for (std::int64_t b = g * LANES; b < last; ++b)
                for (std::int64_t n = first_r[b * T + t]; n < first_r[b * T + t + 1]; ++n) {
                    std::int64_t& entry = entry_c[input_n[n]];
                    if (entry < of_step) {
                        entry = e++;
                        channel_e[entry] = input_n[n];
                        std::fill(value_el + entry * LANES, value_el + (entry + 1) * LANES, 0.0f);
                    }
                    value_el[entry * LANES + b - g * LANES] += value_n[n];
                }
        }
        first_gt[g * (T + 1) + T] = e;
    }
}

}  // extern "C"
