// Elementary functions, rounding and counter-based noise of one thread.
//
// The intrinsics are those whose error is small where it matters here: __expf is off by 2 + 1.2 |x| units in the last
// place of e^x, and sigmoid and tanh flatten out as |x| grows, so that they are right to about 2e-7; __fdividef is off
// by 2 units for denominators below 2^126.
#pragma once

#include <cstdint>

#include "../philox.h"

namespace dgsynth {

// Beyond this sigmoid and tanh are constant in float32, and products of two 1 + e^x stay below 2^126.
constexpr float kSaturation = 40.0f;

// The comparison keeps a NaN, where fminf would hide it.
__device__ __forceinline__ float exp_of_minus(float x) { return __expf(-x > kSaturation ? kSaturation : -x); }

__device__ __forceinline__ float sigmoid(float x) { return __fdividef(1.0f, 1.0f + exp_of_minus(x)); }

__device__ __forceinline__ float tanh_of(float x) {
  const float e = exp_of_minus(2.0f * x);
  return __fdividef(1.0f - e, 1.0f + e);
}

// sigmoid(x) tanh(y), with one division.
__device__ __forceinline__ float sigmoid_tanh(float x, float y) {
  const float a = exp_of_minus(x), b = exp_of_minus(2.0f * y);
  return __fdividef(1.0f - b, (1.0f + a) * (1.0f + b));
}

// The nearest bfloat16, an even one at a tie, as a float32. A NaN stays one.
__device__ __forceinline__ float round_to_bfloat16(float x) {
  const uint32_t bits = __float_as_uint(x);
  return x == x ? __uint_as_float((bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u) : x;
}

// Philox4x32-10 (Salmon et al., SC 2011): four counter words become four random words.
__device__ __forceinline__ void philox(uint32_t (&c)[4], uint64_t key) {
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
#pragma unroll
  for (int round = 0; round < kPhiloxRounds; round++) {
    const uint32_t high0 = __umulhi(kMultiplier0, c[0]), low0 = kMultiplier0 * c[0];
    const uint32_t high1 = __umulhi(kMultiplier2, c[2]), low1 = kMultiplier2 * c[2];
    c[0] = high1 ^ c[1] ^ k0;
    c[1] = low1;
    c[2] = high0 ^ c[3] ^ k1;
    c[3] = low0;
    k0 += kKeyStep0;
    k1 += kKeyStep1;
  }
}

// Four standard normal numbers of a sample (Box-Muller), as dgsynth/kernels/philox.py defines them.
__device__ __forceinline__ void philox_normal(uint64_t seed, uint64_t sample, uint32_t draw, uint32_t block,
                                              float (&normal)[4]) {
  uint32_t words[4] = {static_cast<uint32_t>(sample), static_cast<uint32_t>(sample >> 32), draw, block};
  philox(words, seed);
#pragma unroll
  for (int i = 0; i < 4; i += 2) {
    const float u = (static_cast<float>(words[i] >> 8) + 0.5f) * 0x1p-24f;
    const float turns = (static_cast<float>(words[i + 1] >> 8) + 0.5f) * 0x1p-24f;
    const float radius = sqrtf(-2.0f * logf(u));
    float sine, cosine;
    sincospif(2.0f * turns, &sine, &cosine);
    normal[i] = radius * cosine;
    normal[i + 1] = radius * sine;
  }
}

}  // namespace dgsynth
