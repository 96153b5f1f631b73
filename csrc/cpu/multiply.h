// The matrix product of matrix.h, for the instruction set that the processor has.
#pragma once

#include "matrix.h"

namespace dgsynth {

// Columns too few to fill a vector go through a copy, so any size will do.
void multiply_float(const Product<float>& product);
void multiply_double(const Product<double>& product);

void multiply_rows_float(const RowProduct<float>& product);
void multiply_rows_double(const RowProduct<double>& product);

// The product of matrices of pairs (pairs.h): k counts pairs, and sums are float32. A left matrix has pairs of columns, a
// right one and a left one that is transposed (a_row = 1) pairs of rows.
void multiply_pairs(const Product<float>& product);
void pack_left(const Unpacked& matrix, float* to);
void pack_right(const Unpacked& matrix, float* to);

template <class T>
void multiply_few(const RowProduct<T>& product) {
  if constexpr (sizeof(T) == 4) multiply_rows_float(product);
  else multiply_rows_double(product);
}

template <class T>
void multiply(const Product<T>& product) {
  if (product.m == 0 || product.n == 0) return;
  if constexpr (sizeof(T) == 4) multiply_float(product);
  else multiply_double(product);
}

// Turns a square of four numbers a side.
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));

inline void turn_square(const float* from, int64_t from_row, float* to, int64_t to_row) {
  const Four a = *reinterpret_cast<const Four*>(from), b = *reinterpret_cast<const Four*>(from + from_row);
  const Four c = *reinterpret_cast<const Four*>(from + 2 * from_row), d = *reinterpret_cast<const Four*>(from + 3 * from_row);
  const Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *reinterpret_cast<Four*>(to) = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
  *reinterpret_cast<Four*>(to + to_row) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
  *reinterpret_cast<Four*>(to + 2 * to_row) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  *reinterpret_cast<Four*>(to + 3 * to_row) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}
#endif
#endif

template <class T>
inline void turn_square(const T* from, int64_t from_row, T* to, int64_t to_row) {
  for (int64_t i = 0; i < 4; i++) {
    for (int64_t j = 0; j < 4; j++) to[j * to_row + i] = from[i * from_row + j];
  }
}

// Columns `begin` to `end - 1` of a matrix become the same rows of `to`; rows lie `from_row` and `to_row` apart.
template <class T>
void transpose(const T* from, int64_t from_row, int64_t rows, int64_t begin, int64_t end, T* to, int64_t to_row) {
  constexpr int64_t kSide = 16;  // a cache line
  for (int64_t j = begin; j < end; j += kSide) {
    for (int64_t i = 0; i < rows; i += kSide) {
      const int64_t width = std::min(kSide, end - j), height = std::min(kSide, rows - i);
      for (int64_t x = 0; x < height; x += 4) {
        for (int64_t y = 0; y < width; y += 4) {
          const T* const square = from + (i + x) * from_row + j + y;
          T* const turned = to + (j + y) * to_row + i + x;
          if (height - x >= 4 && width - y >= 4) {
            turn_square(square, from_row, turned, to_row);
            continue;
          }
          for (int64_t v = 0; v < std::min<int64_t>(4, height - x); v++) {
            for (int64_t w = 0; w < std::min<int64_t>(4, width - y); w++) turned[w * to_row + v] = square[v * from_row + w];
          }
        }
      }
    }
  }
}

}  // namespace dgsynth
