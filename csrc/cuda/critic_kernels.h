// Device code of the critic: what lies between its matrix products. dgsynth/kernels/critic.py has the equations.
//
// All matrices are small beside the products' weights and have just been written, so that they are read from L2: what
// counts is how few launches there are. A block owns whole rows where rows are summed or scaled, and 32 columns where
// columns are summed. No sum depends on which block comes first.
#pragma once

#include "block_math.h"

namespace dgsynth {

constexpr int kMaxFactors = 32;  // layers of one launch; arguments may take 4 KB

// From the first layer's products of real and fake rows to its outputs. The sums at an interpolated row are those of
// its ends, interpolated: one product less.
template <class T>
struct InterpolateFirstLayer {
  typedef T Number;
  static constexpr int kThreads = 256;
  T* hidden;  // (3n, width): products of the real, then the fake rows on entry; outputs of all three kinds on return
  const T *bias, *mixing;  // (width), (n)
  int64_t n, width;

  int64_t items() const { return n; }

  __device__ __forceinline__ void operator()(T*) const {
    for (int64_t i = blockIdx.x; i < n; i += gridDim.x) {
      T *const real = hidden + i * width, *const fake = real + n * width, *const between = fake + n * width;
      const T share = mixing[i];
      for (int64_t j = thread_index(); j < width; j += thread_count()) {
        const T of_real = real[j] + bias[j], of_fake = fake[j] + bias[j];
        real[j] = relu(of_real);
        fake[j] = relu(of_fake);
        between[j] = relu(of_fake + share * (of_real - of_fake));
      }
    }
  }
};

template <class T>
struct AddBiasAndRelu {
  typedef T Number;
  static constexpr int kThreads = 256;
  T* hidden;  // (rows, width): products on entry
  const T* bias;
  int64_t rows, width;

  int64_t items() const { return rows; }

  __device__ __forceinline__ void operator()(T*) const {
    for (int64_t i = blockIdx.x; i < rows; i += gridDim.x) {
      for (int64_t j = thread_index(); j < width; j += thread_count()) {
        hidden[i * width + j] = relu(hidden[i * width + j] + bias[j]);
      }
    }
  }
};

// The last layer, and the first step back from it: a row's score, and the score's gradient to the sums of the last
// two layers. Where there is but one layer its product is already in the scores.
template <class T>
struct Score {
  typedef T Number;
  static constexpr int kThreads = 256;
  T* hidden;             // (rows, width) of the last hidden layer, or null
  const T* hidden_bias;  // (width) where `hidden` are products, null where they are outputs
  const T *weight, *bias;  // (width), (1)
  T *scores, *left_hidden, *left;  // (scored), (rows, width), (rows)
  int64_t rows, scored, width;

  int64_t items() const { return rows; }

  __device__ __forceinline__ void operator()(T* shared) const {
    for (int64_t i = blockIdx.x; i < rows; i += gridDim.x) {
      T sum{0};
      for (int64_t j = thread_index(); hidden && j < width; j += thread_count()) {
        const int64_t at = i * width + j;
        const T x = hidden_bias ? relu(hidden[at] + hidden_bias[j]) : hidden[at];
        hidden[at] = x;
        left_hidden[at] = x > T{0} ? weight[j] : T{0};
        sum += x * weight[j];
      }
      if (hidden) sum = sum_block(sum, shared);
      if (thread_index() != 0) continue;
      left[i] = T{1};
      if (i < scored) scores[i] = (hidden ? sum : scores[i]) + bias[0];
    }
  }
};

// to = from, where the layer is active; divided by the row's norm where norms are given. `to` may be either of both.
template <class T>
struct MaskRows {
  typedef T Number;
  static constexpr int kThreads = 256;
  const T *from, *hidden, *norms;  // (rows, width), (rows, width), (rows) or null
  T* to;
  int64_t rows, width;

  int64_t items() const { return rows; }

  __device__ __forceinline__ void operator()(T*) const {
    for (int64_t i = blockIdx.x; i < rows; i += gridDim.x) {
      const T norm = norms ? norms[i] : T{1};
      for (int64_t j = thread_index(); j < width; j += thread_count()) {
        const int64_t at = i * width + j;
        to[at] = hidden[at] > T{0} ? from[at] / norm : T{0};
      }
    }
  }
};

// The norm of each row, by which it is divided where that is wanted.
template <class T>
struct TakeNorms {
  typedef T Number;
  static constexpr int kThreads = 512;  // a row may have tens of thousands of columns, and there are few rows
  T *slopes, *norms;  // (n, width), (n)
  T epsilon;
  bool divides;
  int64_t n, width;

  int64_t items() const { return n; }

  __device__ __forceinline__ void operator()(T* shared) const {
    for (int64_t i = blockIdx.x; i < n; i += gridDim.x) {
      T* const row = slopes + i * width;
      T square{0};
#pragma unroll 4
      for (int64_t j = thread_index(); j < width; j += thread_count()) square += row[j] * row[j];
      const T norm = square_root(sum_block(square, shared) + epsilon);
      if (thread_index() == 0) norms[i] = norm;
      if (!divides) continue;
#pragma unroll 4
      for (int64_t j = thread_index(); j < width; j += thread_count()) row[j] /= norm;
    }
  }
};

// The losses, and what they make of each row: `scale`, the loss's gradient to scores and norms, and `first_scale`, the
// same for the first layer's factors, where slopes have not been divided by their norms.
template <class T>
struct WeighLosses {
  typedef T Number;
  static constexpr int kThreads = 256;
  const T *scores, *norms;           // (2n), (n)
  T *losses, *scale, *first_scale;   // (3), (3n), (3n)
  T penalty_weight;
  int64_t n;

  int64_t items() const { return 1; }

  __device__ __forceinline__ void operator()(T* shared) const {
    if (blockIdx.x != 0) return;
    const T count = static_cast<T>(n);
    T distance{0}, penalty{0};
    for (int64_t i = thread_index(); i < n; i += thread_count()) {
      const T norm = norms[i], away = norm - T{1}, slope = T{2} * penalty_weight / count * away;
      distance += scores[i] - scores[n + i];
      penalty += away * away;
      scale[i] = first_scale[i] = T{-1} / count;
      scale[n + i] = first_scale[n + i] = T{1} / count;
      scale[2 * n + i] = slope;
      first_scale[2 * n + i] = slope / norm;
    }
    distance = sum_block(distance, shared) / count;
    penalty = sum_block(penalty, shared) / count;
    if (thread_index() != 0) return;
    losses[0] = penalty_weight * penalty - distance;
    losses[1] = distance;
    losses[2] = penalty;
  }
};

// Of one layer: the score's gradient to its sums, by row.
template <class T>
struct Factor {
  const T *left, *scale;  // (rows, width), (rows)
  T *scaled, *bias;       // (rows, width), maybe `left` itself; (width)
  int64_t width;
};

// Scales the rows of some layers, and sums those that reach the bias: a norm does not depend on it.
template <class T>
struct ScaleFactors {
  typedef T Number;
  static constexpr int kThreads = 512;
  Factor<T> factors[kMaxFactors];
  int count;
  int64_t rows, with_bias;

  int64_t items() const {
    int64_t tiles = 0;
    for (int l = 0; l < count; l++) tiles += ColumnTile::count(factors[l].width);
    return tiles;
  }

  __device__ __forceinline__ void operator()(T* shared) const {
    int64_t item = blockIdx.x;
    for (int l = 0; l < count; l++) {
      const int64_t tiles = ColumnTile::count(factors[l].width);
      for (; item < tiles; item += gridDim.x) scale_tile(factors[l], ColumnTile(item), shared);
      item -= tiles;
    }
  }

  __device__ __forceinline__ void scale_tile(const Factor<T>& f, const ColumnTile& tile, T* shared) const {
    T sum{0};
    const auto read = [&](int64_t i) { return f.scale[i] * f.left[i * f.width + tile.column]; };
    read_ahead(tile.first_row, tile.column < f.width ? rows : 0, tile.row_step, read, [&](int64_t i, T scaled) {
      f.scaled[i * f.width + tile.column] = scaled;
      if (i < with_bias) sum += scaled;
    });
    sum = sum_column(sum, shared);
    if (tile.first_row == 0 && tile.column < f.width) f.bias[tile.column] = sum;
  }
};

}  // namespace dgsynth
