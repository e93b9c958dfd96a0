// A step of Nadam (Dozat 2016) in one pass over the parameters, which are too many to stay in a cache between passes.
// Compiled after recurrence/kernel.cpp. Arrays are float32, of n parameters in any order that is the same for all.

extern "C" {

// The gradient gets l2 · parameter; then, of its averages m and v:  p += by_gradient · g / d + by_mean · m / d,
// d = sqrt(v / correction) + eps. The operations and their order are those of torch.optim.NAdam.
void nadam_step(std::int64_t n, float* __restrict__ parameter, const float* __restrict__ gradient,
                float* __restrict__ mean, float* __restrict__ square, const float* scalars, std::int64_t threads) {
    const float l2 = scalars[0], new_mean = scalars[1], old_square = scalars[2], new_square = scalars[3];
    const float correction = scalars[4], eps = scalars[5], by_gradient = scalars[6], by_mean = scalars[7];
    constexpr std::int64_t FOR_A_THREAD = 1 << 15;  // below, starting it takes longer than its work
#pragma omp parallel for simd num_threads(team(threads, n / FOR_A_THREAD)) schedule(static)
    for (std::int64_t i = 0; i < n; ++i) {
        const float g = gradient[i] + l2 * parameter[i];
        const float m = mean[i] + new_mean * (g - mean[i]);
        const float v = square[i] * old_square + new_square * g * g;
        const float d = __builtin_sqrtf(v / correction) + eps;
        mean[i] = m;
        square[i] = v;
        parameter[i] = parameter[i] + by_gradient * g / d + by_mean * m / d;
    }
}

}  // extern "C"
