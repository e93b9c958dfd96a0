// As cudaLaunchKernel: `given` points to each argument of run_tiles
template <class... A, size_t... I> static void call(void (*kernel)(A...), void** given, std::index_sequence<I...>) {
    kernel(*(A*)given[I]...);
}
template <class... A> static void every_thread(void (*kernel)(A...), int blocks, void** given) {
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
        for (threadIdx.y = 0; threadIdx.y < WIDTH; ++threadIdx.y)
            for (threadIdx.x = 0; threadIdx.x < LANES; ++threadIdx.x) {
                phase = 0;
                call(kernel, given, std::index_sequence_for<A...>());
            }
}
extern "C" void launch(int blocks, void** given) { every_thread(run_tiles, blocks, given); }
#ifdef ON_CHIP
real state[N_ROWS * LANES];
#endif
