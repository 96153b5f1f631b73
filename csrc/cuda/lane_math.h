// What kernels share that carry lanes, one for each sample of a block of threads: how weights are packed and rounded,
// loads of four lanes, and the outputs' activations.
//
// Numbers of lanes lie in rows, [row][lane].
#pragma once

#include "device_math.h"
#include "generate_model.h"

namespace dgsynth {

struct Float32 {
  typedef float4 Word;
  static constexpr int kDepth = 1;  // inputs in a word
  __device__ static __forceinline__ void unpack(const float4& word, int, float (&weight)[4]) {
    weight[0] = word.x, weight[1] = word.y, weight[2] = word.z, weight[3] = word.w;
  }
  __device__ static __forceinline__ float round(float x) { return x; }
};

struct Bfloat16 {
  typedef uint4 Word;
  static constexpr int kDepth = 2;
  __device__ static __forceinline__ void unpack(const uint4& word, int depth, float (&weight)[4]) {
    const uint32_t pairs[4] = {word.x, word.y, word.z, word.w};
#pragma unroll
    for (int i = 0; i < 4; i++) weight[i] = __uint_as_float(depth == 0 ? pairs[i] << 16 : pairs[i] & 0xffff0000u);
  }
  __device__ static __forceinline__ float round(float x) { return round_to_bfloat16(x); }
};

__device__ __forceinline__ int warp_index() { return threadIdx.x / 32; }
__device__ __forceinline__ int warp_count() { return blockDim.x / 32; }

__device__ __forceinline__ void load4(const float* from, float (&values)[4]) {
  const float4 word = *reinterpret_cast<const float4*>(from);
  values[0] = word.x, values[1] = word.y, values[2] = word.z, values[3] = word.w;
}

__device__ __forceinline__ void store4(float* to, const float (&values)[4]) {
  *reinterpret_cast<float4*>(to) = make_float4(values[0], values[1], values[2], values[3]);
}

template <int kLanes>
__device__ __forceinline__ void activate(const Output& output, float* row) {
  if (output.activation == Activation::kSoftmax) {
    float greatest = row[0], total = 0.0f;
    for (int j = 1; j < output.dim; j++) greatest = fmaxf(greatest, row[j * kLanes]);
    for (int j = 0; j < output.dim; j++) total += row[j * kLanes] = __expf(row[j * kLanes] - greatest);
    for (int j = 0; j < output.dim; j++) row[j * kLanes] = __fdividef(row[j * kLanes], total);
  } else {
    for (int j = 0; j < output.dim; j++) {
      float& x = row[j * kLanes];
      x = output.activation == Activation::kSigmoid ? sigmoid(x) : tanh_of(x);
    }
  }
}

}  // namespace dgsynth
