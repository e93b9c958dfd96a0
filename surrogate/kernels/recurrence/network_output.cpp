// The output layer of an ELM Network on a CPU: neurons with a linear update that listen to a layer, and not to one another.
// Compiled after network.cpp, eight sequences to the lanes as there.
//
// G groups, T steps, N neurons of the layer, O of the output layer, M memory units. table_nz: what a neuron of the layer adds
// to each of the O · M updates. numbers_ow: of each output neuron the weights of its own memory (M, M), kept memory first,
// then bias, kappa, gain and w_y (M each), and the bias of its activity.

extern "C" {

// d = tanh(table · a + bias + w · kept), kept = kappa · m_{t-1};  m = kept + gain · d;  y = w_y · m + bias. m_gtom
// (G, T + 1, O, M) holds the memory before the first step in its first place.
void network_output_forward(std::int64_t G, std::int64_t T, std::int64_t N, std::int64_t O, std::int64_t M,
                            const Lanes* a_gtn, const float* table_nz, const float* numbers_ow, Lanes* m_gtom,
                            Lanes* d_gtom, Lanes* y_gto, std::int64_t threads) {
    const std::int64_t Z = O * M;
#pragma omp parallel for num_threads(team(threads, G * T)) schedule(static)
    for (std::int64_t at = 0; at < G * T; ++at) {
        std::fill(d_gtom + at * Z, d_gtom + (at + 1) * Z, Lanes{});
        multiply(table_nz, a_gtn + at * N, d_gtom + at * Z, N, Z);
    }
#pragma omp parallel for num_threads(team(threads, G * O)) schedule(static)
    for (std::int64_t job = 0; job < G * O; ++job) {
        const std::int64_t g = job / O, o = job % O;
        const float *w = numbers_ow + o * (M * M + 4 * M + 1), *bias = w + M * M, *kappa = bias + M, *gain = kappa + M;
        const float* w_y = gain + M;
        for (std::int64_t t = 0; t < T; ++t) {
            const std::int64_t at = (g * T + t) * O + o;
            const Lanes* before = m_gtom + ((g * (T + 1) + t) * O + o) * M;
            Lanes *d = d_gtom + at * M, *m = m_gtom + ((g * (T + 1) + t + 1) * O + o) * M, y = all(w_y[M]);
            for (std::int64_t i = 0; i < M; ++i)
                for (std::int64_t j = 0; j < M; ++j) d[j] += w[i * M + j] * (kappa[i] * before[i]);
            for (std::int64_t i = 0; i < M; ++i) {
                d[i] = hyperbolic_tangent(d[i] + bias[i]);
                m[i] = kappa[i] * before[i] + gain[i] * d[i];
                y += w_y[i] * m[i];
            }
            y_gto[at] = y;
        }
    }
}

// Gradients of a_gtn, of the table and by group of the numbers, from that of y. of_m_gom: gradient of the memory after the
// last step, and in the end of that before the first. turned_zn: the transpose of the table.
void network_output_backward(std::int64_t G, std::int64_t T, std::int64_t N, std::int64_t O, std::int64_t M,
                             const Lanes* a_gtn, const float* turned_zn, const float* numbers_ow, const Lanes* m_gtom,
                             const Lanes* d_gtom, const Lanes* of_y_gto, Lanes* of_m_gom, Lanes* of_z_gtom, Lanes* of_a_gtn,
                             float* of_table_nz, float* of_numbers_gow, std::int64_t threads) {
    const std::int64_t Z = O * M, W = M * M + 4 * M + 1;
#pragma omp parallel for num_threads(team(threads, G * O)) schedule(static)
    for (std::int64_t job = 0; job < G * O; ++job) {
        const std::int64_t g = job / O, o = job % O;
        const float *w = numbers_ow + o * W, *kappa = w + M * M + M, *gain = kappa + M, *w_y = gain + M;
        std::vector<Lanes> sums(W);
        Lanes *of_w = sums.data(), *of_bias = of_w + M * M, *of_kappa = of_bias + M, *of_gain = of_kappa + M;
        Lanes *of_w_y = of_gain + M, *of_m = of_m_gom + job * M;
        for (std::int64_t t = T - 1; t >= 0; --t) {
            const std::int64_t at = (g * T + t) * O + o;
            const Lanes *before = m_gtom + ((g * (T + 1) + t) * O + o) * M, *m = before + Z, *d = d_gtom + at * M;
            const Lanes of_y = of_y_gto[at];
            Lanes* of_z = of_z_gtom + at * M;
            of_w_y[M] += of_y;
            for (std::int64_t i = 0; i < M; ++i) {
                of_m[i] += w_y[i] * of_y;
                of_w_y[i] += of_y * m[i];
                of_gain[i] += of_m[i] * d[i];
                of_z[i] = of_m[i] * gain[i] * (1 - d[i] * d[i]);
                of_bias[i] += of_z[i];
            }
            for (std::int64_t i = 0; i < M; ++i) {
                Lanes of_kept = of_m[i];
                for (std::int64_t j = 0; j < M; ++j) {
                    of_kept += w[i * M + j] * of_z[j];
                    of_w[i * M + j] += kappa[i] * before[i] * of_z[j];
                }
                of_kappa[i] += of_kept * before[i];
                of_m[i] = kappa[i] * of_kept;
            }
        }
        for (std::int64_t i = 0; i < W; ++i) of_numbers_gow[job * W + i] = lane_sum(sums[i]);
    }
#pragma omp parallel for num_threads(team(threads, G * T)) schedule(static)
    for (std::int64_t at = 0; at < G * T; ++at) {
        std::fill(of_a_gtn + at * N, of_a_gtn + (at + 1) * N, Lanes{});
        multiply(turned_zn, of_z_gtom + at * Z, of_a_gtn + at * N, Z, N);
    }
    const std::int64_t rows = LANES, blocks = (N + rows - 1) / rows;  // whose sums the first cache holds
#pragma omp parallel for num_threads(team(threads, blocks)) schedule(static)
    for (std::int64_t block = 0; block < blocks; ++block) {
        const std::int64_t first = block * rows, count = std::min(rows, N - first);
        std::vector<Lanes> of_rows(count * Z);
        for (std::int64_t at = 0; at < G * T; at += TOGETHER) {
            const std::int64_t steps = std::min(TOGETHER, G * T - at);
            outer(a_gtn + at * N + first, N, count, of_z_gtom + at * Z, Z, Z, steps, of_rows.data());
        }
        for (std::int64_t i = 0; i < count * Z; ++i) of_table_nz[first * Z + i] = lane_sum(of_rows[i]);
    }
}

}  // extern "C"
