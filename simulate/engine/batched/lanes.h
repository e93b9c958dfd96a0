// Arithmetic of the generated code, the same text for every device.
// real: float or double. V: the lanes of a tile, one trial each. On a CPU a vector register (GCC's and Clang's vector
// extension); on a GPU one number, since each thread is a lane.
#pragma once

#ifdef ONE_LANE_PER_THREAD
#define FUNCTION static __device__ __forceinline__
typedef real V;
#else
#include <cmath>
#if defined(__AVX512F__)
#include <immintrin.h>
#define BYTES 64
#elif defined(__AVX__)
#include <immintrin.h>
#define BYTES 32
#else
#define BYTES 16
#endif
#define FUNCTION static inline __attribute__((always_inline))
typedef real V __attribute__((vector_size(BYTES), may_alias));
typedef real Loose __attribute__((vector_size(BYTES), may_alias, aligned(sizeof(real))));  // anywhere in memory
#define LANES ((int)(BYTES / sizeof(real)))
#endif

template <class T> struct integer_of;
template <> struct integer_of<float> { typedef int type; static const int mantissa = 23, bias = 127; };
template <> struct integer_of<double> { typedef long long type; static const int mantissa = 52, bias = 1023; };
typedef integer_of<real>::type whole;
static const int MANTISSA = integer_of<real>::mantissa, BIAS = integer_of<real>::bias;
static const real LOG2_E = 1.4426950408889634, LN_2 = 0.6931471805599453;
static const real SMALLEST = sizeof(real) == 4 ? 1.17549435e-38 : 2.2250738585072014e-308;  // of the normal numbers

#ifdef ONE_LANE_PER_THREAD
typedef whole I;
union Bits { real number; whole bits; };
FUNCTION I bits(V x) { Bits both; both.number = x; return both.bits; }
FUNCTION V number(I x) { Bits both; both.bits = x; return both.number; }
FUNCTION V spread(real x) { return x; }
FUNCTION V to_real(I x) { return (V)x; }
FUNCTION I nearest(V x) { return (I)(x + (x < 0 ? (real)-0.5 : (real)0.5)); }
FUNCTION V select(bool condition, real then, real otherwise) { return condition ? then : otherwise; }
#else
typedef whole I __attribute__((vector_size(BYTES)));
FUNCTION I bits(V x) { return (I)x; }
FUNCTION V number(I x) { return (V)x; }
FUNCTION V spread(real x) { return V{} + x; }
FUNCTION V spread(V x) { return x; }
FUNCTION V to_real(I x) { return __builtin_convertvector(x, V); }
FUNCTION I nearest(V x) { return __builtin_convertvector(x < (real)0 ? x - (real)0.5 : x + (real)0.5, I); }
template <class M, class A, class B> FUNCTION V select(M condition, A then, B otherwise) {
    return condition ? spread(then) : spread(otherwise);
}
#if defined(__AVX512F__)
// An estimate of 14 bits and a Newton step: 32-bit precision at a third of a division's cost (measured). Normal b only.
template <class T> FUNCTION V quotient(T a, V b) {
    if constexpr (sizeof(real) == 4) {
        const V estimate = (V)_mm512_rcp14_ps((__m512)b);
        return a * (estimate * ((real)2 - b * estimate));
    } else {
        return a / b;
    }
}
#else
template <class T> FUNCTION V quotient(T a, V b) { return a / b; }
#endif
#endif

#ifdef ONE_LANE_PER_THREAD
FUNCTION float quotient(float a, float b) { return __fdividef(a, b); }  // within 2 units in the last place
FUNCTION double quotient(double a, double b) { return a / b; }
#endif

FUNCTION V infinite() { return number(I{} + ((whole)(2 * BIAS + 1) << MANTISSA)); }
FUNCTION V undefined() { return number(I{} + ((whole)(4 * BIAS + 3) << (MANTISSA - 1))); }

// (2^f - 1) / f on [-1/2, 1/2], by interpolation at Chebyshev's points: relative error 1.2e-8, and 2.0e-17 in 64 bits
FUNCTION V slope_of_exp2(V f) {
    if (sizeof(real) == 4) {
        V q = f * (real)0.00015453162945120691 + (real)0.0013390863364671234;
        q = q * f + (real)0.0096180825572778524;
        q = q * f + (real)0.055503571142190782;
        q = q * f + (real)0.24022650760568126;
        return q * f + (real)0.69314718802622877;
    }
    V q = f * (real)4.4549605981865186e-10 + (real)7.0725859492692234e-09;
    q = q * f + (real)1.0178062445845774e-07;
    q = q * f + (real)1.3215442587921689e-06;
    q = q * f + (real)1.5252733829836119e-05;
    q = q * f + (real)0.0001540353044173605;
    q = q * f + (real)0.0013333558146416936;
    q = q * f + (real)0.0096181291076068882;
    q = q * f + (real)0.055504108664821597;
    q = q * f + (real)0.24022650695910097;
    return q * f + (real)0.69314718055994529;
}

// 2^x = 2^n (1 + f q(f)), x = n + f; within the range of normal numbers
struct Split { V n, f; };
#ifdef ONE_LANE_PER_THREAD
FUNCTION Split split(V x) {
    x = select(x > BIAS - 1, (real)(BIAS - 1), x);  // so NaN stays NaN
    x = select(x < 1 - BIAS, (real)(1 - BIAS), x);
    const V n = rint(x);
    return {n, x - n};
}
FUNCTION float scaled(float x, float n) { return x * exp2(n); }  // a GPU has an instruction for this one
FUNCTION double scaled(double x, double n) { return x * number(((whole)n + (whole)BIAS) << MANTISSA); }
#elif defined(__AVX512DQ__)
FUNCTION Split split(V x) {  // the smaller of two in this order, so that NaN stays NaN; what is left of -infinity is 0
    if constexpr (sizeof(real) == 4) {
        const __m512 least = _mm512_min_ps(_mm512_set1_ps(126), (__m512)x);
        return {(V)_mm512_roundscale_ps(least, 8), (V)_mm512_reduce_ps(least, 8)};
    } else {
        const __m512d least = _mm512_min_pd(_mm512_set1_pd(1022), (__m512d)x);
        return {(V)_mm512_roundscale_pd(least, 8), (V)_mm512_reduce_pd(least, 8)};
    }
}
FUNCTION V scaled(V x, V n) {
    if constexpr (sizeof(real) == 4) return (V)_mm512_scalef_ps((__m512)x, (__m512)n);
    else return (V)_mm512_scalef_pd((__m512d)x, (__m512d)n);
}
#else
FUNCTION Split split(V x) {
    x = select(x > spread(BIAS - 1), (real)(BIAS - 1), x);  // so NaN stays NaN
    x = select(x < spread(1 - BIAS), (real)(1 - BIAS), x);
    const V n = to_real(nearest(x));
    return {n, x - n};
}
FUNCTION V scaled(V x, V n) { return x * number((nearest(n) + (whole)BIAS) << MANTISSA); }
#endif

FUNCTION V exp2_(V x) {
#ifdef ONE_LANE_PER_THREAD
    if (sizeof(real) == 4) return exp2(select(x > BIAS - 1, (real)(BIAS - 1), x));
#endif
    const Split parts = split(x);
    return scaled(parts.f * slope_of_exp2(parts.f) + (real)1, parts.n);
}

// 2^x - 1, with every digit of a small x
FUNCTION V exp2m1_(V x) {
    const Split parts = split(x);
    const V whole_part = scaled(spread((real)1), parts.n);
    return parts.f * slope_of_exp2(parts.f) * whole_part + (whole_part - (real)1);
}

FUNCTION V exp_(V x) { return exp2_(x * LOG2_E); }
FUNCTION V expm1_(V x) { return exp2m1_(x * LOG2_E); }

// log m = 2 atanh((m - 1) / (m + 1)) for m from sqrt(1/2) to sqrt(2), by its series; subnormal numbers count as 0
FUNCTION V log_(V x) {
    const whole root_half = sizeof(real) == 4 ? (whole)0x3f3504f3 : (whole)0x3fe6a09e667f3bcdLL;
    const I exponent = (bits(x) - root_half) >> MANTISSA;
    const V m = number(bits(x) - (exponent << MANTISSA));
    const V s = quotient(m - (real)1, m + (real)1), s2 = s * s;
    V sum = spread((real)0);
    for (int k = sizeof(real) == 4 ? 9 : 23; k > 0; k -= 2) sum = sum * s2 + (real)(1.0 / k);
    const V found = select(x < infinite(), to_real(exponent) * LN_2 + (real)2 * s * sum, x);
    return select(x < spread(SMALLEST), select(x < spread((real)0), undefined(), -infinite()), found);
}

FUNCTION V fabs_(V x) { return select(x < spread((real)0), -x, x); }

FUNCTION V pow_(V x, V y) {
    const V size = exp2_(y * (log_(fabs_(x)) * LOG2_E)), zero = spread((real)0);
    const I n = nearest(y);
    const V below = select(to_real(n) == y, select((n & 1) == 1, -size, size), undefined());  // of a negative x
    const V at_0 = select(y > zero, zero, select(y < zero, infinite(), (real)1));
    return select(x < zero, below, select(x == zero, at_0, size));
}
#ifndef ONE_LANE_PER_THREAD
FUNCTION V pow_(V x, real y) { return pow_(x, spread(y)); }
FUNCTION V pow_(real x, V y) { return pow_(spread(x), y); }
#endif

#ifdef ONE_LANE_PER_THREAD
#define OF_EACH_LANE(name, function) FUNCTION V name(V x) { return (V)function(x); }
#else
#define OF_EACH_LANE(name, function)                                                  \
    FUNCTION real name(real x) { return std::function(x); }                        \
    FUNCTION V name(V x) {                                                         \
        for (int lane = 0; lane < LANES; ++lane) x[lane] = std::function(x[lane]); \
        return x;                                                                  \
    }
#endif
OF_EACH_LANE(sqrt_, sqrt)
OF_EACH_LANE(log10_, log10)
OF_EACH_LANE(sin_, sin)
OF_EACH_LANE(cos_, cos)
OF_EACH_LANE(tan_, tan)
OF_EACH_LANE(asin_, asin)
OF_EACH_LANE(acos_, acos)
OF_EACH_LANE(atan_, atan)
OF_EACH_LANE(sinh_, sinh)
OF_EACH_LANE(cosh_, cosh)
OF_EACH_LANE(tanh_, tanh)
OF_EACH_LANE(floor_, floor)
OF_EACH_LANE(ceil_, ceil)
OF_EACH_LANE(trunc_, trunc)

// What is left of x once y was taken from it as often as it goes, with the sign of x. A quotient that was rounded to the
// other side of a whole number is mended, so that what is left of whole numbers is exact.
#ifdef ONE_LANE_PER_THREAD
FUNCTION V fmod_(V x, V y) { return fmod(x, y); }
#else
FUNCTION V fmod_(V x, V y) {
    const V size = fabs_(x), by = fabs_(y), zero = spread((real)0);
    V left = size - floor_(size / by) * by;
    left = select(left < zero, left + by, left);
    left = select(left >= by, left - by, left);
    return select(x < zero, -left, left);
}
FUNCTION V fmod_(V x, real y) { return fmod_(x, spread(y)); }
FUNCTION V fmod_(real x, V y) { return fmod_(spread(x), y); }
FUNCTION real fmod_(real x, real y) { return std::fmod(x, y); }
#endif

// In a table whose last number is `last`: the number at a place, on the line between two; how much it rises between them
FUNCTION real lookup_(real at, const real* table, int last) {
    if (!(at == at)) return at;
    const real within = at > 0 ? (at < last ? at : (real)last) : (real)0;
    const int i = within < last ? (int)within : last - 1;
    return table[i] + (within - i) * (table[i + 1] - table[i]);
}
FUNCTION real rise_(real at, const real* table, int last) {
    return at > 0 && at < last ? table[(int)at + 1] - table[(int)at] : (real)0;
}

// Of a random stream that three numbers name (the last two by halves of 16 bits), the one after `drawn` others, between
// 0 and 1. Philox4x32-10, Salmon et al. 2011, SC '11:16, with NEURON's use of counter and key.
FUNCTION real random123_(real drawn, real number, real high_2, real low_2, real high_3, real low_3) {
    const unsigned int n = (unsigned int)drawn;
    unsigned int a = n / 4, b = (unsigned int)high_3 << 16 | (unsigned int)low_3, c = (unsigned int)number;
    unsigned int d = (unsigned int)high_2 << 16 | (unsigned int)low_2, key_0 = 0, key_1 = 0;
    for (int turn = 0; turn < 10; ++turn, key_0 += 0x9E3779B9u, key_1 += 0xBB67AE85u) {
        const unsigned long long first = 0xD2511F53ull * a, second = 0xCD9E8D57ull * c;
        a = (unsigned int)(second >> 32) ^ b ^ key_0;
        b = (unsigned int)second;
        c = (unsigned int)(first >> 32) ^ d ^ key_1;
        d = (unsigned int)first;
    }
    const unsigned int found = n % 4 == 0 ? a : n % 4 == 1 ? b : n % 4 == 2 ? c : d;
    return (real)(((double)found + 1.0) / 4294967297.0);
}

#ifndef ONE_LANE_PER_THREAD
FUNCTION V lookup_(V at, const real* table, int last) {
    for (int lane = 0; lane < LANES; ++lane) at[lane] = lookup_(at[lane], table, last);
    return at;
}
FUNCTION V rise_(V at, const real* table, int last) {
    for (int lane = 0; lane < LANES; ++lane) at[lane] = rise_(at[lane], table, last);
    return at;
}

// The same of one number, for events
FUNCTION real exp2_(real x) { return std::exp2(x); }
FUNCTION real exp2m1_(real x) { return std::expm1(x * LN_2); }
FUNCTION real log_(real x) { return std::log(x); }
FUNCTION real pow_(real x, real y) { return std::pow(x, y); }
FUNCTION real fabs_(real x) { return std::fabs(x); }
FUNCTION real select(bool condition, real then, real otherwise) { return condition ? then : otherwise; }
// A condition of constants alone, which a table has as 0 or 1
FUNCTION real select(real condition, real then, real otherwise) { return condition ? then : otherwise; }
#endif
