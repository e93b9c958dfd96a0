// The step on a CPU: one tile after another. Included after the generated code.
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

extern "C" int lanes_of_tile() { return LANES; }

extern "C" void run_tiles(
    int tiles, real* rows, const real* numbers, const int* indices,
    int steps, int steps_before, const real* time_ms,
    const int* event_first, const int* event_step, const int* event_connection,
    const real* event_ms,
    int n_fine, int n_coarse, const int* node, real* fine_mv, const int* kept, int n_kept, real* coarse_mv
) {
    const Recorder all = {
        steps, steps_before, time_ms, event_first, event_step, event_connection, event_ms,
        n_fine, n_coarse, node, fine_mv, kept, coarse_mv,
    };
#if defined(__SSE__)
    // Receptor states decay into subnormal numbers, which take a hundred times as long: they are 0 here
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);
#endif
    for (long long tile = 0; tile < tiles; ++tile) {
        const Tile t = {rows + tile * N_ROWS * LANES, numbers, indices, 0, 1, 0};
        integrate(t, of_tile(all, tile, n_kept));
    }
#if defined(__SSE__)
    _mm_setcsr(before);
#endif
}
