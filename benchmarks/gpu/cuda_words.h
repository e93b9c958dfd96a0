// What CUDA says beside C++, for a kernel's text as C++: threadIdx, blockIdx and barriers are its includer's.
#include <math.h>

#include <utility>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__  // of one block after another
#define __constant__ static const
struct Index { int x, y, z; };
static inline float __fdividef(float a, float b) { return a / b; }
