// Layers of a network on rows of lanes: a number of every lane lies beside the others, and a weight is read once for all.
//
// Results are the same for every lane and every shape; vector_math.h says why.
#pragma once

#include <cstdint>
#include <vector>

#include "../vector_math.h"

namespace dgsynth {

constexpr int kGroup = 4;  // weights that lie together: the gates of a unit, or four outputs of the head

enum class Activation : int64_t { kSoftmax = 0, kSigmoid = 1, kTanh = 2 };

// A packed matrix: [group][input][4], or [group][pair of inputs][4][2] in bfloat16.
struct Matrix {
  int64_t groups, inputs;
  const float* weights;  // a pair of bfloat16 is read as one float's bits
  const float* bias;     // [group][4]
};

// How lanes are carried: kVectors vectors of kWidth lanes, and the sums of kGroups groups of weights at a time.
template <int width, int vectors, int groups, bool pairs = false>
struct Shape {
  static constexpr int kWidth = width, kVectors = vectors, kGroups = groups, kLanes = width * vectors;
  static constexpr bool kPairs = pairs;  // bfloat16, two of them at a time
  using Floats = typename Vectors<width>::Floats;
  using Words = typename Vectors<width>::Words;
};

// One number of every lane.
template <class S>
struct alignas(64) Row {
  typename S::Floats part[S::kVectors];
  DGSYNTH_INLINE float& lane(int i) { return reinterpret_cast<float*>(this)[i]; }
};

// Shapes whose sums, inputs and weight fit the registers: 32 of AVX-512 and of 64-bit ARM, 16 of all others. Few samples
// take one vector of more groups. With more than 32 lanes of AVX-512 the matrix product would be faster still, but what
// lies between the products then leaves the first cache: no gain.
#ifdef __x86_64__
using Bfloat16 = Shape<16, 2, 2, true>;
using FewBfloat16 = Shape<16, 1, 4, true>;
using Avx512 = Shape<16, 2, 2>;
using FewAvx512 = Shape<16, 1, 4>;
using Avx2 = Shape<8, 3, 1>;
using Anywhere = Shape<4, 3, 1>;
#else
using Anywhere = Shape<4, 3, 2>;
#endif

// sum += x w, or in bfloat16 sum += x[0] w[0] + x[1] w[1].
template <bool kPairs, class F>
DGSYNTH_INLINE F multiply_add(F sum, F x, const float* w) {
#ifdef __x86_64__
  if constexpr (kPairs) {
    F weights;
    asm("vbroadcastss %1, %0" : "=v"(weights) : "m"(*w));
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(x), "v"(weights));
    return sum;
  }
#endif
  return sum + x * *w;
}

// sum[g][j] = start[g][j] + sum over k of weights[g][k][j] * inputs[k], for kGroups groups; all sums stay in registers.
template <class S, bool kPairs, int kGroups>
DGSYNTH_INLINE void multiply(const float* weights, int64_t count, const Row<S>* inputs,
                             Row<S> (&sum)[kGroups * kGroup]) {
  typename S::Floats total[kGroups * kGroup][S::kVectors];
#pragma GCC unroll 16
  for (int j = 0; j < kGroups * kGroup; j++) {
#pragma GCC unroll 4
    for (int v = 0; v < S::kVectors; v++) total[j][v] = sum[j].part[v];
  }
  for (int64_t k = 0; k < count; k++, weights += kGroup) {
    typename S::Floats x[S::kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < S::kVectors; v++) x[v] = inputs[k].part[v];
#pragma GCC unroll 16
    for (int j = 0; j < kGroups * kGroup; j++) {
      const float* const weight = weights + j / kGroup * count * kGroup + j % kGroup;
#pragma GCC unroll 4
      for (int v = 0; v < S::kVectors; v++) total[j][v] = multiply_add<kPairs>(total[j][v], x[v], weight);
    }
  }
#pragma GCC unroll 16
  for (int j = 0; j < kGroups * kGroup; j++) {
#pragma GCC unroll 4
    for (int v = 0; v < S::kVectors; v++) sum[j].part[v] = total[j][v];
  }
}

// Outputs of kGroups groups from `group` on.
template <class S, int kGroups>
DGSYNTH_INLINE void multiply_groups(const Matrix& matrix, int64_t group, const Row<S>* inputs, Row<S>* outputs) {
  Row<S> sum[kGroups * kGroup];
  for (int j = 0; j < kGroups * kGroup; j++) {
    for (int v = 0; v < S::kVectors; v++) sum[j].part[v] = fill<typename S::Floats>(matrix.bias[group * kGroup + j]);
  }
  multiply<S, false, kGroups>(matrix.weights + group * matrix.inputs * kGroup, matrix.inputs, inputs, sum);
  for (int j = 0; j < kGroups * kGroup; j++) outputs[group * kGroup + j] = sum[j];
}

// A linear layer in float32.
template <class S>
DGSYNTH_INLINE void linear(const Matrix& matrix, const Row<S>* inputs, Row<S>* outputs) {
  int64_t group = 0;
  for (; group + S::kGroups <= matrix.groups; group += S::kGroups) {
    multiply_groups<S, S::kGroups>(matrix, group, inputs, outputs);
  }
  for (; group < matrix.groups; group++) multiply_groups<S, 1>(matrix, group, inputs, outputs);
}

template <class S>
DGSYNTH_INLINE void softmax(Row<S>* rows, int64_t dim) {
  for (int v = 0; v < S::kVectors; v++) {
    typename S::Floats greatest = rows[0].part[v], total = {};
    for (int64_t j = 1; j < dim; j++) greatest = rows[j].part[v] > greatest ? rows[j].part[v] : greatest;
    for (int64_t j = 0; j < dim; j++) {
      rows[j].part[v] = exp_of_negative(rows[j].part[v] - greatest);
      total += rows[j].part[v];
    }
    for (int64_t j = 0; j < dim; j++) rows[j].part[v] /= total;
  }
}

// Applies each output's activation; an output is dims[i] rows.
template <class S>
DGSYNTH_INLINE void activate(const std::vector<int64_t>& dims, const std::vector<int64_t>& activations, Row<S>* rows) {
  for (size_t output = 0; output < dims.size(); rows += dims[output], output++) {
    const auto activation = static_cast<Activation>(activations[output]);
    if (activation == Activation::kSoftmax) softmax(rows, dims[output]);
    for (int v = 0; v < S::kVectors; v++) {
      if (activation == Activation::kSigmoid) rows->part[v] = sigmoid(rows->part[v]);
      if (activation == Activation::kTanh) rows->part[v] = tanh(rows->part[v]);
    }
  }
}

}  // namespace dgsynth
