// The ELM recurrence on a CPU: see README.md for the equations, reference.py for the truth.
//
// Eight windows side by side: each lane of a vector register is a window, so that nothing depends on the number of
// memory units, and every multiplication is a fused one on eight windows. Arrays are C-contiguous float32, windows
// first. N models of one size, B windows of each, T bins, S inputs, K branches, H hidden units, M memory units.

#include <algorithm>
#include <cstdint>
#include <cstring>
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

// out_n += sum over i of weight_in · x_i; the weight's rows are those of x, eight columns at a time in registers.
inline void multiply(const float* weight, const Lanes* x, Lanes* out, std::int64_t n_in, std::int64_t n_out) {
    std::int64_t n = 0;
    for (; n + 8 <= n_out; n += 8) {
        Lanes sum[8];
        for (int k = 0; k < 8; ++k) sum[k] = out[n + k];
        for (std::int64_t i = 0; i < n_in; ++i) {
            const float* w = weight + i * n_out + n;
            for (int k = 0; k < 8; ++k) sum[k] += w[k] * x[i];
        }
        for (int k = 0; k < 8; ++k) out[n + k] = sum[k];
    }
    for (; n < n_out; ++n) {
        Lanes sum = out[n];
        for (std::int64_t i = 0; i < n_in; ++i) sum += weight[i * n_out + n] * x[i];
        out[n] = sum;
    }
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

// Threads for so many jobs: one that has none would only wait, and waiting threads spin.
inline int team(std::int64_t threads, std::int64_t jobs) {
    return static_cast<int>(std::max<std::int64_t>(1, std::min(threads, jobs)));
}

}  // namespace

extern "C" {

// Branch states b_nbtk from events: event e, in the order of bins, adds value_e · weight_nsk[n, input_e] to row_e, which
// counts the bins of all windows of all models, and b_t = kappa · b_{t-1} + drive_t. first_w: the first event of each
// window, and the number of all.
void branch_forward(std::int64_t N, std::int64_t B, std::int64_t T, std::int64_t S, std::int64_t K,
                    const std::int64_t* first_w, const std::int32_t* row_e, const std::int32_t* input_e,
                    const float* value_e, const float* weight_nsk, const float* kappa_k, float* b_nbtk,
                    std::int64_t threads) {
#pragma omp parallel for num_threads(team(threads, N * B)) schedule(static)
    for (std::int64_t w = 0; w < N * B; ++w) {
        const float* weight_sk = weight_nsk + w / B * S * K;
        std::memset(b_nbtk + w * T * K, 0, sizeof(float) * T * K);
        for (std::int64_t e = first_w[w]; e < first_w[w + 1]; ++e) {
            const float value = value_e[e], *weight = weight_sk + input_e[e] * K;
            float* row = b_nbtk + row_e[e] * K;
            for (std::int64_t k = 0; k < K; ++k) row[k] += value * weight[k];
        }
        for (std::int64_t t = 1; t < T; ++t) {
            float* row = b_nbtk + (w * T + t) * K;
            for (std::int64_t k = 0; k < K; ++k) row[k] += kappa_k[k] * row[k - K];
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

// Memory of every bin from the branches' share of the hidden layer, drive_nbth (bias included), up to eight windows of
// one model at a time; every weight and constant has the model as its first index:
//   a_t = drive_t + kept · w_mh, kept = kappa · m_{t-1};  d_t = tanh(bias + act(a_t) · w_hm);  m_t = kept + gain · d_t
void memory_forward(std::int64_t N, std::int64_t B, std::int64_t T, std::int64_t H, std::int64_t M,
                    const float* drive_nbth, const float* w_nmh, const float* w_nhm, const float* bias_nm,
                    const float* kappa_nm, const float* gain_nm, std::int64_t activation, float* a_nbth, float* d_nbtm,
                    float* m_nbtm, std::int64_t threads) {
    const std::int64_t blocks = (B + LANES - 1) / LANES;
#pragma omp parallel for num_threads(team(threads, N * blocks)) schedule(static)
    for (std::int64_t job = 0; job < N * blocks; ++job) {
        const std::int64_t n = job / blocks, of_block = job % blocks * LANES, first = n * B + of_block;
        const int lanes = static_cast<int>(std::min<std::int64_t>(LANES, B - of_block));
        const float *w_mh = w_nmh + n * M * H, *w_hm = w_nhm + n * H * M;
        const float *bias_m = bias_nm + n * M, *kappa_m = kappa_nm + n * M, *gain_m = gain_nm + n * M;
        std::vector<Lanes> m(M), d(M), a(H), h(H);
        std::fill(m.begin(), m.end(), Lanes{});
        for (std::int64_t t = 0; t < T; ++t) {
            const std::int64_t of_h = (first * T + t) * H, of_m = (first * T + t) * M;
            for (std::int64_t i = 0; i < M; ++i) {
                m[i] *= kappa_m[i];
                d[i] = all(bias_m[i]);
            }
            gather(drive_nbth + of_h, T * H, H, lanes, a.data());
            multiply(w_mh, m.data(), a.data(), M, H);
            for (std::int64_t j = 0; j < H; ++j) h[j] = activate(a[j], activation);
            multiply(w_hm, h.data(), d.data(), H, M);
            for (std::int64_t i = 0; i < M; ++i) {
                d[i] = hyperbolic_tangent(d[i]);
                m[i] += gain_m[i] * d[i];
            }
            scatter(a.data(), H, lanes, a_nbth + of_h, T * H);
            scatter(d.data(), M, lanes, d_nbtm + of_m, T * M);
            scatter(m.data(), M, lanes, m_nbtm + of_m, T * M);
        }
    }
}

// From the gradient of m_nbtm: that of a_nbth (and so of the drive), that before the tanh, and by window kappa's and
// gain's. The weights here are the transposes: w_nhm (N, H, M) reads the memory, w_nmh (N, M, H) writes it.
void memory_backward(std::int64_t N, std::int64_t B, std::int64_t T, std::int64_t H, std::int64_t M,
                     const float* gradient_nbtm, const float* w_nhm, const float* w_nmh, const float* kappa_nm,
                     const float* gain_nm, std::int64_t activation, const float* a_nbth, const float* d_nbtm,
                     const float* m_nbtm, float* before_nbth, float* before_nbtm, float* of_kappa_nbm,
                     float* of_gain_nbm, std::int64_t threads) {
    const std::int64_t blocks = (B + LANES - 1) / LANES;
#pragma omp parallel for num_threads(team(threads, N * blocks)) schedule(static)
    for (std::int64_t job = 0; job < N * blocks; ++job) {
        const std::int64_t n = job / blocks, of_block = job % blocks * LANES, first = n * B + of_block;
        const int lanes = static_cast<int>(std::min<std::int64_t>(LANES, B - of_block));
        const float *w_hm = w_nhm + n * H * M, *w_mh = w_nmh + n * M * H;
        const float *kappa_m = kappa_nm + n * M, *gain_m = gain_nm + n * M;
        std::vector<Lanes> carried(M), g(M), d(M), before(M), past(M), of_kappa(M), of_gain(M), a(H), of_a(H);
        for (auto* each : {&carried, &of_kappa, &of_gain}) std::fill(each->begin(), each->end(), Lanes{});
        for (std::int64_t t = T - 1; t >= 0; --t) {
            const std::int64_t of_h = (first * T + t) * H, of_m = (first * T + t) * M;
            gather(gradient_nbtm + of_m, T * M, M, lanes, g.data());
            gather(d_nbtm + of_m, T * M, M, lanes, d.data());
            gather(a_nbth + of_h, T * H, H, lanes, a.data());
            if (t)
                gather(m_nbtm + of_m - M, T * M, M, lanes, past.data());
            else
                std::fill(past.begin(), past.end(), Lanes{});
            for (std::int64_t i = 0; i < M; ++i) {
                g[i] += carried[i];
                of_gain[i] += g[i] * d[i];
                before[i] = g[i] * gain_m[i] * (1 - d[i] * d[i]);
            }
            std::fill(of_a.begin(), of_a.end(), Lanes{});
            multiply(w_mh, before.data(), of_a.data(), M, H);
            for (std::int64_t j = 0; j < H; ++j) of_a[j] *= slope(a[j], activation);
            multiply(w_hm, of_a.data(), g.data(), H, M);
            for (std::int64_t i = 0; i < M; ++i) {
                of_kappa[i] += g[i] * past[i];
                carried[i] = g[i] * kappa_m[i];
            }
            scatter(of_a.data(), H, lanes, before_nbth + of_h, T * H);
            scatter(before.data(), M, lanes, before_nbtm + of_m, T * M);
        }
        scatter(of_kappa.data(), M, lanes, of_kappa_nbm + first * M, M);
        scatter(of_gain.data(), M, lanes, of_gain_nbm + first * M, M);
    }
}

}  // extern "C"
