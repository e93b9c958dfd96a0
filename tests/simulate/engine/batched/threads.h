// A GPU's threads as threads of this processor: what a CUDA kernel takes for granted, and a launch of one. Every thread
// of a block is a real one, and __syncthreads a real barrier, so that races show; blocks run one after another, of all
// launches.
#include <pthread.h>

#include <mutex>
#include <thread>
#include <vector>

#include "cuda_words.h"

static thread_local Index threadIdx, blockIdx;
// Two barriers in turn: with one, a thread that leaves it late would seem to a sanitizer to have waited for what other
// threads did on their way to it again
struct Barriers {
    pthread_barrier_t both[2];
    explicit Barriers(int threads) {
        for (pthread_barrier_t& each : both) pthread_barrier_init(&each, nullptr, threads);
    }
    ~Barriers() {
        for (pthread_barrier_t& each : both) pthread_barrier_destroy(&each);
    }
};
static thread_local Barriers *of_block, *of_warp;
static thread_local int turn, turn_of_warp;
static void __syncthreads() { pthread_barrier_wait(of_block->both + (turn ^= 1)); }
static void __syncwarp(unsigned) { pthread_barrier_wait(of_warp->both + (turn_of_warp ^= 1)); }

template <class... A, size_t... I>
static void call(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) {
    kernel(*(A*)arguments[I]...);
}

// As cudaLaunchKernel: `arguments` points to each argument. in_warp: threads that __syncwarp is called for
template <class... A>
static void launch_on_threads(void (*kernel)(A...), int blocks, int x, int y, int in_warp, void** arguments) {
    static std::mutex one_at_a_time;  // they share what a block has in common
    const std::lock_guard<std::mutex> held(one_at_a_time);
    Barriers all(x * y), few(in_warp);
    for (int block = 0; block < blocks; ++block) {
        std::vector<std::thread> threads;
        for (int i = 0; i < x * y; ++i)
            threads.emplace_back([=, &all, &few] {
                of_block = &all;
                of_warp = &few;
                threadIdx = {i % x, i / x, 0};
                blockIdx = {block, 0, 0};
                call(kernel, arguments, std::index_sequence_for<A...>());
            });
        for (std::thread& thread : threads) thread.join();
    }
}
