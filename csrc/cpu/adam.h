// One step of Adam on a stretch of numbers: each is read and written once. dgsynth/kernels/adam.py has the equations.
#pragma once

#include <cmath>
#include <cstdint>

namespace dgsynth {

template <class T>
struct Stretch {
  int64_t count;
  T *weights, *first, *second;
  const T* gradients;
};

template <class T>
struct Rates {
  T learning, beta_1, beta_2, root;  // learning and root already hold the bias corrections

  Rates(double learning_rate, double beta_1, double beta_2, int64_t step)
      : learning(T(learning_rate / (1 - std::pow(beta_1, step)))),
        beta_1(T(beta_1)),
        beta_2(T(beta_2)),
        root(T(1 / std::sqrt(1 - std::pow(beta_2, step)))) {}
};

void adam_step(const Stretch<float>& stretch, const Rates<float>& rates);
void adam_step(const Stretch<double>& stretch, const Rates<double>& rates);

}  // namespace dgsynth
