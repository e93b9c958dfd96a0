// A CUDA kernel's threads one after another, on this processor: right where none needs what another one has computed, and
// for what does not depend on it. Included before the kernel's text; sequential_launch.h comes after it.
#include <math.h>

#include <utility>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__
#define __constant__ static const
struct Index { int x, y, z; };
static Index threadIdx, blockIdx;
static int phase;  // barriers that the thread has passed
static void __syncthreads() { ++phase; }
static void __syncwarp(unsigned threads) { ++phase; }
static inline float __fdividef(float a, float b) { return a / b; }
