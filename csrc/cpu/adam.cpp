// The op dgsynth::adam_ on the CPU: one step of Adam for all weights, in stretches that threads take in turn.

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <cmath>
#include <vector>

#include "../checks.h"
#include "adam.h"
#include "cells.h"
#include "tasks.h"

namespace dgsynth {
namespace {

constexpr double kEpsilon = 1e-8;
constexpr int64_t kStretch = 1 << 15;  // numbers of a task

template <class V, class T>
DGSYNTH_INLINE void step_stretch(const Stretch<T>& s, const Rates<T>& r) {
  constexpr int64_t kWidth = sizeof(V) / sizeof(T);
  for (int64_t i = 0; i < s.count; i += kWidth) {
    const int64_t count = s.count - i;
    const V gradient = load<V>(s.gradients + i, count);
    V mean = load<V>(s.first + i, count), square = load<V>(s.second + i, count);
    mean += (gradient - mean) * (T{1} - r.beta_1);
    square += (gradient * gradient - square) * (T{1} - r.beta_2);
    T roots[kWidth];
    store(square, roots, kWidth);
    for (T& x : roots) x = std::sqrt(x);
    const V change = mean * r.learning / (load<V>(roots, kWidth) * r.root + T(kEpsilon));
    store(mean, s.first + i, count);
    store(square, s.second + i, count);
    store(load<V>(s.weights + i, count) - change, s.weights + i, count);
  }
}

#ifdef __x86_64__
__attribute__((target("arch=x86-64-v4"))) void step_avx512(const Stretch<float>& s, const Rates<float>& r) {
  step_stretch<Vectors<16>::Floats>(s, r);
}

__attribute__((target("arch=x86-64-v3"))) void step_avx2(const Stretch<float>& s, const Rates<float>& r) {
  step_stretch<Vectors<8>::Floats>(s, r);
}
#endif

template <class T>
void run(const std::vector<Tensor>& weights, const std::vector<Tensor>& first, const std::vector<Tensor>& second,
         int64_t step_number, const std::vector<Tensor>& gradients, double learning_rate, double beta_1, double beta_2) {
  const Rates<T> rates(learning_rate, beta_1, beta_2, step_number);
  Tasks tasks;
  for (size_t k = 0; k < weights.size(); k++) {
    std::vector<int64_t> shape;
    for (int64_t d = 0; d < weights[k].dim(); d++) shape.push_back(weights[k].size(d));
    const std::string number = "[" + std::to_string(k) + "]";
    const auto own = [&](const Tensor& tensor, const char* name) {
      return const_cast<T*>(numbers<T>(tensor, shape, name + number));
    };
    const Stretch<T> all{weights[k].numel(), own(weights[k], "weights"), own(first[k], "first"), own(second[k], "second"),
                         own(gradients[k], "gradients")};
    for (int64_t begin = 0; begin < all.count; begin += kStretch) {
      const Stretch<T> part{std::min(kStretch, all.count - begin), all.weights + begin, all.first + begin,
                            all.second + begin, all.gradients + begin};
      tasks.add([part, &rates] { adam_step(part, rates); });
    }
  }
  tasks.run();
}

void adam_(std::vector<Tensor> weights, std::vector<Tensor> first, std::vector<Tensor> second, Tensor step,
           std::vector<Tensor> gradients, double learning_rate, double beta_1, double beta_2) {
  STD_TORCH_CHECK(first.size() == weights.size() && second.size() == weights.size() && gradients.size() == weights.size(),
                  "every weight needs two moments and a gradient");
  check_shape(step, {}, ScalarType::Long, "step");
  const int64_t number = ++*static_cast<int64_t*>(step.data_ptr());
  if (weights.empty()) return;
  const auto take = weights[0].scalar_type() == ScalarType::Double ? run<double> : run<float>;
  take(weights, first, second, number, gradients, learning_rate, beta_1, beta_2);
}

}  // namespace

void adam_step(const Stretch<double>& s, const Rates<double>& r) { step_stretch<double>(s, r); }

void adam_step(const Stretch<float>& s, const Rates<float>& r) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("x86-64-v4")) return step_avx512(s, r);
  if (__builtin_cpu_supports("x86-64-v3")) return step_avx2(s, r);
#endif
  step_stretch<Vectors<4>::Floats>(s, r);
}

}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CPU, m) { m.impl("adam_", TORCH_BOX(&dgsynth::adam_)); }
