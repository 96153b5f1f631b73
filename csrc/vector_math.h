// Elementary functions and counter-based noise on vectors, one number of every lane.
//
// Every lane is computed by the same instructions, whatever the other lanes hold, so a sample's numbers do not
// depend on the lane it is in. All are inlined into their caller, and with it compiled for each instruction set and
// number of lanes. No sum here is of two products: which of them a compiler fuses may differ from caller to caller.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "philox.h"

#define DGSYNTH_INLINE inline __attribute__((always_inline))

namespace dgsynth {

// Vectors of a width that the processor has: wider ones are taken apart in memory by compilers.
template <int kWidth>
struct Vectors {
  typedef float Floats __attribute__((vector_size(kWidth * 4), may_alias));
  typedef int32_t Ints __attribute__((vector_size(kWidth * 4)));
  typedef uint32_t Words __attribute__((vector_size(kWidth * 4)));
};

template <class Vector>
constexpr int kWidthOf = sizeof(Vector) / 4;

template <class Vector>
using Floats = typename Vectors<kWidthOf<Vector>>::Floats;

template <class Vector>
using Ints = typename Vectors<kWidthOf<Vector>>::Ints;

template <class Vector>
using Words = typename Vectors<kWidthOf<Vector>>::Words;

template <class F>
DGSYNTH_INLINE F fill(float value) {
  return F{} + value;
}

template <class W>
DGSYNTH_INLINE W words(uint32_t value) {
  return W{} + value;
}

// 2^x for |x| <= 126. x = n + f with |f| <= 1/2; 2^f is the polynomial with the least greatest relative error, 7.5e-8.
template <class F>
DGSYNTH_INLINE F exp2(F x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number, left in the lowest bits
  const F shifted = x + kRound, f = x - (shifted - kRound);
  F p = fill<F>(0.001327647152f);
  p = p * f + 0.009675541331f;
  p = p * f + 0.05550713275f;
  p = p * f + 0.2402211972f;
  p = p * f + 0.6931469671f;
  p = p * f + 1.000000072f;
  return (F)((Ints<F>)p + ((Ints<F>)shifted << 23));
}

// x within [-bound, bound]: floats of one sign are ordered as whole numbers, so two integer operations will do.
template <class F>
DGSYNTH_INLINE F clamp(F x, float bound) {
  const Ints<F> upper = (Ints<F>)fill<F>(bound);
  const Words<F> lower = (Words<F>)fill<F>(-bound);
  const Ints<F> below = (Ints<F>)x < upper ? (Ints<F>)x : upper;
  return (F)((Words<F>)below < lower ? (Words<F>)below : lower);
}

constexpr float kLog2e = 1.44269504f;

// e^(-x), held within 2^-42 and 2^42: beyond, sigmoid and tanh are constant in float32, and a product of three
// 1 + e^(-x) is still finite.
template <class F>
DGSYNTH_INLINE F exp_of_minus(F x) { return exp2(clamp(x * -kLog2e, 42.0f)); }

// e^x for x <= 0, at least 2^-126.
template <class F>
DGSYNTH_INLINE F exp_of_negative(F x) { return exp2(clamp(x * kLog2e, 126.0f)); }

template <class F>
DGSYNTH_INLINE F sigmoid(F x) { return 1.0f / (1.0f + exp_of_minus(x)); }

template <class F>
DGSYNTH_INLINE F tanh(F x) {
  const F e = exp_of_minus(2.0f * x);
  return (1.0f - e) / (1.0f + e);
}

// The new cell state, sigmoid(forget) cell + sigmoid(input) tanh(candidate), with one division.
template <class F>
DGSYNTH_INLINE F lstm_cell(F input, F forget, F candidate, F cell) {
  const F i = exp_of_minus(input), g = exp_of_minus(2.0f * candidate), f = 1.0f + exp_of_minus(forget);
  const F both = (1.0f + i) * (1.0f + g);
  return (cell * both + (f - g * f)) / (both * f);
}

// The new hidden state, sigmoid(output) tanh(cell), with one division.
template <class F>
DGSYNTH_INLINE F lstm_hidden(F output, F cell) {
  const F o = exp_of_minus(output), c = exp_of_minus(2.0f * cell);
  return (1.0f - c) / ((1.0f + o) * (1.0f + c));
}

// The nearest bfloat16, ties to even, in the upper half of each word.
template <class F>
DGSYNTH_INLINE Words<F> round_to_bfloat16(F x) {
  const Words<F> bits = (Words<F>)x;
  return bits + 0x7fff + (bits >> 16 & 1);
}

// ln u for normal u > 0: u = 2^e m with m in [sqrt(1/2), sqrt(2)), ln m = 2 artanh((m - 1) / (m + 1)).
template <class F>
DGSYNTH_INLINE F log(F u) {
  const Ints<F> bits = (Ints<F>)u;
  const Ints<F> exponent = (bits - 0x3f3504f3) >> 23;
  const Ints<F> mantissa = bits - (exponent << 23);
  const F m = (F)mantissa;
  const F s = (m - 1.0f) / (m + 1.0f), s2 = s * s;
  F p = fill<F>(2.0f / 9);
  p = p * s2 + 2.0f / 7;
  p = p * s2 + 2.0f / 5;
  p = p * s2 + 2.0f / 3;
  return __builtin_convertvector(exponent, F) * 0.693147181f + (p * (s2 * s) + (s + s));
}

template <class F>
DGSYNTH_INLINE F sqrt(F x) {
  F root;
  for (int i = 0; i < kWidthOf<F>; i++) root[i] = __builtin_sqrtf(x[i]);
  return root;
}

// cos and sin of 2 pi u for u in [0, 1]: u is within 1/8 of a quarter turn q, and the rest is a short series.
template <class F>
DGSYNTH_INLINE void cos_sin_turns(F u, F& cosine, F& sine) {
  constexpr float kRound = 12582912.0f;
  const F quarter = (u * 4.0f + kRound) - kRound;
  const F t = (u - quarter * 0.25f) * 6.28318531f, t2 = t * t;
  F s = fill<F>(1.0f / 362880);
  s = s * t2 - 1.0f / 5040;
  s = s * t2 + 1.0f / 120;
  s = s * t2 - 1.0f / 6;
  s = s * t2 * t + t;
  F c = fill<F>(-1.0f / 3628800);
  c = c * t2 + 1.0f / 40320;
  c = c * t2 - 1.0f / 720;
  c = c * t2 + 1.0f / 24;
  c = c * t2 - 0.5f;
  c = c * t2 + 1.0f;
  const Ints<F> q = __builtin_convertvector(quarter, Ints<F>);
  const F x = (q & 1) == 1 ? s : c, y = (q & 1) == 1 ? c : s;
  cosine = ((q + 1) & 2) == 2 ? -x : x;
  sine = (q & 2) == 2 ? -y : y;
}

// Philox4x32-10 (Salmon et al., SC 2011): four counter words of each lane become four random words.
template <class W>
DGSYNTH_INLINE void philox(W (&c)[4], uint64_t key) {
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < kPhiloxRounds; round++) {
    W high0, low0, high1, low1;
    for (int i = 0; i < kWidthOf<W>; i++) {
      const uint64_t p = uint64_t{kMultiplier0} * c[0][i];
      high0[i] = static_cast<uint32_t>(p >> 32);
      low0[i] = static_cast<uint32_t>(p);
    }
    for (int i = 0; i < kWidthOf<W>; i++) {
      const uint64_t p = uint64_t{kMultiplier2} * c[2][i];
      high1[i] = static_cast<uint32_t>(p >> 32);
      low1[i] = static_cast<uint32_t>(p);
    }
    c[0] = high1 ^ c[1] ^ k0;
    c[1] = low1;
    c[2] = high0 ^ c[3] ^ k1;
    c[3] = low0;
    k0 += kKeyStep0;
    k1 += kKeyStep1;
  }
}

// Four standard normal numbers for each lane's counter (Box-Muller), as dgsynth/kernels/philox.py defines them.
template <class W>
DGSYNTH_INLINE void philox_normal(W (&counter)[4], uint64_t key, Floats<W> (&normal)[4]) {
  philox(counter, key);
  Floats<W> uniform[4];
  for (int i = 0; i < 4; i++) {
    const Ints<W> top = (Ints<W>)counter[i] >> 8 & 0xffffff;
    uniform[i] = (__builtin_convertvector(top, Floats<W>) + 0.5f) * 0x1p-24f;
  }
  for (int i = 0; i < 4; i += 2) {
    const Floats<W> radius = sqrt(-2.0f * log(uniform[i]));
    Floats<W> cosine, sine;
    cos_sin_turns(uniform[i + 1], cosine, sine);
    normal[i] = radius * cosine;
    normal[i + 1] = radius * sine;
  }
}

}  // namespace dgsynth
