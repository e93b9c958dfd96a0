// A layer of ELM neurons that listen to one another, on a CPU: see network_reference.py for the equations. Compiled after
// network_wiring.cpp, whose sizes and lanes these are.
//
// Neurons are in P parts, whatever the number of threads, and what two parts add to the same sum is added up in their order:
// results are the same for any number of threads.

#include <omp.h>

namespace {

inline Lanes positive(Lanes v) { return v < 0 ? all(0) : v; }  // NaN stays NaN

// out_ij += sum over steps of x_si · y_sj, some columns j of W.
template <int W>
void outer_columns(const Lanes* x, std::int64_t x_apart, std::int64_t n_x, const Lanes* y, std::int64_t y_apart,
                   std::int64_t n_y, std::int64_t steps, Lanes* out) {
    for (std::int64_t i = 0; i < n_x; ++i, out += n_y) {
        Lanes sum[W];
        for (int j = 0; j < W; ++j) sum[j] = out[j];
        for (std::int64_t s = 0; s < steps; ++s)
            for (int j = 0; j < W; ++j) sum[j] += x[s * x_apart + i] * y[s * y_apart + j];
        for (int j = 0; j < W; ++j) out[j] = sum[j];
    }
}

template <int... W>
constexpr auto outer_of_width(std::integer_sequence<int, W...>) {
    return std::array{outer_columns<W + 1>...};
}

inline void outer(const Lanes* x, std::int64_t x_apart, std::int64_t n_x, const Lanes* y, std::int64_t y_apart,
                  std::int64_t n_y, std::int64_t steps, Lanes* out) {
    static constexpr auto of_width = outer_of_width(std::make_integer_sequence<int, MOST_COLUMNS>{});
    by_columns(n_y, [&](std::int64_t j, std::int64_t width) {
        of_width[width - 1](x, x_apart, n_x, y + j, y_apart, n_y, steps, out + j);
    });
}

#ifdef __clang__
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PICK(a, b, ...) __builtin_shuffle(a, b, Ints{__VA_ARGS__})
#endif

// The sums over the lanes of eight vectors.
inline Lanes lane_sums(const Lanes* v) {
    Lanes pair[4], four[2];
    for (int i = 0; i < 4; ++i) {
        const Lanes a = v[2 * i], b = v[2 * i + 1];
        pair[i] = PICK(a, b, 0, 8, 1, 9, 4, 12, 5, 13) + PICK(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 2; ++i) {
        const Lanes a = pair[2 * i], b = pair[2 * i + 1];
        four[i] = PICK(a, b, 0, 1, 8, 9, 4, 5, 12, 13) + PICK(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
    return PICK(four[0], four[1], 0, 1, 2, 3, 8, 9, 10, 11) + PICK(four[0], four[1], 4, 5, 6, 7, 12, 13, 14, 15);
}

inline float lane_sum(Lanes v) {
    float total = 0;
    for (int lane = 0; lane < LANES; ++lane) total += v[lane];
    return total;
}

// What a neuron's synapses add to the gradients of the activity that they hear, and of their weights.
void hear_back(const Hearing* r, const Hearing* end, const float* of_x, const float* seen, float* of_seen, float* of_w) {
    for (; r < end; r += LANES, of_w += LANES) {
        Lanes product[LANES];
        for (int i = 0; i < LANES; ++i) {
            const Lanes of_branch = load(of_x + r[i].branch);
            store(load(of_seen + r[i].source) + r[i].w * of_branch, of_seen + r[i].source);
            product[i] = of_branch * load(seen + r[i].source);
        }
        store(load(of_w) + lane_sums(product), of_w);
    }
}

// Adds the sum over lanes of what it is given to a number, eight of them at once.
class LaneSums {
    Lanes waiting[LANES];
    float* number[LANES];
    int n = 0;

   public:
    void add(Lanes v, float* to) {
        waiting[n] = v;
        number[n] = to;
        if (++n == LANES) finish();
    }
    void finish() {
        const Lanes sums = lane_sums(waiting);
        for (int i = 0; i < n; ++i) *number[i] += sums[i];
        n = 0;
    }
};

// work(group, step, part, scratch) of all steps in order. Each thread has groups of its own where so there is work for
// as many threads; else all share out the parts of one group, and wait for one another after every step.
template <typename Work>
void step_by_step(const Listening& layer, std::int64_t n_scratch, std::int64_t threads, Work work) {
    const std::int64_t G = layer.G, P = layer.P;
    const bool alone = G >= std::min(threads, P);
#pragma omp parallel num_threads(team(threads, alone ? G : P))
    {
        const std::int64_t all = omp_get_num_threads(), me = omp_get_thread_num();
        const std::int64_t begin = alone ? 0 : P * me / all, end = alone ? P : P * (me + 1) / all;
        std::vector<Lanes> scratch(n_scratch);
        for (std::int64_t g = alone ? me : 0; g < G; g += alone ? all : 1)
            for (std::int64_t t = 0; t < layer.T; ++t) {
                for (std::int64_t part = begin; part < end; ++part) work(g, t, part, scratch.data());
                if (!alone) {
#pragma omp barrier
                }
            }
    }
}

constexpr std::int64_t TOGETHER = 8;  // steps whose products are added up in registers, at least
constexpr std::int64_t CACHED = 4096;  // vectors: 128 KB of what the neurons of a part read

}  // namespace

extern "C" {

// seen_gtn (G, T + 1, N) and m_gtnm (G, T + 1, N, M) hold what was before the first step in their first places; slow_gn
// holds it too, and in the end what is after the last. effort_gn: sum of |2u/3|. v_gtn: what the activity is made of.
void network_forward(const std::int64_t* sizes, const void* const* tables, float kappa_r, std::int64_t spiking,
                     const Lanes* mask_gn, Lanes* seen_gtn, Lanes* slow_gn, Lanes* m_gtnm, Lanes* a_gtnh, Lanes* d_gtnm,
                     Lanes* v_gtn, Lanes* activity_gtn, Lanes* effort_gn, std::int64_t threads) {
    const Listening layer(sizes, tables);
    const std::int64_t T = layer.T, N = layer.N, K = layer.K, M = layer.M, H = layer.H, X = layer.X;
    const std::int64_t n_read = layer.largest_part() * (X + 1);
    step_by_step(layer, n_read + H + 1, threads, [&](std::int64_t g, std::int64_t t, std::int64_t part, Lanes* x) {
        Lanes* h = x + n_read;
        layer.read(g, t, part, seen_gtn, m_gtnm, x);
        for (std::int64_t n = layer.first(part); n < layer.first(part + 1); ++n, x += X + 1) {
            const std::int64_t of_n = g * N + n, at = (g * T + t) * N + n, after = (g * (T + 1) + t + 1) * N + n;
            Lanes *a = a_gtnh + at * H, *d = d_gtnm + at * M, *m = m_gtnm + after * M;
            std::fill(a, a + H, Lanes{});
            multiply(layer.w_xh(n), x, a, X + 1, H);
            for (std::int64_t j = 0; j < H; ++j) h[j] = positive(a[j]) * positive(a[j]);
            h[H] = all(1);
            std::fill(d, d + M, Lanes{});
            multiply(layer.w_hm(n), h, d, H + 1, M);
            const float *gain = layer.gain(n), *w_y = layer.w_y(n);
            Lanes r{}, effort = effort_gn[of_n];
            for (std::int64_t i = 0; i < M; ++i) {
                effort += magnitude(d[i]);
                d[i] = hyperbolic_tangent(d[i]);
                m[i] = x[K + i] + gain[i] * d[i];
                r += w_y[i] * m[i];
            }
            effort_gn[of_n] = effort;
            slow_gn[of_n] = kappa_r * slow_gn[of_n] + (1 - kappa_r) * r;
            const Lanes v = r - slow_gn[of_n] + layer.bias(n);
            const Lanes activity = spiking ? (v > 0 ? all(1) : all(0)) + (v - v) : positive(v);  // NaN stays NaN
            v_gtn[at] = v;
            activity_gtn[at] = activity;
            seen_gtn[after] = mask_gn[of_n] * activity;
        }
    });
}

// From the gradients of activity and effort: those before the hidden layer and before the tanh of every step, those of the
// weights of synapses by group (of_w_gr, of_w_gf) and of each neuron's kappa, gain, w_y and bias (of_own, 3M + 1 by group
// and neuron), and with of_value_pe not null that of the input, by part. of_slow_gn, of_m_gnm: gradient of what is after
// the last step, and in the end of what was before the first. turned_nw: the transposes of w_xh and w_hm without their
// biases. All sums start from what they hold.
void network_backward(const std::int64_t* sizes, const void* const* tables, const float* turned_nw, float kappa_r,
                      std::int64_t spiking, float slope, const Lanes* mask_gn, const Lanes* seen_gtn, const Lanes* m_gtnm,
                      const Lanes* a_gtnh, const Lanes* d_gtnm, const Lanes* v_gtn, const Lanes* of_activity_gtn,
                      const Lanes* of_effort_gn, Lanes* of_slow_gn, Lanes* of_m_gnm, Lanes* of_start_gn, Lanes* of_a_gtnh,
                      Lanes* of_z_gtnm, float* of_w_gr, float* of_w_gf, Lanes* of_own_gn, Lanes* of_value_pe,
                      std::int64_t threads) {
    const Listening layer(sizes, tables);
    const std::int64_t G = layer.G, T = layer.T, N = layer.N, K = layer.K, M = layer.M, H = layer.H, P = layer.P;
    const std::int64_t X = layer.X, n_read = layer.largest_part() * (X + 1), n_own = 3 * M + 1;
    const std::int64_t R = layer.first_n[N], F = layer.first_cp[P * layer.C], E = layer.first_gt[G * (T + 1) - 1];
    // What each part adds to the gradient of each neuron's activity in a step: of this step, and of the one after it.
    std::vector<Lanes> heard(G * 2 * P * N);
    const auto of_part = [&](std::int64_t g, std::int64_t t, std::int64_t part) {
        return heard.data() + ((g * 2 + t % 2) * P + part) * N;
    };
    step_by_step(layer, n_read, threads, [&](std::int64_t g, std::int64_t back, std::int64_t part, Lanes* of_x) {
        const std::int64_t t = T - 1 - back, begin = layer.first(part), end = layer.first(part + 1);
        Lanes* of_seen = of_part(g, t, part);
        std::fill(of_seen, of_seen + N, Lanes{});
        LaneSums sums;
        const Lanes* seen = seen_gtn + (g * (T + 1) + t) * N;
        for (std::int64_t n = begin; n < end; ++n) {
            const std::int64_t of_n = g * N + n, at = (g * T + t) * N + n;
            Lanes later{};
            for (std::int64_t p = 0; p < P; ++p) later += of_part(g, t + 1, p)[n];
            const Lanes of_activity = of_activity_gtn[at] + mask_gn[of_n] * later, v = v_gtn[at];
            const Lanes steep = slope * magnitude(v) + 1;
            const Lanes of_v = spiking ? of_activity / (steep * steep) : (v > 0 ? of_activity : all(0));
            const Lanes of_slow = of_slow_gn[of_n] - of_v, of_r = of_v + (1 - kappa_r) * of_slow;
            of_slow_gn[of_n] = kappa_r * of_slow;

            const Lanes *d = d_gtnm + at * M, *a = a_gtnh + at * H;
            const Lanes *before = m_gtnm + ((g * (T + 1) + t) * N + n) * M, *m = before + N * M;
            Lanes *of_z = of_z_gtnm + at * M, *of_a = of_a_gtnh + at * H;
            Lanes *of_m = of_m_gnm + of_n * M, *of_kappa = of_own_gn + of_n * n_own, *of_gain = of_kappa + M;
            Lanes *of_w_y = of_gain + M, *of_read = of_x + (n - begin) * (X + 1);
            const float *kappa = layer.kappa(n), *gain = layer.gain(n), *w_y = layer.w_y(n);
            const float *w_hx = turned_nw + n * (H * X + M * H), *w_mh = w_hx + H * X;
            of_w_y[M] += of_v;
            for (std::int64_t i = 0; i < M; ++i) {
                of_m[i] += w_y[i] * of_r;
                of_w_y[i] += of_r * m[i];
                of_gain[i] += of_m[i] * d[i];
                const Lanes sign = d[i] > 0 ? of_effort_gn[of_n] : (d[i] < 0 ? -of_effort_gn[of_n] : all(0));
                of_z[i] = of_m[i] * gain[i] * (1 - d[i] * d[i]) + sign;
            }
            std::fill(of_a, of_a + H, Lanes{});
            multiply(w_mh, of_z, of_a, M, H);
            for (std::int64_t j = 0; j < H; ++j) of_a[j] *= 2 * positive(a[j]);
            std::fill(of_read, of_read + X, Lanes{});
            multiply(w_hx, of_a, of_read, H, X);
            for (std::int64_t i = 0; i < M; ++i) {
                const Lanes of_kept = of_m[i] + of_read[K + i];
                of_kappa[i] += of_kept * before[i];
                of_m[i] = kappa[i] * of_kept;
            }
            const std::int64_t r = layer.first_n[n];
            hear_back(layer.hearing + r, layer.hearing + layer.first_n[n + 1], reinterpret_cast<float*>(of_read),
                      reinterpret_cast<const float*>(seen), reinterpret_cast<float*>(of_seen), of_w_gr + g * R + r);
        }
        const float* const of_branches = reinterpret_cast<float*>(of_x);
        layer.entries(g, t, part, [&](std::int64_t e, const Feeding* fed, const Feeding* last) {
            const Lanes value = load(layer.value_e + e * LANES);
            float* of_w = of_w_gf + g * F + (fed - layer.feeding);
            Lanes of_value{};
            for (; fed < last; ++fed, ++of_w) {
                const Lanes of_branch = load(of_branches + fed->place);
                sums.add(of_branch * value, of_w);
                of_value += of_branch * fed->w;
            }
            if (of_value_pe) of_value_pe[part * E + e] += of_value;
        });
        sums.finish();
    });
    for (std::int64_t g = 0; g < G; ++g)
        for (std::int64_t n = 0; n < N; ++n) {
            Lanes first{};
            for (std::int64_t p = 0; p < P; ++p) first += of_part(g, 0, p)[n];
            of_start_gn[g * N + n] = mask_gn[g * N + n] * first;
        }
}

// Gradients of w_xh and w_hm, with their biases, from what `network_backward` has left: products over all steps.
void network_weights(const std::int64_t* sizes, const void* const* tables, const Lanes* seen_gtn, const Lanes* m_gtnm,
                     const Lanes* a_gtnh, const Lanes* of_a_gtnh, const Lanes* of_z_gtnm, float* of_weights_nw,
                     std::int64_t threads) {
    const Listening layer(sizes, tables);
    const std::int64_t G = layer.G, T = layer.T, N = layer.N, M = layer.M, H = layer.H, P = layer.P, X = layer.X;
    const std::int64_t n_into = (X + 1) * H, n_weights = n_into + (H + 1) * M;
#pragma omp parallel for num_threads(team(threads, P)) schedule(static)
    for (std::int64_t part = 0; part < P; ++part) {
        const std::int64_t begin = layer.first(part), n_neurons = layer.first(part + 1) - begin, apart = n_neurons * (X + 1);
        const std::int64_t together = std::max(TOGETHER, CACHED / apart);
        std::vector<Lanes> x(together * apart), h(together * (H + 1)), of_weights(n_neurons * n_weights);
        for (std::int64_t g = 0; g < G; ++g)
            for (std::int64_t t = 0; t < T; t += together) {
                const std::int64_t steps = std::min(together, T - t);
                for (std::int64_t s = 0; s < steps; ++s) layer.read(g, t + s, part, seen_gtn, m_gtnm, &x[s * apart]);
                for (std::int64_t i = 0; i < n_neurons; ++i) {
                    const std::int64_t at = (g * T + t) * N + begin + i;
                    for (std::int64_t s = 0; s < steps; ++s) {
                        for (std::int64_t j = 0; j < H; ++j) {
                            const Lanes a = positive(a_gtnh[(at + s * N) * H + j]);
                            h[s * (H + 1) + j] = a * a;
                        }
                        h[s * (H + 1) + H] = all(1);
                    }
                    Lanes* of_n = &of_weights[i * n_weights];
                    outer(&x[i * (X + 1)], apart, X + 1, of_a_gtnh + at * H, N * H, H, steps, of_n);
                    outer(h.data(), H + 1, H + 1, of_z_gtnm + at * M, N * M, M, steps, of_n + n_into);
                }
            }
        for (std::int64_t i = 0; i < n_neurons * n_weights; ++i)
            of_weights_nw[begin * n_weights + i] = lane_sum(of_weights[i]);
    }
}

}  // extern "C"
