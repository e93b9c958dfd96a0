// The step on a GPU: a block of LANES x WARPS threads integrates a tile, a thread of each warp per lane. Included after
// the generated code. No array overlaps another one.

extern "C" __global__ void __launch_bounds__(LANES * WARPS) run_tiles(
    real* __restrict__ rows, int n_rows, const real* __restrict__ numbers, const int* __restrict__ indices,
    int steps, int steps_before, const real* __restrict__ time_ms,
    const int* __restrict__ event_first, const int* __restrict__ event_step, const int* __restrict__ event_connection,
    int* __restrict__ event_next, int n_fine, int n_coarse, const int* __restrict__ node, real* __restrict__ fine_mv,
    const int* __restrict__ kept, int n_kept, real* __restrict__ coarse_mv
) {
    const int lane = threadIdx.x, warp = threadIdx.y;
    const long long tile = blockIdx.x;
    const Tile t = {rows + tile * n_rows * LANES, numbers, indices, warp, WARPS, lane};
    const Recorder all = {
        steps, steps_before, time_ms, event_first, event_step, event_connection, event_next,
        n_fine, n_coarse, node, fine_mv, kept, coarse_mv,
    };
    integrate(t, of_tile(all, tile, WARPS, n_kept));
}
