// Products of row-major matrices, for rows that are samples: one thread's part of training.
//
// A tile of the result, up to 10 rows of two vectors, stays in registers over the whole sum; a row of the right matrix is
// read once for all rows of the tile. Sums run over k in order whatever the tile, so a number of the result does not
// depend on how many rows are made together or by which thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "../vector_math.h"
#include "pairs.h"

namespace dgsynth {

// c (m, n) = start + a (m, k) b (k, n). A number of `a` is a[row * a_row + k * a_depth]: transposed where a_row is 1.
template <class T>
struct Product {
  int64_t m, n, k;
  const T* a;
  int64_t a_row, a_depth;
  const T* b;
  int64_t b_row;
  T* c;
  int64_t c_row;
  const T* bias;    // start: numbers of the columns, or null
  bool accumulate;  // start: what is in c
  int64_t bias_row = 0;  // how far apart the rows of `bias` lie; 0 where all rows start with the same
};

template <class T, int bytes>
struct Simd {
  typedef T type __attribute__((vector_size(bytes), aligned(sizeof(T)), may_alias));
  static constexpr int kWidth = bytes / sizeof(T);
};

constexpr int kTileRows = 10;    // of 32 registers 20 sums, 2 of b, 1 of a
constexpr int kFewTileRows = 6;  // of 16 registers 12 sums, 2 of b, 1 of a
constexpr int64_t kDepth = 256;  // rows of b whose tile stays in the first cache

// Where the sums begin: rows `row` apart, 0 where all rows begin with the same.
template <class T>
struct Start {
  const T* numbers;
  int64_t row;
};

template <class Of, class T, int kBytes, int kRows, int kVectors, bool kTransposed>
DGSYNTH_INLINE void multiply_tile(const T* a, int64_t a_row, int64_t a_depth, const T* b, int64_t b_row, int64_t k,
                                  Start<T> start, T* c, int64_t c_row) {
  using V = typename Simd<T, kBytes>::type;
  constexpr int kWidth = Simd<T, kBytes>::kWidth;
  V sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; i++) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; v++) sum[i][v] = *reinterpret_cast<const V*>(start.numbers + i * start.row + v * kWidth);
  }
  for (int64_t d = 0; d < k; d++, b += b_row, a += kTransposed ? a_depth : 1) {
    V x[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; v++) x[v] = *reinterpret_cast<const V*>(b + v * kWidth);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; i++) {
      const T* const weight = a + i * (kTransposed ? 1 : a_row);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; v++) sum[i][v] = Of::add(sum[i][v], x[v], weight);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; i++) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; v++) *reinterpret_cast<V*>(c + i * c_row + v * kWidth) = sum[i][v];
  }
}

template <class Of, class T, int kBytes, int kVectors, bool kTransposed, int kRows>
DGSYNTH_INLINE void multiply_rows(int64_t rows, const T* a, int64_t a_row, int64_t a_depth, const T* b, int64_t b_row,
                                  int64_t k, Start<T> start, T* c, int64_t c_row) {
  if (rows == kRows) {
    multiply_tile<Of, T, kBytes, kRows, kVectors, kTransposed>(a, a_row, a_depth, b, b_row, k, start, c, c_row);
  } else if constexpr (kRows > 1) {
    multiply_rows<Of, T, kBytes, kVectors, kTransposed, kRows - 1>(rows, a, a_row, a_depth, b, b_row, k, start, c, c_row);
  }
}

// All rows of one panel of columns; rows are spread evenly over the tiles.
template <class Of, class T, int kBytes, int kMost, int kVectors, bool kTransposed>
DGSYNTH_INLINE void multiply_panel(const Product<T>& p, int64_t depth, int64_t k, const T* b, int64_t b_row,
                                   Start<T> start, T* c, int64_t c_row) {
  const int64_t tiles = (p.m + kMost - 1) / kMost;
  for (int64_t tile = 0; tile < tiles; tile++) {
    const int64_t begin = p.m * tile / tiles, end = p.m * (tile + 1) / tiles;
    multiply_rows<Of, T, kBytes, kVectors, kTransposed, kMost>(
        end - begin, p.a + begin * p.a_row + depth * p.a_depth, p.a_row, p.a_depth, b, b_row, k,
        Start<T>{start.numbers + begin * start.row, start.row}, c + begin * c_row, c_row);
  }
}

template <class Of, class T, int kBytes, int kMost, bool kTransposed>
DGSYNTH_INLINE void multiply_all(const Product<T>& p) {
  constexpr int kWidth = Simd<T, kBytes>::kWidth;
  static constexpr T kZeros[2 * kWidth] = {};
  T tail[kDepth * kWidth], edge[60 * kWidth];
  for (int64_t depth = 0; depth == 0 || depth < p.k; depth += kDepth) {
    const int64_t k = std::min(kDepth, p.k - depth);
    const auto start = [&](int64_t column) -> Start<T> {
      if (depth > 0 || p.accumulate) return {p.c + column, p.c_row};
      return {p.bias ? p.bias + column : kZeros, p.bias_row};
    };
    const T* const b = p.b + depth * p.b_row;
    int64_t column = 0;
    for (; column + 2 * kWidth <= p.n; column += 2 * kWidth) {
      multiply_panel<Of, T, kBytes, kMost, 2, kTransposed>(p, depth, k, b + column, p.b_row, start(column), p.c + column,
                                                    p.c_row);
    }
    for (; column + kWidth <= p.n; column += kWidth) {
      multiply_panel<Of, T, kBytes, kMost, 1, kTransposed>(p, depth, k, b + column, p.b_row, start(column), p.c + column,
                                                    p.c_row);
    }
    const int64_t left = p.n - column;
    if (left == 0) continue;
    for (int64_t d = 0; d < k; d++) {
      for (int64_t j = 0; j < kWidth; j++) tail[d * kWidth + j] = j < left ? b[d * p.b_row + column + j] : T{0};
    }
    for (int64_t begin = 0; begin < p.m; begin += 60) {  // columns that do not fill a vector go through a copy
      Product<T> part = p;
      part.m = std::min<int64_t>(60, p.m - begin);
      part.a = p.a + begin * p.a_row;
      const Start<T> from = start(column);
      for (int64_t i = 0; i < part.m; i++) {
        for (int64_t j = 0; j < left; j++) edge[i * kWidth + j] = from.numbers[(begin + i) * from.row + j];
        std::fill_n(edge + i * kWidth + left, kWidth - left, T{0});
      }
      multiply_panel<Of, T, kBytes, kMost, 1, kTransposed>(part, depth, k, tail, kWidth, {edge, kWidth}, edge, kWidth);
      for (int64_t i = 0; i < part.m; i++) std::copy_n(edge + i * kWidth, left, p.c + (begin + i) * p.c_row + column);
    }
  }
}

template <class Of, class T, int kBytes, int kMost>
DGSYNTH_INLINE void multiply_tiles(const Product<T>& p) {
  if (p.a_row == 1) multiply_all<Of, T, kBytes, kMost, true>(p);
  else multiply_all<Of, T, kBytes, kMost, false>(p);
}

// c (m, n) += a (m, k) b (n, k)^T, for few rows of `a`: what reads b once, and need not turn it.
template <class T>
struct RowProduct {
  int64_t m, n, k;
  const T* a;
  int64_t a_row;
  const T* b;
  int64_t b_row;
  T* c;
  int64_t c_row;
};

template <class T, int kBytes, int kRows>
DGSYNTH_INLINE void multiply_row_tile(const RowProduct<T>& p, int64_t row) {
  using V = typename Simd<T, kBytes>::type;
  constexpr int kWidth = Simd<T, kBytes>::kWidth;
  const T* const a = p.a + row * p.a_row;
  for (int64_t j = 0; j < p.n; j++) {
    const T* const b = p.b + j * p.b_row;
    V sum[kRows] = {};
    int64_t d = 0;
    for (; d + kWidth <= p.k; d += kWidth) {
      const V x = *reinterpret_cast<const V*>(b + d);
#pragma GCC unroll 8
      for (int i = 0; i < kRows; i++) sum[i] += x * *reinterpret_cast<const V*>(a + i * p.a_row + d);
    }
    for (int i = 0; i < kRows; i++) {
      T total = 0;
      for (int lane = 0; lane < kWidth; lane++) total += sum[i][lane];
      for (int64_t rest = d; rest < p.k; rest++) total += a[i * p.a_row + rest] * b[rest];
      p.c[(row + i) * p.c_row + j] += total;
    }
  }
}

template <class T, int kBytes>
DGSYNTH_INLINE void multiply_row_tiles(const RowProduct<T>& p) {
  int64_t row = 0;
  for (; row + 4 <= p.m; row += 4) multiply_row_tile<T, kBytes, 4>(p, row);
  for (; row < p.m; row++) multiply_row_tile<T, kBytes, 1>(p, row);
}

}  // namespace dgsynth
