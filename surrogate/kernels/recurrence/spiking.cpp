// A layer of leaky integrate-and-fire neurons on a CPU, eight neurons to a vector; spiking.py has the equations. Compiled
// after kernel.cpp. B windows, T bins, N neurons, a multiple of eight.

extern "C" {

// start_kept_bn, start_trace_bn: before the first bin; kept_bn: after the last one.
void spiking_forward(std::int64_t B, std::int64_t T, std::int64_t N, const float* drive_btn, const float* leak_n,
                     float trace_leak, const float* start_kept_bn, const float* start_trace_bn, float* v_btn,
                     float* trace_btn, float* kept_bn, std::int64_t threads) {
#pragma omp parallel for num_threads(team(threads, B)) schedule(static)
    for (std::int64_t b = 0; b < B; ++b)
        for (std::int64_t n = 0; n < N; n += LANES) {
            Lanes kept = load(start_kept_bn + b * N + n), trace = load(start_trace_bn + b * N + n);
            const Lanes leak = load(leak_n + n);
            for (std::int64_t t = 0; t < T; ++t) {
                const std::int64_t at = (b * T + t) * N + n;
                const Lanes v = leak * kept + load(drive_btn + at), spike = v > 1 ? all(1) : all(0);
                trace = trace_leak * trace + spike;
                kept = v - spike * v;
                store(v, v_btn + at);
                store(trace, trace_btn + at);
            }
            store(kept, kept_bn + b * N + n);
        }
}

// Gradients of drive, of each window's leak and of the start, from those of the trace and of what is kept at the end.
void spiking_backward(std::int64_t B, std::int64_t T, std::int64_t N, const float* gradient_btn, const float* of_kept_bn,
                      const float* leak_n, float trace_leak, float slope, const float* start_kept_bn, const float* v_btn,
                      float* of_drive_btn, float* of_leak_bn, float* of_start_kept_bn, float* of_start_trace_bn,
                      std::int64_t threads) {
#pragma omp parallel for num_threads(team(threads, B)) schedule(static)
    for (std::int64_t b = 0; b < B; ++b)
        for (std::int64_t n = 0; n < N; n += LANES) {
            Lanes of_kept = load(of_kept_bn + b * N + n), of_trace{}, of_leak{};
            const Lanes leak = load(leak_n + n);
            for (std::int64_t t = T - 1; t >= 0; --t) {
                const std::int64_t at = (b * T + t) * N + n;
                const Lanes v = load(v_btn + at), spike = v > 1 ? all(1) : all(0);
                of_trace += load(gradient_btn + at);
                const Lanes steep = 1 + slope * magnitude(v - 1);
                const Lanes of_v = of_kept * (1 - spike) + (of_trace - of_kept * v) / (steep * steep);
                Lanes before = load(start_kept_bn + b * N + n);
                if (t) {
                    const Lanes v_before = load(v_btn + at - N);
                    before = v_before > 1 ? all(0) : v_before;
                }
                of_leak += of_v * before;
                store(of_v, of_drive_btn + at);
                of_kept = of_v * leak;
                of_trace *= trace_leak;
            }
            store(of_leak, of_leak_bn + b * N + n);
            store(of_kept, of_start_kept_bn + b * N + n);
            store(of_trace, of_start_trace_bn + b * N + n);
        }
}

}  // extern "C"
