// The kernel's accesses to memory, written down. Which they are depends on the cell's tables and the input alone, never on
// what is computed: so the threads of a block run one after another, and a barrier is a mark between accesses.
#include <math.h>

#include <type_traits>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__
struct Index { int x, y, z; };
static Index threadIdx, blockIdx;
static inline float __fdividef(float a, float b) { return a / b; }

// space: 0 rows, 1 numbers, 2 indices. phase: barriers before it. place: in the array, in numbers
struct Access { int step, thread, phase, line, space, write, place; };
static std::vector<Access> accesses;
static int phase, step_now;
static void __syncthreads() { ++phase; }

template <class T, int space> struct Number {
    T* at;
    int line, place;
    typedef typename std::remove_const<T>::type Plain;
    void note(int write) const {
        accesses.push_back({step_now, threadIdx.y * LANES + threadIdx.x, phase, line, space, write, place});
    }
    operator Plain() const { return note(0), *at; }
    Plain operator=(Plain value) const { return note(1), *at = value; }
    Plain operator=(const Number& other) const { return *this = (Plain)other; }
    Plain operator+=(Plain value) const { return *this = (Plain)*this + value; }
};
template <class T, int space> struct Line {
    T* from;
    int line;
    Number<T, space> operator[](long long i) const { return {from + i, line, (int)i}; }
};
template <class T, int space> struct Array {
    T* from;
    Array(T* from) : from(from) {}
    Line<T, space> on(int line) const { return {from, line}; }
};
