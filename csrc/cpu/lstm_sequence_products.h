// Products of lstm_sequence, and their right matrices, which are made ready once for all passes: padded to whole vectors,
// and where operands are rounded to bfloat16, packed in pairs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "memory.h"
#include "multiply.h"
#include "pairs.h"

namespace dgsynth {

inline int64_t padded(int64_t count) { return (count + 15) / 16 * 16; }

// to (columns, padded) = from (rows, columns)^T, of a matrix whose rows are `stride` apart; the padding is zero.
template <class T>
std::vector<T> transpose_padded(const T* from, int64_t rows, int64_t columns, int64_t stride) {
  std::vector<T> to(columns * padded(rows));
  transpose(from, stride, rows, int64_t{0}, columns, to.data(), padded(rows));
  return to;
}

template <class T>
std::vector<T> copy_padded(const T* from, int64_t rows, int64_t columns, int64_t stride) {
  std::vector<T> to(rows * padded(columns));
  for (int64_t i = 0; i < rows; i++) std::copy_n(from + i * stride, columns, to.data() + i * padded(columns));
  return to;
}

// The right matrix of a product, (rows, columns), as the product reads it.
template <class T>
std::vector<T> prepare(bool bfloat16, std::vector<T> matrix, int64_t rows, int64_t columns) {
  if constexpr (sizeof(T) == 4) {
    if (bfloat16) {
      std::vector<T> packed(pairs(rows) * columns);
      pack_right({matrix.data(), rows, columns, columns}, packed.data());
      return packed;
    }
  }
  return matrix;
}

// A product whose right matrix was prepared; `packed` is room for the left one.
template <class T>
void multiply_prepared(bool bfloat16, Product<T> p, std::vector<T>& packed) {
  if constexpr (sizeof(T) == 4) {
    if (bfloat16) {
      packed.resize(p.m * pairs(p.k));
      pack_left({p.a, p.m, p.k, p.a_row}, packed.data());
      p.a = packed.data();
      p.k = p.a_row = pairs(p.k);
      return multiply_pairs(p);
    }
  }
  multiply(p);
}

// A product of matrices of which the left one is transposed, and neither was prepared.
template <class T>
void multiply_transposed(bool bfloat16, Product<T> p) {
  if constexpr (sizeof(T) == 4) {
    if (bfloat16) {
      const Buffer<T> left(pairs(p.k) * p.m), right(pairs(p.k) * p.n);
      pack_right({p.a, p.k, p.m, p.a_depth}, left.get());
      pack_right({p.b, p.k, p.n, p.b_row}, right.get());
      p.a = left.get();
      p.a_depth = p.m;
      p.b = right.get();
      p.b_row = p.n;
      p.k = pairs(p.k);
      return multiply_pairs(p);
    }
  }
  multiply(p);
}

}  // namespace dgsynth
