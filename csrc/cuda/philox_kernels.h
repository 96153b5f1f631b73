// Device code of the counter-based noise: a thread makes four normal numbers from nothing but their place.
// dgsynth/kernels/philox.py has the definition.
#pragma once

#include "block_math.h"

namespace dgsynth {

struct FillNormal {
  typedef float Number;
  static constexpr int kThreads = 256;
  const int64_t *samples, *draws;  // (n), (n, per_sample)
  float* normal;                   // (n, per_sample, dim)
  int64_t n, per_sample, dim;
  uint64_t seed;
  uint32_t stream;

  __host__ __device__ int64_t fours() const { return (dim + 3) / 4; }
  int64_t items() const { return (n * per_sample * fours() + kThreads - 1) / kThreads; }

  __device__ __forceinline__ void operator()(float*) const {
    const int64_t step = static_cast<int64_t>(gridDim.x) * thread_count();
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * thread_count() + thread_index();
         i < n * per_sample * fours(); i += step) {
      const int64_t draw = i / fours(), block = i % fours();
      float numbers[4];
      philox_normal(seed, static_cast<uint64_t>(samples[draw / per_sample]), static_cast<uint32_t>(draws[draw]),
                    static_cast<uint32_t>(block) | stream << 24, numbers);
#pragma unroll
      for (int j = 0; j < 4; j++) {
        if (4 * block + j < dim) normal[draw * dim + 4 * block + j] = numbers[j];
      }
    }
  }
};

}  // namespace dgsynth
