// Device code of the MLPs with BatchNorm: what lies between their matrix products. The equations are in
// dgsynth/kernels/normalized_mlp.py.
//
// A layer is normalized over the batch, so a block owns 32 of its columns in all samples: everything that is summed
// over the batch stays within it, the gradients of biases, gains and shifts too. Outputs are activated by a block for
// each sample and output, since a softmax may have thousands of columns.
#pragma once

#include "block_math.h"
#include "generate_model.h"

namespace dgsynth {

constexpr int kMaxOutputs = 256;  // of one launch; arguments may take 4 KB

template <class T>
struct NormalizeLayer {
  typedef T Number;
  static constexpr int kThreads = 512;
  T* hidden;                        // (n, width): products on entry, after bias and ReLU on return
  const T *bias, *gain, *shift;     // (width)
  T *mean, *variance, *normalized;  // (width), (width), (n, width)
  T epsilon;
  int64_t n, width;

  int64_t items() const { return ColumnTile::count(width); }

  __device__ __forceinline__ void operator()(T* shared) const {
    for (int64_t item = blockIdx.x; item < ColumnTile::count(width); item += gridDim.x) {
      normalize(ColumnTile(item), shared);
    }
  }

  __device__ __forceinline__ void normalize(const ColumnTile& tile, T* shared) const {
    const int64_t j = tile.column, end = j < width ? n : 0;
    const auto read = [&](int64_t i) { return hidden[i * width + j]; };
    const T offset = j < width ? bias[j] : T{0};
    T sum{0}, squares{0};
    read_ahead(tile.first_row, end, tile.row_step, read, [&](int64_t i, T product) {
      const T x = relu(product + offset);
      hidden[i * width + j] = x;
      sum += x;
    });
    const T centre = sum_column(sum, shared) / static_cast<T>(n);
    for (int64_t i = tile.first_row; i < end; i += tile.row_step) {
      const T away = hidden[i * width + j] - centre;
      squares += away * away;
    }
    const T spread = sum_column(squares, shared) / static_cast<T>(n);
    if (j >= width) return;
    const T scale = gain[j] / square_root(spread + epsilon), start = shift[j];
    read_ahead(tile.first_row, end, tile.row_step, read, [&](int64_t i, T x) {
      normalized[i * width + j] = (x - centre) * scale + start;
    });
    if (tile.first_row != 0) return;
    mean[j] = centre;
    variance[j] = spread;
  }
};

// From the gradient to a normalized layer to that of its sums, and the layer itself once more: the gradient of the
// weights above is a product with it.
template <class T>
struct NormalizeLayerBackward {
  typedef T Number;
  static constexpr int kThreads = 512;
  T* gradient;  // (n, width): of the normalized layer on entry, of the sums on return
  const T* hidden;
  const T *mean, *variance, *gain, *shift;  // (width)
  T* normalized;                            // (n, width)
  T *grad_gain, *grad_shift, *grad_bias;    // (width)
  T epsilon;
  int64_t n, width;

  int64_t items() const { return ColumnTile::count(width); }

  __device__ __forceinline__ void operator()(T* shared) const {
    for (int64_t item = blockIdx.x; item < ColumnTile::count(width); item += gridDim.x) {
      go_back(ColumnTile(item), shared);
    }
  }

  __device__ __forceinline__ void go_back(const ColumnTile& tile, T* shared) const {
    const int64_t j = tile.column, end = j < width ? n : 0;
    T centre{0}, inverse{0}, factor{0}, offset{0};
    if (j < width) {
      centre = mean[j];
      inverse = T{1} / square_root(variance[j] + epsilon);
      factor = gain[j];
      offset = shift[j];
    }
    struct Numbers {
      T x, above;
    };
    const auto read = [&](int64_t i) { return Numbers{hidden[i * width + j], gradient[i * width + j]}; };
    T with_normal{0}, plain{0}, of_bias{0};
    read_ahead(tile.first_row, end, tile.row_step, read, [&](int64_t i, const Numbers& at) {
      const T normal = (at.x - centre) * inverse;
      normalized[i * width + j] = normal * factor + offset;
      with_normal += at.above * normal;
      plain += at.above;
    });
    with_normal = sum_column(with_normal, shared);
    plain = sum_column(plain, shared);
    read_ahead(tile.first_row, end, tile.row_step, read, [&](int64_t i, const Numbers& at) {
      const T normal = (at.x - centre) * inverse;
      const T centred = at.above - (plain + normal * with_normal) / static_cast<T>(n);
      const T of_sum = at.x > T{0} ? factor * inverse * centred : T{0};
      gradient[i * width + j] = of_sum;
      of_bias += of_sum;
    });
    of_bias = sum_column(of_bias, shared);
    if (tile.first_row != 0 || j >= width) return;
    grad_gain[j] = with_normal;
    grad_shift[j] = plain;
    grad_bias[j] = of_bias;
  }
};

// Outputs of a row that are activated together; an elementwise activation's neighbours are one.
struct OutputList {
  Output outputs[kMaxOutputs];
  int count;
};

template <class T>
struct ActivateOutputs {
  typedef T Number;
  static constexpr int kThreads = 64;
  OutputList list;
  const T *products, *bias;  // (n, width), (width)
  T* made;                   // (n, width)
  int64_t n, width;

  int64_t items() const { return n * list.count; }

  __device__ __forceinline__ void operator()(T* shared) const {
    for (int64_t item = blockIdx.x; item < n * list.count; item += gridDim.x) {
      const Output& output = list.outputs[item % list.count];
      const int64_t at = item / list.count * width + output.start;
      activate_row(output, products + at, bias + output.start, made + at, shared);
    }
  }

  __device__ __forceinline__ void activate_row(const Output& output, const T* from, const T* with, T* to,
                                               T* shared) const {
    if (output.activation != Activation::kSoftmax) {
      for (int j = thread_index(); j < output.dim; j += thread_count()) {
        const T x = from[j] + with[j];
        to[j] = output.activation == Activation::kSigmoid ? sigmoid(x) : tanh_of(x);
      }
      return;
    }
    T greatest = from[0] + with[0], total{0};
    for (int j = thread_index(); j < output.dim; j += thread_count()) {
      const T x = from[j] + with[j];
      greatest = x > greatest ? x : greatest;
    }
    greatest = combine_block(greatest, shared, [](T a, T b) { return a > b ? a : b; });
    for (int j = thread_index(); j < output.dim; j += thread_count()) {
      to[j] = exponential(from[j] + with[j] - greatest);
      total += to[j];
    }
    total = sum_block(total, shared);
    for (int j = thread_index(); j < output.dim; j += thread_count()) to[j] /= total;
  }
};

template <class T>
struct ActivateOutputsBackward {
  typedef T Number;
  static constexpr int kThreads = 64;
  OutputList list;
  const T *made, *gradient;  // (n, width)
  T* of_sums;                // (n, width)
  int64_t n, width;

  int64_t items() const { return n * list.count; }

  __device__ __forceinline__ void operator()(T* shared) const {
    for (int64_t item = blockIdx.x; item < n * list.count; item += gridDim.x) {
      const Output& output = list.outputs[item % list.count];
      const int64_t at = item / list.count * width + output.start;
      go_back(output, made + at, gradient + at, of_sums + at, shared);
    }
  }

  __device__ __forceinline__ void go_back(const Output& output, const T* y, const T* g, T* to, T* shared) const {
    T mean{0};  // of the gradient, under the softmax
    if (output.activation == Activation::kSoftmax) {
      for (int j = thread_index(); j < output.dim; j += thread_count()) mean += g[j] * y[j];
      mean = sum_block(mean, shared);
    }
    for (int j = thread_index(); j < output.dim; j += thread_count()) {
      const T slope = output.activation == Activation::kSoftmax   ? y[j] * (g[j] - mean)
                      : output.activation == Activation::kSigmoid ? g[j] * (y[j] * (T{1} - y[j]))
                                                                  : g[j] * (T{1} - y[j] * y[j]);
      to[j] = slope;
    }
  }
};

template <class T>
struct SumRows {
  typedef T Number;
  static constexpr int kThreads = 512;
  const T* rows;  // (n, width)
  T* sums;        // (width)
  int64_t n, width;

  int64_t items() const { return ColumnTile::count(width); }

  __device__ __forceinline__ void operator()(T* shared) const {
    for (int64_t item = blockIdx.x; item < ColumnTile::count(width); item += gridDim.x) {
      const ColumnTile tile(item);
      T sum{0};
      for (int64_t i = tile.first_row; i < n && tile.column < width; i += tile.row_step) {
        sum += rows[i * width + tile.column];
      }
      sum = sum_column(sum, shared);
      if (tile.first_row == 0 && tile.column < width) sums[tile.column] = sum;
    }
  }
};

}  // namespace dgsynth
