// The step on a GPU: a block of LANES x WIDTH threads integrates a tile, BLOCKS of them at the same time on a
// multiprocessor. Included after the generated code. No array overlaps another one.

#ifdef ON_CHIP
extern __shared__ real state[];  // the tile's rows, which stay in a multiprocessor for a whole launch
#endif

extern "C" __global__ void __launch_bounds__(LANES * WIDTH, BLOCKS) run_tiles(
    real* __restrict__ rows, const real* __restrict__ numbers, const int* __restrict__ indices,
    int steps, int steps_before, const real* __restrict__ time_ms,
    const int* __restrict__ event_first, const int* __restrict__ event_step, const int* __restrict__ event_connection,
    const real* __restrict__ event_ms,
    int n_fine, int n_coarse, const int* __restrict__ node, real* __restrict__ fine_mv,
    const int* __restrict__ kept, int n_kept, real* __restrict__ coarse_mv
) {
    const int lane = threadIdx.x, place = threadIdx.y;
    const long long tile = blockIdx.x;
    const Recorder all = {
        steps, steps_before, time_ms, event_first, event_step, event_connection, event_ms,
        n_fine, n_coarse, node, fine_mv, kept, coarse_mv,
    };
    const Recorder r = of_tile(all, tile, n_kept);
    real* const there = rows + tile * N_ROWS * LANES;
#ifdef ON_CHIP
    const Tile t = {state, numbers, indices, place, WIDTH, lane};
    const int first = place * LANES + lane;
    for (int n = first; n < N_ROWS * LANES; n += WIDTH * LANES) state[n] = there[n];
    TOGETHER;
    integrate(t, r);
    TOGETHER;
    for (int n = first; n < N_ROWS * LANES; n += WIDTH * LANES) there[n] = state[n];
#else
    integrate({there, numbers, indices, place, WIDTH, lane}, r);
#endif
}
