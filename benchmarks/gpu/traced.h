// The kernel's accesses to memory, written down. Which they are depends on the cell's tables and the input alone, never on
// what is computed.
#include <type_traits>
#include <vector>

#include "sequential.h"

// space: 0 rows, 1 numbers, 2 indices. phase: barriers before it. place: in the array, in numbers
struct Access { int step, thread, phase, line, space, write, place; };
static std::vector<Access> accesses;
static int step_now;
extern "C" long long access_count() { return accesses.size(); }
extern "C" void* all_accesses() { return accesses.data(); }

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
