// The matrix product of matrix.h, for the instruction set that the processor has.
#pragma once

#include "matrix.h"

namespace dgsynth {

// Columns too few to fill a vector go through a copy, so any size will do.
void multiply_float(const Product<float>& product);
void multiply_double(const Product<double>& product);

template <class T>
void multiply(const Product<T>& product) {
  if (product.m == 0 || product.n == 0) return;
  if constexpr (sizeof(T) == 4) multiply_float(product);
  else multiply_double(product);
}

// Columns `begin` to `end - 1` of a matrix become the same rows of `to`; rows lie `from_row` and `to_row` apart.
template <class T>
void transpose(const T* from, int64_t from_row, int64_t rows, int64_t begin, int64_t end, T* to, int64_t to_row) {
  constexpr int64_t kSide = 16;
  T block[kSide][kSide];
  for (int64_t j = begin; j < end; j += kSide) {
    const int64_t width = std::min(kSide, end - j);
    for (int64_t i = 0; i < rows; i += kSide) {
      const int64_t height = std::min(kSide, rows - i);
      for (int64_t x = 0; x < height; x++) std::copy_n(from + (i + x) * from_row + j, width, block[x]);
      for (int64_t y = 0; y < width; y++) {
        for (int64_t x = 0; x < height; x++) to[(j + y) * to_row + i + x] = block[x][y];
      }
    }
  }
}

}  // namespace dgsynth
