// A CUDA kernel's threads one after another, on this processor: right where none needs what another one has computed, and
// for what does not depend on it. Included before the kernel's text; sequential_launch.h comes after it.
#include "cuda_words.h"

static Index threadIdx, blockIdx;
static int phase;  // barriers that the thread has passed
static void __syncthreads() { ++phase; }
static void __syncwarp(unsigned threads) { ++phase; }
