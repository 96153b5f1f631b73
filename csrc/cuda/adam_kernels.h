// Device code of Adam, and the host's part of it. dgsynth/kernels/adam.py has the definition.
//
// Each number is read and written once, and one launch does so for up to 64 tensors. The count of steps lives on the
// device: one thread raises it and makes the bias corrections of it, before the others start.
#pragma once

#include <algorithm>
#include <vector>

#include "block_math.h"

namespace dgsynth {

constexpr double kAdamEpsilon = 1e-8;  // added to the root of the second moment
constexpr int kMaxTensors = 64;        // of one launch; arguments may take 4 KB
constexpr int64_t kStretch = 2048;     // numbers that a block takes at a time

template <class T>
struct CountStep {
  typedef T Number;
  static constexpr int kThreads = 32;
  int64_t* step;
  T* rates;  // (2) of the learning, with the correction of the first moment, and the correction of the second's root
  double learning_rate, beta_1, beta_2;

  int64_t items() const { return 1; }

  __device__ __forceinline__ void operator()(T*) const {
    if (blockIdx.x != 0 || thread_index() != 0) return;
    *step += 1;
    const double number = static_cast<double>(*step);
    rates[0] = static_cast<T>(learning_rate / (1.0 - pow(beta_1, number)));
    rates[1] = static_cast<T>(1.0 / sqrt(1.0 - pow(beta_2, number)));
  }
};

template <class T>
struct AdamTensor {
  T *weights, *first, *second;
  const T* gradients;
  int64_t count;

  __host__ __device__ int64_t stretches() const { return (count + kStretch - 1) / kStretch; }
};

template <class T>
struct UpdateWeights {
  typedef T Number;
  static constexpr int kThreads = 256;
  AdamTensor<T> tensors[kMaxTensors];
  int count;
  const T* rates;
  T beta_1, beta_2;

  int64_t items() const {
    int64_t stretches = 0;
    for (int k = 0; k < count; k++) stretches += tensors[k].stretches();
    return stretches;
  }

  __device__ __forceinline__ void operator()(T*) const {
    const T rate = rates[0], root = rates[1];
    int64_t item = blockIdx.x;
    for (int k = 0; k < count; k++) {
      const int64_t stretches = tensors[k].stretches();
      for (; item < stretches; item += gridDim.x) update(tensors[k], item * kStretch, rate, root);
      item -= stretches;
    }
  }

  __device__ __forceinline__ void update(const AdamTensor<T>& t, int64_t begin, T rate, T root) const {
    const int64_t end = begin + kStretch < t.count ? begin + kStretch : t.count;
    struct Numbers {
      T gradient, first, second, weight;
    };
    const auto read = [&](int64_t i) { return Numbers{t.gradients[i], t.first[i], t.second[i], t.weights[i]}; };
    read_ahead(begin + thread_index(), end, thread_count(), read, [&](int64_t i, const Numbers& at) {
      const T mean = at.first + (at.gradient - at.first) * (T{1} - beta_1);
      const T square = at.second + (at.gradient * at.gradient - at.second) * (T{1} - beta_2);
      t.first[i] = mean;
      t.second[i] = square;
      t.weights[i] = at.weight - rate * mean / (square_root(square) * root + static_cast<T>(kAdamEpsilon));
    });
  }
};

template <class T, class Device>
void run_adam(Device& device, const std::vector<AdamTensor<T>>& tensors, int64_t* step, double learning_rate,
              double beta_1, double beta_2) {
  T* const rates = device.template make<T>(2);
  device.run(CountStep<T>{step, rates, learning_rate, beta_1, beta_2});
  for (size_t begin = 0; begin < tensors.size(); begin += kMaxTensors) {
    UpdateWeights<T> kernel{};
    kernel.rates = rates;
    kernel.beta_1 = static_cast<T>(beta_1);
    kernel.beta_2 = static_cast<T>(beta_2);
    kernel.count = static_cast<int>(std::min<size_t>(tensors.size() - begin, kMaxTensors));
    std::copy_n(tensors.begin() + begin, kernel.count, kernel.tensors);
    device.run(kernel);
  }
}

}  // namespace dgsynth
