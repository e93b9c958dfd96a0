// The ELM recurrence on a CPU: see README.md for the equations, reference.py for the truth.
//
// Four windows side by side, and eight units of each to a vector register: a weight that is read serves four windows, and a
// batch of eight is work for two threads. (gates.cpp has a window to each lane.) Arrays are C-contiguous float32, windows
// first. N models of one size, B windows of each, T bins, S inputs, K branches, H hidden units, M memory units.
//
// A sequence may come in pieces: `start` is the state before the first bin, zeros where it is rest.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

constexpr int LANES = 8;
typedef float Lanes __attribute__((vector_size(4 * LANES)));
typedef std::int32_t Ints __attribute__((vector_size(4 * LANES)));

inline Lanes all(float value) { return Lanes{} + value; }

// e to the power of v, for v in [-87, 0]: 2^k times a Taylor polynomial in the rest, within ±ln(2)/2 (error 1e-7).
inline Lanes exponential(Lanes v) {
    const Lanes shifted = v * 1.44269504f + 12582912.0f;  // 1.5 · 2^23: what is added to it is rounded to an integer
    const Lanes k = shifted - 12582912.0f;
    const Lanes r = (v - k * 0.693359375f) + k * 2.12194440e-4f;  // ln 2 in two parts
    Lanes p = all(1.0f / 5040);
    for (const float c : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) p = p * r + c;
    const Ints bits = (__builtin_convertvector(k, Ints) + 127) << 23;
    return p * (Lanes)bits;  // GCC and clang: a vector's cast keeps the bits
}

// NaN stays NaN in all of these: its comparisons are false.
inline Lanes at_most(Lanes v, float limit) { return v > limit ? all(limit) : v; }
inline Lanes magnitude(Lanes v) { return v < 0 ? -v : v; }

inline Lanes hyperbolic_tangent(Lanes v) {
    const Lanes a = at_most(magnitude(v), 9.2f);
    const Lanes e = exponential(-2 * a);
    const Lanes far = (1 - e) / (1 + e), squared = a * a;
    const Lanes near = a * (1 - squared * (1.0f / 3 - squared * (2.0f / 15 - squared * (17.0f / 315))));
    const Lanes y = a < 0.2f ? near : far;
    return v < 0 ? -y : y;
}

inline Lanes sigmoid(Lanes v) {
    const Lanes e = exponential(-at_most(magnitude(v), 80.0f));
    return (v < 0 ? e : all(1.0f)) / (1 + e);
}

enum Activation { RELU = 0, SILU = 1 };

inline Lanes activate(Lanes a, std::int64_t activation) { return activation == SILU ? a * sigmoid(a) : (a < 0 ? all(0) : a); }

inline Lanes slope(Lanes a, std::int64_t activation) {
    if (activation == SILU) {
        const Lanes s = sigmoid(a);
        return s * (1 + a * (1 - s));
    }
    return a > 0 ? all(1) : all(0);
}

constexpr int MOST_COLUMNS = 12;  // whose sums stay in registers, beside what they are made of

// Columns in blocks that are as even as can be: work(first, how many).
template <typename Work>
inline void by_columns(std::int64_t n, Work work) {
    const std::int64_t blocks = (n + MOST_COLUMNS - 1) / MOST_COLUMNS;
    for (std::int64_t block = 0; block < blocks; ++block) {
        const std::int64_t first = n * block / blocks;
        work(first, n * (block + 1) / blocks - first);
    }
}

template <int W>
void multiply_columns(const float* weight, const Lanes* x, Lanes* out, std::int64_t n_in, std::int64_t n_out) {
    Lanes sum[W];
    for (int k = 0; k < W; ++k) sum[k] = out[k];
    for (std::int64_t i = 0; i < n_in; ++i, weight += n_out)
        for (int k = 0; k < W; ++k) sum[k] += weight[k] * x[i];
    for (int k = 0; k < W; ++k) out[k] = sum[k];
}

template <int... W>
constexpr auto multiply_of_width(std::integer_sequence<int, W...>) {
    return std::array{multiply_columns<W + 1>...};
}

// out_n += sum over i of weight_in · x_i; the weight's rows are those of x.
inline void multiply(const float* weight, const Lanes* x, Lanes* out, std::int64_t n_in, std::int64_t n_out) {
    static constexpr auto of_width = multiply_of_width(std::make_integer_sequence<int, MOST_COLUMNS>{});
    by_columns(n_out, [&](std::int64_t n, std::int64_t width) { of_width[width - 1](weight + n, x, out + n, n_in, n_out); });
}

// A bin of up to eight windows between their arrays and the lanes; lanes without a window hold zeros.
inline void gather(const float* from, std::int64_t stride, std::int64_t n, int lanes, Lanes* to) {
    std::memset(static_cast<void*>(to), 0, sizeof(Lanes) * n);
    for (int lane = 0; lane < lanes; ++lane)
        for (std::int64_t i = 0; i < n; ++i) to[i][lane] = from[lane * stride + i];
}

inline void scatter(const Lanes* from, std::int64_t n, int lanes, float* to, std::int64_t stride) {
    for (int lane = 0; lane < lanes; ++lane)
        for (std::int64_t i = 0; i < n; ++i) to[lane * stride + i] = from[i][lane];
}

constexpr int WINDOWS = 4;  // of a model that go together

inline std::int64_t padded(std::int64_t n) { return (n + LANES - 1) / LANES * LANES; }

// A weight's columns, sixteen at a time and at the end eight, rows after one another: what is read is one stream. Zeros
// stand beside the last columns.
struct Columns {
    std::int64_t n_in, n_out;
    std::vector<float> weight;

    Columns(const float* weight_io, std::int64_t n_in, std::int64_t n_out)
        : n_in(n_in), n_out(padded(n_out)), weight(n_in * padded(n_out)) {
        float* to = weight.data();
        for (std::int64_t n = 0, width; n < this->n_out; n += width) {
            width = std::min<std::int64_t>(2 * LANES, this->n_out - n);
            for (std::int64_t i = 0; i < n_in; ++i, to += width)
                for (std::int64_t k = 0; k < std::min(width, n_out - n); ++k) to[k] = weight_io[i * n_out + n + k];
        }
    }
};

typedef float Unaligned __attribute__((vector_size(4 * LANES), aligned(4)));

inline Lanes load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
inline void store(Lanes v, float* to) { *reinterpret_cast<Unaligned*>(to) = v; }

// out_wn += sum over i of weight_in · x_wi for G windows and one block of columns; rows of x and out lie n_in and n_out apart.
template <int G, int VECTORS>
inline const float* block(const float* weight, const float* x, float* out, std::int64_t n_in, std::int64_t x_apart,
                          std::int64_t out_apart) {
    Lanes sum[G][VECTORS];
    for (int g = 0; g < G; ++g)
        for (int v = 0; v < VECTORS; ++v) sum[g][v] = load(out + g * out_apart + v * LANES);
    for (std::int64_t i = 0; i < n_in; ++i, weight += VECTORS * LANES)
        for (int v = 0; v < VECTORS; ++v) {
            const Lanes w = load(weight + v * LANES);
            for (int g = 0; g < G; ++g) sum[g][v] += w * x[g * x_apart + i];
        }
    for (int g = 0; g < G; ++g)
        for (int v = 0; v < VECTORS; ++v) store(sum[g][v], out + g * out_apart + v * LANES);
    return weight;
}

template <int G>
inline void product(const Columns& columns, const float* x, std::int64_t x_apart, float* out) {
    const float* weight = columns.weight.data();
    std::int64_t n = 0;
    for (; n + 2 * LANES <= columns.n_out; n += 2 * LANES)
        weight = block<G, 2>(weight, x, out + n, columns.n_in, x_apart, columns.n_out);
    if (n < columns.n_out) block<G, 1>(weight, x, out + n, columns.n_in, x_apart, columns.n_out);
}

// Units of some windows, each window's padded with zeros to whole vectors.
struct Units {
    std::int64_t n, apart;
    std::vector<float> values;

    Units(int windows, std::int64_t n) : n(n), apart(padded(n)), values(windows * apart) {}
    float* data() { return values.data(); }
    Lanes operator[](std::int64_t at) const { return load(values.data() + at); }
    void set(std::int64_t at, Lanes lanes) { store(lanes, values.data() + at); }
    // A bin of each window, the windows of an array lying `stride` apart.
    void read(const float* from, std::int64_t stride) {
        for (std::size_t w = 0; w * apart < values.size(); ++w) std::memcpy(&values[w * apart], from + w * stride, 4 * n);
    }
    void write(float* to, std::int64_t stride) const {
        for (std::size_t w = 0; w * apart < values.size(); ++w) std::memcpy(to + w * stride, &values[w * apart], 4 * n);
    }
    void repeat(const float* of_model) { read(of_model, 0); }
};

// Threads for so many jobs: one that has none would only wait, and waiting threads spin.
inline int team(std::int64_t threads, std::int64_t jobs) {
    return static_cast<int>(std::max<std::int64_t>(1, std::min(threads, jobs)));
}

// For up to four windows of a model at a time, in parallel: work(model, first window, how many as a constant).
template <typename Work>
inline void by_fours(std::int64_t N, std::int64_t B, std::int64_t threads, Work work) {
    const std::int64_t blocks = (B + WINDOWS - 1) / WINDOWS;
#pragma omp parallel for num_threads(team(threads, N * blocks)) schedule(static)
    for (std::int64_t job = 0; job < N * blocks; ++job) {
        const std::int64_t n = job / blocks, of_block = job % blocks * WINDOWS, first = n * B + of_block;
        switch (std::min<std::int64_t>(WINDOWS, B - of_block)) {
            case 1: work(n, first, std::integral_constant<int, 1>{}); break;
            case 2: work(n, first, std::integral_constant<int, 2>{}); break;
            case 3: work(n, first, std::integral_constant<int, 3>{}); break;
            default: work(n, first, std::integral_constant<int, 4>{});
        }
    }
}

}  // namespace

extern "C" {

// Branch states b_nbtk from events: event e, in the order of bins, adds value_e · weight_nsk[n, input_e] to row_e, which
// counts the bins of all windows of all models, and b_t = kappa · b_{t-1} + drive_t. first_w: the first event of each
// window, and the number of all.
void branch_forward(std::int64_t N, std::int64_t B, std::int64_t T, std::int64_t S, std::int64_t K,
                    const std::int64_t* first_w, const std::int32_t* row_e, const std::int32_t* input_e,
                    const float* value_e, const float* weight_nsk, const float* kappa_k, const float* start_nbk,
                    float* b_nbtk, std::int64_t threads) {
#pragma omp parallel for num_threads(team(threads, N * B)) schedule(static)
    for (std::int64_t w = 0; w < N * B; ++w) {
        const float* weight_sk = weight_nsk + w / B * S * K;
        std::memset(b_nbtk + w * T * K, 0, sizeof(float) * T * K);
        for (std::int64_t e = first_w[w]; e < first_w[w + 1]; ++e) {
            const float value = value_e[e], *weight = weight_sk + input_e[e] * K;
            float* row = b_nbtk + row_e[e] * K;
            for (std::int64_t k = 0; k < K; ++k) row[k] += value * weight[k];
        }
        for (std::int64_t t = 0; t < T; ++t) {
            float* row = b_nbtk + (w * T + t) * K;
            const float* before = t ? row - K : start_nbk + w * K;
            for (std::int64_t k = 0; k < K; ++k) row[k] += kappa_k[k] * before[k];
        }
    }
}

// Gradient of weight_nsk; gradient_nbtk, that of the branch states, becomes that of the drive. Windows are summed in
// order, into P parts for each model (N, P, S, K), so the result does not depend on the number of threads.
void branch_backward(std::int64_t N, std::int64_t B, std::int64_t T, std::int64_t S, std::int64_t K, std::int64_t P,
                     const std::int64_t* first_w, const std::int32_t* row_e, const std::int32_t* input_e,
                     const float* value_e, const float* kappa_k, float* gradient_nbtk, float* parts,
                     std::int64_t threads) {
#pragma omp parallel for num_threads(team(threads, N * P)) schedule(static)
    for (std::int64_t job = 0; job < N * P; ++job) {
        const std::int64_t end = (job / P + 1) * B;
        float* part = parts + job * S * K;
        std::memset(part, 0, sizeof(float) * S * K);
        for (std::int64_t w = job / P * B + job % P; w < end; w += P) {
            for (std::int64_t t = T - 2; t >= 0; --t) {
                float* row = gradient_nbtk + (w * T + t) * K;
                for (std::int64_t k = 0; k < K; ++k) row[k] += kappa_k[k] * row[k + K];
            }
            for (std::int64_t e = first_w[w]; e < first_w[w + 1]; ++e) {
                const float value = value_e[e], *row = gradient_nbtk + row_e[e] * K;
                float* weight = part + input_e[e] * K;
                for (std::int64_t k = 0; k < K; ++k) weight[k] += value * row[k];
            }
        }
    }
}

// Memory of every bin from the branches' share of the hidden layer, drive_nbth (bias included), up to four windows of
// one model at a time; every weight and constant has the model as its first index:
//   a_t = drive_t + kept · w_mh, kept = kappa · m_{t-1};  d_t = tanh(bias + act(a_t) · w_hm);  m_t = kept + gain · d_t
void memory_forward(std::int64_t N, std::int64_t B, std::int64_t T, std::int64_t H, std::int64_t M,
                    const float* drive_nbth, const float* w_nmh, const float* w_nhm, const float* bias_nm,
                    const float* kappa_nm, const float* gain_nm, const float* start_nbm, std::int64_t activation,
                    float* a_nbth, float* d_nbtm, float* m_nbtm, std::int64_t threads) {
    by_fours(N, B, threads, [&](std::int64_t n, std::int64_t first, auto windows) {
        constexpr int G = decltype(windows)::value;
        const Columns w_mh(w_nmh + n * M * H, M, H), w_hm(w_nhm + n * H * M, H, M);
        Units m(G, M), d(G, M), a(G, H), h(G, H), bias(G, M), kappa(G, M), gain(G, M);
        bias.repeat(bias_nm + n * M), kappa.repeat(kappa_nm + n * M), gain.repeat(gain_nm + n * M);
        m.read(start_nbm + first * M, M);
        const std::int64_t of_m = G * m.apart, of_h = G * a.apart;
        for (std::int64_t t = 0; t < T; ++t) {
            const std::int64_t at_h = (first * T + t) * H, at_m = (first * T + t) * M;
            for (std::int64_t i = 0; i < of_m; i += LANES) {
                m.set(i, m[i] * kappa[i]);
                d.set(i, bias[i]);
            }
            a.read(drive_nbth + at_h, T * H);
            product<G>(w_mh, m.data(), m.apart, a.data());
            for (std::int64_t j = 0; j < of_h; j += LANES) h.set(j, activate(a[j], activation));
            product<G>(w_hm, h.data(), h.apart, d.data());
            for (std::int64_t i = 0; i < of_m; i += LANES) {
                d.set(i, hyperbolic_tangent(d[i]));
                m.set(i, m[i] + gain[i] * d[i]);
            }
            a.write(a_nbth + at_h, T * H);
            d.write(d_nbtm + at_m, T * M);
            m.write(m_nbtm + at_m, T * M);
        }
    });
}

// From the gradient of m_nbtm: that of a_nbth (and so of the drive), that before the tanh, that of the start, and by
// window kappa's and gain's. The weights here are the transposes: w_nhm (N, H, M) reads the memory, w_nmh (N, M, H)
// writes it.
void memory_backward(std::int64_t N, std::int64_t B, std::int64_t T, std::int64_t H, std::int64_t M,
                     const float* gradient_nbtm, const float* w_nhm, const float* w_nmh, const float* kappa_nm,
                     const float* gain_nm, const float* start_nbm, std::int64_t activation, const float* a_nbth,
                     const float* d_nbtm, const float* m_nbtm, float* before_nbth, float* before_nbtm,
                     float* of_start_nbm, float* of_kappa_nbm, float* of_gain_nbm, std::int64_t threads) {
    by_fours(N, B, threads, [&](std::int64_t n, std::int64_t first, auto windows) {
        constexpr int G = decltype(windows)::value;
        const Columns w_hm(w_nhm + n * H * M, H, M), w_mh(w_nmh + n * M * H, M, H);
        Units carried(G, M), g(G, M), d(G, M), before(G, M), past(G, M), of_kappa(G, M), of_gain(G, M);
        Units a(G, H), of_a(G, H), kappa(G, M), gain(G, M);
        kappa.repeat(kappa_nm + n * M), gain.repeat(gain_nm + n * M);
        const std::int64_t of_m = G * g.apart, of_h = G * a.apart;
        for (std::int64_t t = T - 1; t >= 0; --t) {
            const std::int64_t at_h = (first * T + t) * H, at_m = (first * T + t) * M;
            g.read(gradient_nbtm + at_m, T * M);
            d.read(d_nbtm + at_m, T * M);
            a.read(a_nbth + at_h, T * H);
            if (t)
                past.read(m_nbtm + at_m - M, T * M);
            else
                past.read(start_nbm + first * M, M);
            for (std::int64_t i = 0; i < of_m; i += LANES) {
                g.set(i, g[i] + carried[i]);
                of_gain.set(i, of_gain[i] + g[i] * d[i]);
                before.set(i, g[i] * gain[i] * (1 - d[i] * d[i]));
            }
            std::fill(of_a.values.begin(), of_a.values.end(), 0.0f);
            product<G>(w_mh, before.data(), before.apart, of_a.data());
            for (std::int64_t j = 0; j < of_h; j += LANES) of_a.set(j, of_a[j] * slope(a[j], activation));
            product<G>(w_hm, of_a.data(), of_a.apart, g.data());
            for (std::int64_t i = 0; i < of_m; i += LANES) {
                of_kappa.set(i, of_kappa[i] + g[i] * past[i]);
                carried.set(i, g[i] * kappa[i]);
            }
            of_a.write(before_nbth + at_h, T * H);
            before.write(before_nbtm + at_m, T * M);
        }
        carried.write(of_start_nbm + first * M, M);
        of_kappa.write(of_kappa_nbm + first * M, M);
        of_gain.write(of_gain_nbm + first * M, M);
    });
}

}  // extern "C"
