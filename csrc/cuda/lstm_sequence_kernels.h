// Device code around the passes of lstm_sequence: the kernels that carry samples through them, as structs for a launch,
// and what the weights' gradients are made of. For the form of a kernel see block_math.h.
#pragma once

#include "lstm_sequence_backward.h"
#include "lstm_sequence_forward.h"

namespace dgsynth {

template <class Weight, int kLanes>
struct RunSequence {
  static constexpr int kThreads = kSequenceThreads;
  SequenceForward m;
  __device__ __forceinline__ void operator()(char* shared) const { run_sequence_block<Weight, kLanes>(m, shared); }
};

template <class Weight, int kLanes>
struct RunSequenceBack {
  static constexpr int kThreads = kSequenceThreads;
  SequenceBackward m;
  __device__ __forceinline__ void operator()(char* shared) const { run_sequence_block_back<Weight, kLanes>(m, shared); }
};

constexpr int kMaxStored = 256;  // outputs of one launch

// Brings a list to the device within a launch's arguments: a copy from the host would not outlive the host's list where
// a CUDA graph repeats it.
template <class T>
struct StoreOutputs {
  typedef T Number;
  static constexpr int kThreads = 256;
  Output list[kMaxStored];
  int count;
  Output* to;

  int64_t items() const { return 1; }

  __device__ __forceinline__ void operator()(T*) const {
    if (blockIdx.x != 0) return;
    for (int i = thread_index(); i < count; i += thread_count()) to[i] = list[i];
  }
};

// What each layer and the head read in each pass: rows (P, B) whose products with the gradients of gates and logits are
// those of the weights. Zero where a sample has ended.
template <class T>
struct GatherInputs {
  typedef T Number;
  static constexpr int kThreads = 128;
  Sequence s;
  const T *noise, *steps, *hiddens, *hidden;
  const int64_t* lengths;
  T* inputs[kMaxLayers];  // (P, B, x + H)
  T* top;                 // (P, B, H)
  bool rounds;            // inputs of the layers, to bfloat16

  int64_t items() const { return s.passes * s.n; }

  __device__ __forceinline__ void operator()(T*) const {
    for (int64_t item = blockIdx.x; item < s.passes * s.n; item += gridDim.x) {
      const int64_t pass = item / s.n, sample = item % s.n;
      const bool made = pass * s.sample_len < lengths[sample];
      for (int l = 0; l < s.layers; l++) {
        const int x_dim = s.x_dim(l), width = x_dim + s.units;
        for (int j = thread_index(); j < width; j += thread_count()) {
          const T value = !made ? T{0} : j < x_dim ? input_at(pass, l, sample, j) : before(pass, l, sample, j - x_dim);
          inputs[l][item * width + j] = rounds ? round_to_bfloat16(value) : value;
        }
      }
      const T* const above = hiddens + s.row(pass, s.layers - 1, sample) * s.units;
      for (int j = thread_index(); j < s.units; j += thread_count()) top[item * s.units + j] = made ? above[j] : T{0};
    }
  }

  __device__ __forceinline__ T input_at(int64_t pass, int layer, int64_t sample, int j) const {
    if (layer > 0) return hiddens[s.row(pass, layer - 1, sample) * s.units + j];
    const int64_t at = sample * s.passes + pass;
    if (j < s.noise_dim) return noise[at * s.noise_dim + j];
    return pass > 0 ? steps[(at - 1) * s.block_dim() + j - s.noise_dim] : T{0};
  }

  __device__ __forceinline__ T before(int64_t pass, int layer, int64_t sample, int unit) const {
    return pass > 0 ? hiddens[s.row(pass - 1, layer, sample) * s.units + unit]
                    : hidden[s.row(layer, sample) * s.units + unit];
  }
};

// Sums over the passes, in their order.
template <class T>
struct SumPasses {
  typedef T Number;
  static constexpr int kThreads = 128;
  const T* rows;  // (layers, P, count)
  T* sums;        // (layers, count)
  int64_t layers, passes, count;

  int64_t items() const { return (layers * count + kThreads - 1) / kThreads; }

  __device__ __forceinline__ void operator()(T*) const {
    const int64_t step = static_cast<int64_t>(gridDim.x) * thread_count();
    for (int64_t i = blockIdx.x * static_cast<int64_t>(thread_count()) + thread_index(); i < layers * count; i += step) {
      const T* const from = rows + i / count * passes * count + i % count;
      T sum{0};
#pragma unroll 8
      for (int64_t pass = 0; pass < passes; pass++) sum += from[pass * count];
      sums[i] = sum;
    }
  }
};

template <class T>
struct RoundToBfloat16 {
  typedef T Number;
  static constexpr int kThreads = 256;
  T* values;
  int64_t count;

  int64_t items() const { return (count + kThreads - 1) / kThreads; }

  __device__ __forceinline__ void operator()(T*) const {
    const int64_t step = static_cast<int64_t>(gridDim.x) * thread_count();
    for (int64_t i = blockIdx.x * static_cast<int64_t>(thread_count()) + thread_index(); i < count; i += step) {
      values[i] = round_to_bfloat16(values[i]);
    }
  }
};

}  // namespace dgsynth
