// The step on a CPU: one tile at a time. Included after the generated code.
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

extern "C" int lanes_of_tile() { return LANES; }

extern "C" void run_tile(real* rows, const real* numbers, const int* indices, const Recorder* recorder) {
    const Tile tile = {rows, numbers, indices, 0, 1, 0};
#if defined(__SSE__)
    // Receptor states decay into subnormal numbers, which take a hundred times as long: they are 0 here
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);
    integrate(tile, *recorder);
    _mm_setcsr(before);
#else
    integrate(tile, *recorder);
#endif
}
