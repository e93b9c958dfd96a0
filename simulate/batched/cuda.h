// The step on a GPU: a block of LANES x WARPS threads integrates a tile, a thread of each warp per lane. Included after
// the generated code.

// Arrays of all tiles, one tile after another; see Tile and Recorder. Events of every lane of all tiles stand in one
// array, and `event_next` is scratch, so each call brings the events of its own steps.
extern "C" __global__ void __launch_bounds__(LANES * WARPS) run_tiles(
    real* rows, int n_rows, const real* numbers, const int* indices,
    int steps, int steps_before, const real* time_ms,
    const int* event_first, const int* event_step, const int* event_connection, int* event_next,
    int n_fine, int n_coarse, const int* node, real* fine_mv, const int* kept, int n_kept, real* coarse_mv
) {
    const int lane = threadIdx.x, warp = threadIdx.y;
    const long long tile = blockIdx.x;
    const Tile t = {rows + tile * n_rows * LANES, numbers, indices, warp, WARPS, lane};
    const Recorder r = {
        steps, steps_before, time_ms,
        event_first + tile * LANES, event_step, event_connection, event_next + tile * WARPS * LANES,
        n_fine, n_coarse, node,
        fine_mv + tile * steps * n_fine * LANES, kept, coarse_mv + tile * n_kept * n_coarse * LANES,
    };
    r.event_next[warp * LANES + lane] = r.event_first[lane];
    integrate(t, r);
}
