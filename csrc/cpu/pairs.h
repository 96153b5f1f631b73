// Operands of products in bfloat16: pairs of neighbours along the sum, rounded, in one word that is held as a float.
#pragma once

#include <cstdint>
#include <cstring>

#include "../vector_math.h"

namespace dgsynth {

// A matrix (rows, columns) whose rows lie `row` apart.
struct Unpacked {
  const float* numbers;
  int64_t rows, columns, row;
};

inline int64_t pairs(int64_t count) { return (count + 1) / 2; }

// The nearest bfloat16, ties to even, in the upper half of a word.
DGSYNTH_INLINE uint32_t rounded_bits(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits + 0x7fff + (bits >> 16 & 1);
}

DGSYNTH_INLINE float pair_of(float first, float second) {
  const uint32_t word = rounded_bits(first) >> 16 | (rounded_bits(second) & 0xffff0000u);
  float held;
  std::memcpy(&held, &word, sizeof(held));
  return held;
}

// to (rows, pairs of columns), for the left matrix of a product.
DGSYNTH_INLINE void pack_columns(const Unpacked& m, float* to) {
  for (int64_t i = 0; i < m.rows; i++, to += pairs(m.columns)) {
    const float* const from = m.numbers + i * m.row;
    for (int64_t j = 0; j < m.columns / 2; j++) to[j] = pair_of(from[2 * j], from[2 * j + 1]);
    if (m.columns % 2 == 1) to[m.columns / 2] = pair_of(from[m.columns - 1], 0.0f);
  }
}

// to (pairs of rows, columns), for the right matrix of a product, or a left one that is transposed.
DGSYNTH_INLINE void pack_rows(const Unpacked& m, float* to) {
  for (int64_t i = 0; i < m.rows; i += 2, to += m.columns) {
    const float *const first = m.numbers + i * m.row, *const second = first + m.row;
    if (i + 1 < m.rows) {
      for (int64_t j = 0; j < m.columns; j++) to[j] = pair_of(first[j], second[j]);
    } else {
      for (int64_t j = 0; j < m.columns; j++) to[j] = pair_of(first[j], 0.0f);
    }
  }
}

// What a product adds to its sum for one number or pair of each matrix.
struct OfNumbers {
  template <class V, class T>
  DGSYNTH_INLINE static V add(V sum, V x, const T* weight) {
    return sum + x * *weight;
  }
};

#ifdef __x86_64__
// The instruction of avx512_bf16, which no vector notation has.
struct OfPairs {
  template <class V>
  DGSYNTH_INLINE static V add(V sum, V x, const float* weight) {
    asm("vdpbf16ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(x), "m"(*weight));
    return sum;
  }
};
#endif

// The same numbers, where there is no such instruction.
struct OfSplitPairs {
  template <class V>
  DGSYNTH_INLINE static V add(V sum, V x, const float* weight) {
    typedef uint32_t W __attribute__((vector_size(sizeof(V)), aligned(4), may_alias));
    uint32_t bits;
    std::memcpy(&bits, weight, sizeof(bits));
    const uint32_t low = bits << 16, high = bits & 0xffff0000u;
    float of_low, of_high;
    std::memcpy(&of_low, &low, sizeof(low));
    std::memcpy(&of_high, &high, sizeof(high));
    return (sum + (V)((W)x << 16) * of_low) + (V)((W)x & 0xffff0000u) * of_high;
  }
};

}  // namespace dgsynth
