// Causal convolution of input spikes: each event adds its input's kernel to the bins that follow it. Compiled after
// recurrence/kernel.cpp, of which it uses the vectors; here they are eight neighbouring channels of one bin.
//
// Arrays are C-contiguous float32. B windows, T bins, S inputs, C channels, K bins of kernel (the last is the newest),
// N events, in the order of bins. An event's bin is row_n = b·T + t.

namespace {

// For each number its first place among all, were they sorted by number; and how many there are.
inline std::vector<std::int64_t> firsts(const std::int32_t* number_n, std::int64_t n_events, std::int64_t n_numbers) {
    std::vector<std::int64_t> where(n_numbers + 1, 0);
    for (std::int64_t n = 0; n < n_events; ++n) ++where[number_n[n] + 1];
    for (std::int64_t k = 0; k < n_numbers; ++k) where[k + 1] += where[k];
    return where;
}

// to_c += sum over the events of value · from[place · stride + c], for a block of V·8 channels or of one.
template <int V>
inline void add_rows(const float* from, std::int64_t stride, const std::int32_t* place, const float* value,
                     std::int64_t count, float* to) {
    Lanes sum[V];
    for (int v = 0; v < V; ++v) sum[v] = load(to + v * LANES);
    for (std::int64_t n = 0; n < count; ++n) {
        const float* row = from + place[n] * stride;
        for (int v = 0; v < V; ++v) sum[v] += value[n] * load(row + v * LANES);
    }
    for (int v = 0; v < V; ++v) store(sum[v], to + v * LANES);
}

template <>
inline void add_rows<0>(const float* from, std::int64_t stride, const std::int32_t* place, const float* value,
                        std::int64_t count, float* to) {
    float sum = *to;
    for (std::int64_t n = 0; n < count; ++n) sum += value[n] * from[place[n] * stride];
    *to = sum;
}

// Calls work(add, c, width) for every block of channels.
template <typename Work>
inline void by_blocks(std::int64_t n_channels, Work work) {
    std::int64_t c = 0;
    for (; c + 8 * LANES <= n_channels; c += 8 * LANES) work(add_rows<8>, c, 8 * LANES);
    if (c + 4 * LANES <= n_channels) work(add_rows<4>, c, 4 * LANES), c += 4 * LANES;
    if (c + 2 * LANES <= n_channels) work(add_rows<2>, c, 2 * LANES), c += 2 * LANES;
    if (c + LANES <= n_channels) work(add_rows<1>, c, LANES), c += LANES;
    for (; c < n_channels; ++c) work(add_rows<0>, c, 1);
}

}  // namespace

extern "C" {

// y_t = bias + sum over k of weight_k · x_{t-(K-1)+k}. One bin of the kernel and one block of channels at a time, for
// whole windows: the block's weights of all inputs are a third of a MB, and stay near.
void spikes_forward(std::int64_t B, std::int64_t T, std::int64_t S, std::int64_t C, std::int64_t K, std::int64_t N,
                    const std::int32_t* row_n, const std::int32_t* input_n, const float* value_n, const float* weight_ksc,
                    const float* bias_c, float* y_btc, std::int64_t threads) {
    const auto first = firsts(row_n, N, B * T);
    const std::int64_t n_parts = team(threads, B);
#pragma omp parallel for num_threads(n_parts) schedule(static)
    for (std::int64_t part = 0; part < n_parts; ++part) {
        const std::int64_t from = B * part / n_parts, to = B * (part + 1) / n_parts;
        for (std::int64_t row = from * T; row < to * T; ++row) std::memcpy(y_btc + row * C, bias_c, sizeof(float) * C);
        by_blocks(C, [&](auto add, std::int64_t c, std::int64_t) {
            for (std::int64_t k = 0; k < K; ++k)
                for (std::int64_t b = from; b < to; ++b)
                    for (std::int64_t t = K - 1 - k; t < T; ++t) {
                        const std::int64_t seen = b * T + t - (K - 1 - k), at = first[seen], count = first[seen + 1] - at;
                        float* y = y_btc + (b * T + t) * C + c;
                        if (count) add(weight_ksc + k * S * C + c, C, input_n + at, value_n + at, count, y);
                    }
        });
    }
}

// Gradient of weight_ksc: for each input the sum over its events, in their order, whatever the number of threads.
void spikes_backward(std::int64_t B, std::int64_t T, std::int64_t S, std::int64_t C, std::int64_t K, std::int64_t N,
                     const std::int32_t* row_n, const std::int32_t* input_n, const float* value_n,
                     const float* gradient_btc, float* of_weight_ksc, std::int64_t threads) {
    const auto first = firsts(input_n, N, S);
    std::vector<std::int64_t> next(first.begin(), first.end() - 1);
    std::vector<std::int32_t> row(N), left(N);  // bin of the event, and how many follow it in its window
    std::vector<float> value(N);
    for (std::int64_t n = 0; n < N; ++n) {
        const std::int64_t at = next[input_n[n]]++;
        row[at] = row_n[n];
        left[at] = static_cast<std::int32_t>(T - 1 - row_n[n] % T);
        value[at] = value_n[n];
    }
#pragma omp parallel num_threads(team(threads, S))
    {
        std::vector<std::int32_t> reached(N);
        std::vector<float> weighing(N);
        by_blocks(C, [&](auto add, std::int64_t c, std::int64_t width) {
#pragma omp for schedule(static)
            for (std::int64_t s = 0; s < S; ++s)
                for (std::int64_t k = 0; k < K; ++k) {
                    const auto later = static_cast<std::int32_t>(K - 1 - k);
                    std::int64_t count = 0;
                    for (std::int64_t n = first[s]; n < first[s + 1]; ++n) {
                        reached[count] = row[n] + later;
                        weighing[count] = value[n];
                        count += later <= left[n];
                    }
                    float* sum = of_weight_ksc + (k * S + s) * C + c;
                    std::fill(sum, sum + width, 0.0f);
                    add(gradient_btc + c, C, reached.data(), weighing.data(), count, sum);
                }
        });
    }
}

}  // extern "C"
