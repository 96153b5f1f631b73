// Elementary functions and counter-based noise on vectors of 16 lanes.
//
// Every lane is computed by the same instructions, whatever the other lanes hold, so a sample's numbers do not
// depend on the lane it is in. All are inlined into their caller, and with it compiled for each instruction set and
// number of lanes. No sum here is of two products: which of them a compiler fuses may differ from caller to caller.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#define DGSYNTH_INLINE inline __attribute__((always_inline))

namespace dgsynth {

constexpr int kWidth = 16;

typedef float Floats __attribute__((vector_size(kWidth * sizeof(float)), may_alias));
typedef int32_t Ints __attribute__((vector_size(kWidth * sizeof(int32_t))));
typedef uint32_t Words __attribute__((vector_size(kWidth * sizeof(uint32_t))));

DGSYNTH_INLINE Floats fill(float value) { return Floats{} + value; }

DGSYNTH_INLINE Words words(uint32_t value) { return Words{} + value; }

// 2^x for |x| <= 126. x = n + f with |f| <= 1/2; 2^f is the polynomial with the least greatest relative error, 7.5e-8.
DGSYNTH_INLINE Floats exp2(Floats x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number, left in the lowest bits
  const Floats shifted = x + kRound, f = x - (shifted - kRound);
  Floats p = fill(0.001327647152f);
  p = p * f + 0.009675541331f;
  p = p * f + 0.05550713275f;
  p = p * f + 0.2402211972f;
  p = p * f + 0.6931469671f;
  p = p * f + 1.000000072f;
  return (Floats)((Ints)p + ((Ints)shifted << 23));
}

// x within [-bound, bound]: floats of one sign are ordered as whole numbers, so two integer operations will do.
DGSYNTH_INLINE Floats clamp(Floats x, float bound) {
  const Ints upper = (Ints)fill(bound);
  const Words lower = (Words)fill(-bound);
  const Ints below = (Ints)x < upper ? (Ints)x : upper;
  return (Floats)((Words)below < lower ? (Words)below : lower);
}

constexpr float kLog2e = 1.44269504f;

// e^(-x), held within 2^-42 and 2^42: beyond, sigmoid and tanh are constant in float32, and a product of three
// 1 + e^(-x) is still finite.
DGSYNTH_INLINE Floats exp_of_minus(Floats x) { return exp2(clamp(x * -kLog2e, 42.0f)); }

// e^x for x <= 0, at least 2^-126.
DGSYNTH_INLINE Floats exp_of_negative(Floats x) { return exp2(clamp(x * kLog2e, 126.0f)); }

DGSYNTH_INLINE Floats sigmoid(Floats x) { return 1.0f / (1.0f + exp_of_minus(x)); }

DGSYNTH_INLINE Floats tanh(Floats x) {
  const Floats e = exp_of_minus(2.0f * x);
  return (1.0f - e) / (1.0f + e);
}

// The new cell state, sigmoid(forget) cell + sigmoid(input) tanh(candidate), with one division.
DGSYNTH_INLINE Floats lstm_cell(Floats input, Floats forget, Floats candidate, Floats cell) {
  const Floats i = exp_of_minus(input), g = exp_of_minus(2.0f * candidate), f = 1.0f + exp_of_minus(forget);
  const Floats both = (1.0f + i) * (1.0f + g);
  return (cell * both + (f - g * f)) / (both * f);
}

// The new hidden state, sigmoid(output) tanh(cell), with one division.
DGSYNTH_INLINE Floats lstm_hidden(Floats output, Floats cell) {
  const Floats o = exp_of_minus(output), c = exp_of_minus(2.0f * cell);
  return (1.0f - c) / ((1.0f + o) * (1.0f + c));
}

// The nearest bfloat16, ties to even, in the upper half of each word.
DGSYNTH_INLINE Words round_to_bfloat16(Floats x) {
  const Words bits = (Words)x;
  return bits + 0x7fff + (bits >> 16 & 1);
}

// ln u for normal u > 0: u = 2^e m with m in [sqrt(1/2), sqrt(2)), ln m = 2 artanh((m - 1) / (m + 1)).
DGSYNTH_INLINE Floats log(Floats u) {
  const Ints bits = (Ints)u;
  const Ints exponent = (bits - 0x3f3504f3) >> 23;
  const Ints mantissa = bits - (exponent << 23);
  const Floats m = (Floats)mantissa;
  const Floats s = (m - 1.0f) / (m + 1.0f), s2 = s * s;
  Floats p = fill(2.0f / 9);
  p = p * s2 + 2.0f / 7;
  p = p * s2 + 2.0f / 5;
  p = p * s2 + 2.0f / 3;
  return __builtin_convertvector(exponent, Floats) * 0.693147181f + (p * (s2 * s) + (s + s));
}

DGSYNTH_INLINE Floats sqrt(Floats x) {
  Floats root;
  for (int i = 0; i < kWidth; i++) root[i] = __builtin_sqrtf(x[i]);
  return root;
}

// cos and sin of 2 pi u for u in [0, 1]: u is within 1/8 of a quarter turn q, and the rest is a short series.
DGSYNTH_INLINE void cos_sin_turns(Floats u, Floats& cosine, Floats& sine) {
  constexpr float kRound = 12582912.0f;
  const Floats quarter = (u * 4.0f + kRound) - kRound;
  const Floats t = (u - quarter * 0.25f) * 6.28318531f, t2 = t * t;
  Floats s = fill(1.0f / 362880);
  s = s * t2 - 1.0f / 5040;
  s = s * t2 + 1.0f / 120;
  s = s * t2 - 1.0f / 6;
  s = s * t2 * t + t;
  Floats c = fill(-1.0f / 3628800);
  c = c * t2 + 1.0f / 40320;
  c = c * t2 - 1.0f / 720;
  c = c * t2 + 1.0f / 24;
  c = c * t2 - 0.5f;
  c = c * t2 + 1.0f;
  const Ints q = __builtin_convertvector(quarter, Ints);
  const Floats x = (q & 1) == 1 ? s : c, y = (q & 1) == 1 ? c : s;
  cosine = ((q + 1) & 2) == 2 ? -x : x;
  sine = (q & 2) == 2 ? -y : y;
}

// Philox4x32-10 (Salmon et al., SC 2011): four counter words of each lane become four random words.
DGSYNTH_INLINE void philox(Words (&c)[4], uint64_t key) {
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; round++) {
    Words high0, low0, high1, low1;
    for (int i = 0; i < kWidth; i++) {
      const uint64_t p = 0xD2511F53ull * c[0][i];
      high0[i] = static_cast<uint32_t>(p >> 32);
      low0[i] = static_cast<uint32_t>(p);
    }
    for (int i = 0; i < kWidth; i++) {
      const uint64_t p = 0xCD9E8D57ull * c[2][i];
      high1[i] = static_cast<uint32_t>(p >> 32);
      low1[i] = static_cast<uint32_t>(p);
    }
    c[0] = high1 ^ c[1] ^ k0;
    c[1] = low1;
    c[2] = high0 ^ c[3] ^ k1;
    c[3] = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

// Four standard normal numbers for each lane's counter (Box-Muller), as dgsynth/kernels/philox.py defines them.
DGSYNTH_INLINE void philox_normal(Words (&counter)[4], uint64_t key, Floats (&normal)[4]) {
  philox(counter, key);
  Floats uniform[4];
  for (int i = 0; i < 4; i++) {
    const Ints top = (Ints)counter[i] >> 8 & 0xffffff;
    uniform[i] = (__builtin_convertvector(top, Floats) + 0.5f) * 0x1p-24f;
  }
  for (int i = 0; i < 4; i += 2) {
    const Floats radius = sqrt(-2.0f * log(uniform[i]));
    Floats cosine, sine;
    cos_sin_turns(uniform[i + 1], cosine, sine);
    normal[i] = radius * cosine;
    normal[i + 1] = radius * sine;
  }
}

}  // namespace dgsynth
