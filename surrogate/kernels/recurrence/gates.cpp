// LSTM and GRU on a CPU, eight windows to the lanes as in kernel.cpp, after which this is compiled.
//
// drive_btg is what input and its bias add to each gate, in PyTorch's order. What the gradient needs is kept as it lies in
// the lanes: kept_kt is of a group of eight windows and a bin. B windows, T bins, C cells, G gates' cells (4C or 3C).

namespace {

// For each group of windows in parallel: work(first window, windows, what is kept of the group).
template <typename Work>
inline void by_groups(std::int64_t B, std::int64_t T, std::int64_t n_kept, float* kept, std::int64_t threads, Work work) {
#pragma omp parallel for num_threads(team(threads, (B + LANES - 1) / LANES)) schedule(static)
    for (std::int64_t first = 0; first < B; first += LANES) {
        const int lanes = static_cast<int>(std::min<std::int64_t>(LANES, B - first));
        work(first, lanes, reinterpret_cast<Lanes*>(kept) + first / LANES * T * n_kept);
    }
}

}  // namespace

extern "C" {

// i, f, o = sigmoid, g = tanh of drive + W h_{t-1};  c_t = f c_{t-1} + i g;  h_t = o tanh(c_t). w_cg: W, transposed.
// start_h, start_c: before the first bin; last_c: after the last. kept: i, f, g, o, tanh(c_t), c_{t-1}, each of C cells.
void lstm_forward(std::int64_t B, std::int64_t T, std::int64_t C, const float* drive_btg, const float* w_cg,
                  const float* start_h_bc, const float* start_c_bc, float* kept, float* h_btc, float* last_c_bc,
                  std::int64_t threads) {
    by_groups(B, T, 6 * C, kept, threads, [&](std::int64_t first, int lanes, Lanes* at) {
        std::vector<Lanes> h(C), c(C), a(4 * C);
        gather(start_h_bc + first * C, C, C, lanes, h.data());
        gather(start_c_bc + first * C, C, C, lanes, c.data());
        for (std::int64_t t = 0; t < T; ++t, at += 6 * C) {
            gather(drive_btg + (first * T + t) * 4 * C, T * 4 * C, 4 * C, lanes, a.data());
            multiply(w_cg, h.data(), a.data(), C, 4 * C);
            for (std::int64_t n = 0; n < C; ++n) {
                const Lanes i = sigmoid(a[n]), f = sigmoid(a[C + n]), g = hyperbolic_tangent(a[2 * C + n]);
                const Lanes o = sigmoid(a[3 * C + n]), before = c[n];
                c[n] = f * before + i * g;
                const Lanes shown = hyperbolic_tangent(c[n]);
                h[n] = o * shown;
                at[n] = i;
                at[C + n] = f;
                at[2 * C + n] = g;
                at[3 * C + n] = o;
                at[4 * C + n] = shown;
                at[5 * C + n] = before;
            }
            scatter(h.data(), C, lanes, h_btc + (first * T + t) * C, T * C);
        }
        scatter(c.data(), C, lanes, last_c_bc + first * C, C);
    });
}

// Gradients of drive_btg and the start from those of h_btc and last_c_bc. w_gc: W.
void lstm_backward(std::int64_t B, std::int64_t T, std::int64_t C, const float* gradient_btc, const float* of_last_c_bc,
                   const float* w_gc, float* kept, float* of_drive_btg, float* of_start_h_bc, float* of_start_c_bc,
                   std::int64_t threads) {
    by_groups(B, T, 6 * C, kept, threads, [&](std::int64_t first, int lanes, Lanes* from) {
        std::vector<Lanes> of_h(C, Lanes{}), of_c(C), given(C), of_a(4 * C);
        gather(of_last_c_bc + first * C, C, C, lanes, of_c.data());
        for (std::int64_t t = T - 1; t >= 0; --t) {
            const Lanes* at = from + t * 6 * C;
            gather(gradient_btc + (first * T + t) * C, T * C, C, lanes, given.data());
            for (std::int64_t n = 0; n < C; ++n) {
                const Lanes i = at[n], f = at[C + n], g = at[2 * C + n], o = at[3 * C + n], shown = at[4 * C + n];
                const Lanes by_h = of_h[n] + given[n], by_c = of_c[n] + by_h * o * (1 - shown * shown);
                of_a[n] = by_c * g * i * (1 - i);
                of_a[C + n] = by_c * at[5 * C + n] * f * (1 - f);
                of_a[2 * C + n] = by_c * i * (1 - g * g);
                of_a[3 * C + n] = by_h * shown * o * (1 - o);
                of_c[n] = by_c * f;
            }
            scatter(of_a.data(), 4 * C, lanes, of_drive_btg + (first * T + t) * 4 * C, T * 4 * C);
            std::fill(of_h.begin(), of_h.end(), Lanes{});
            multiply(w_gc, of_a.data(), of_h.data(), 4 * C, C);
        }
        scatter(of_h.data(), C, lanes, of_start_h_bc + first * C, C);
        scatter(of_c.data(), C, lanes, of_start_c_bc + first * C, C);
    });
}

// q = W h_{t-1} + bias;  r, z = sigmoid(drive + q);  n = tanh(drive + r q_n);  h_t = n + z (h_{t-1} - n). w_cg: W,
// transposed. start_bc: h before the first bin. kept: r, z, n, q_n, h_{t-1}, each of C cells.
void gru_forward(std::int64_t B, std::int64_t T, std::int64_t C, const float* drive_btg, const float* w_cg,
                 const float* bias_g, const float* start_bc, float* kept, float* h_btc, std::int64_t threads) {
    by_groups(B, T, 5 * C, kept, threads, [&](std::int64_t first, int lanes, Lanes* at) {
        std::vector<Lanes> h(C), drive(3 * C), q(3 * C);
        gather(start_bc + first * C, C, C, lanes, h.data());
        for (std::int64_t t = 0; t < T; ++t, at += 5 * C) {
            gather(drive_btg + (first * T + t) * 3 * C, T * 3 * C, 3 * C, lanes, drive.data());
            for (std::int64_t n = 0; n < 3 * C; ++n) q[n] = all(bias_g[n]);
            multiply(w_cg, h.data(), q.data(), C, 3 * C);
            for (std::int64_t i = 0; i < C; ++i) {
                const Lanes r = sigmoid(drive[i] + q[i]), z = sigmoid(drive[C + i] + q[C + i]);
                const Lanes n = hyperbolic_tangent(drive[2 * C + i] + r * q[2 * C + i]);
                at[i] = r;
                at[C + i] = z;
                at[2 * C + i] = n;
                at[3 * C + i] = q[2 * C + i];
                at[4 * C + i] = h[i];
                h[i] = n + z * (h[i] - n);
            }
            scatter(h.data(), C, lanes, h_btc + (first * T + t) * C, T * C);
        }
    });
}

// Gradients of drive_btg, of q_btg and of the start from that of h_btc. w_gc: W.
void gru_backward(std::int64_t B, std::int64_t T, std::int64_t C, const float* gradient_btc, const float* w_gc, float* kept,
                  float* of_drive_btg, float* of_q_btg, float* of_start_bc, std::int64_t threads) {
    by_groups(B, T, 5 * C, kept, threads, [&](std::int64_t first, int lanes, Lanes* from) {
        std::vector<Lanes> of_h(C, Lanes{}), given(C), of_drive(3 * C), of_q(3 * C);
        for (std::int64_t t = T - 1; t >= 0; --t) {
            const Lanes* at = from + t * 5 * C;
            gather(gradient_btc + (first * T + t) * C, T * C, C, lanes, given.data());
            for (std::int64_t i = 0; i < C; ++i) {
                const Lanes r = at[i], z = at[C + i], n = at[2 * C + i], by_h = of_h[i] + given[i];
                const Lanes by_n = by_h * (1 - z) * (1 - n * n);
                of_drive[i] = of_q[i] = by_n * at[3 * C + i] * r * (1 - r);
                of_drive[C + i] = of_q[C + i] = by_h * (at[4 * C + i] - n) * z * (1 - z);
                of_drive[2 * C + i] = by_n;
                of_q[2 * C + i] = by_n * r;
                of_h[i] = by_h * z;
            }
            scatter(of_drive.data(), 3 * C, lanes, of_drive_btg + (first * T + t) * 3 * C, T * 3 * C);
            scatter(of_q.data(), 3 * C, lanes, of_q_btg + (first * T + t) * 3 * C, T * 3 * C);
            multiply(w_gc, of_q.data(), of_h.data(), 3 * C, C);
        }
        scatter(of_h.data(), C, lanes, of_start_bc + first * C, C);
    });
}

}  // extern "C"
