// The ops dgsynth::normalized_mlp and normalized_mlp_backward on the CPU: linear layers, ReLU and BatchNorm over the batch.
// dgsynth/kernels/normalized_mlp.py has the equations.
//
// Threads share the columns of a layer, so that each has all samples of those that it normalizes.

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <cmath>
#include <tuple>
#include <vector>

#include "../checks.h"
#include "cells.h"
#include "multiply.h"
#include "tasks.h"

namespace dgsynth {
namespace {

constexpr double kNormEpsilon = 1e-5;
constexpr int64_t kColumns = 16;  // of a layer that stay together

// Calls work(begin, end) on stretches of columns.
template <class Work>
void share_columns(int64_t columns, const Work& work) {
  share_rows((columns + kColumns - 1) / kColumns,
             [&](int64_t begin, int64_t end) { work(begin * kColumns, std::min(end * kColumns, columns)); });
}

template <class T>
T* data(const Tensor& tensor) {
  return static_cast<T*>(tensor.data_ptr());
}

// sums (n, out) = x W^T + bias in columns `begin` to `end - 1`.
template <class T>
void add_inputs(const T* x, int64_t n, int64_t in, const T* weight, const T* bias, int64_t out, int64_t begin, int64_t end,
                T* sums) {
  const int64_t count = end - begin;
  std::vector<T> transposed(in * count);
  transpose(weight + begin * in, in, count, int64_t{0}, in, transposed.data(), count);
  multiply<T>({n, count, in, x, in, 1, transposed.data(), count, sums + begin, out, bias + begin, false});
}

template <class T>
void make_hidden(T* hidden, int64_t n, int64_t out, int64_t begin, int64_t end, T* mean, T* variance) {
  std::fill(mean + begin, mean + end, T{0});
  std::fill(variance + begin, variance + end, T{0});
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = begin; j < end; j++) {
      T& x = hidden[i * out + j];
      x = x > T{0} ? x : T{0};
      mean[j] += x;
    }
  }
  for (int64_t j = begin; j < end; j++) mean[j] /= n;
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = begin; j < end; j++) {
      const T away = hidden[i * out + j] - mean[j];
      variance[j] += away * away;
    }
  }
  for (int64_t j = begin; j < end; j++) variance[j] /= n;
}

// to = (hidden - mean) / deviation * gain + shift, in columns `begin` to `end - 1`.
template <class T>
void normalize(const T* hidden, int64_t n, int64_t out, int64_t begin, int64_t end, const T* mean, const T* variance,
               const T* gain, const T* shift, T* to) {
  std::vector<T> scale(end - begin);
  for (int64_t j = begin; j < end; j++) scale[j - begin] = gain[j] / std::sqrt(variance[j] + T(kNormEpsilon));
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = begin; j < end; j++) {
      to[i * out + j] = (hidden[i * out + j] - mean[j]) * scale[j - begin] + shift[j];
    }
  }
}

using Made = std::tuple<Tensor, std::vector<Tensor>, std::vector<Tensor>, std::vector<Tensor>>;

template <class T>
Made run_forward(const Tensor& inputs, const std::vector<Tensor>& weights, const std::vector<Tensor>& biases,
                 const std::vector<Tensor>& gains, const std::vector<Tensor>& shifts, const std::vector<int64_t>& dims,
                 const std::vector<int64_t>& activations) {
  const int64_t n = inputs.size(0), layers = gains.size();
  int64_t in = inputs.size(1);
  const T* x = numbers<T>(inputs, {n, in}, "inputs");
  std::vector<Tensor> hidden, means, variances;
  std::vector<T> from, to;
  for (int64_t l = 0; l < layers; l++) {
    const int64_t out = weights[l].size(0);
    const std::string number = "[" + std::to_string(l) + "]";
    const T* const weight = numbers<T>(weights[l], {out, in}, "weights" + number);
    const T* const bias = numbers<T>(biases[l], {out}, "biases" + number);
    const T* const gain = numbers<T>(gains[l], {out}, "gains" + number);
    const T* const shift = numbers<T>(shifts[l], {out}, "shifts" + number);
    hidden.push_back(torch::stable::new_empty(inputs, {n, out}));
    means.push_back(torch::stable::new_empty(inputs, {out}));
    variances.push_back(torch::stable::new_empty(inputs, {out}));
    T *const h = data<T>(hidden[l]), *const mean = data<T>(means[l]), *const variance = data<T>(variances[l]);
    to.resize(n * out);
    share_columns(out, [&](int64_t begin, int64_t end) {
      add_inputs(x, n, in, weight, bias, out, begin, end, h);
      make_hidden(h, n, out, begin, end, mean, variance);
      normalize(h, n, out, begin, end, mean, variance, gain, shift, to.data());
    });
    std::swap(from, to);
    x = from.data();
    in = out;
  }
  const int64_t out = weights[layers].size(0);
  const std::vector<OutputGroup> groups = group_outputs(dims, activations, 1);
  const T* const weight = numbers<T>(weights[layers], {out, in}, "weights of the outputs");
  const T* const bias = numbers<T>(biases[layers], {out}, "biases of the outputs");
  Tensor outputs = torch::stable::new_empty(inputs, {n, out});
  share_columns(out, [&](int64_t begin, int64_t end) {
    add_inputs(x, n, in, weight, bias, out, begin, end, data<T>(outputs));
  });
  for (int64_t i = 0; i < n; i++) cells<T>().activate(groups, data<T>(outputs) + i * out);
  return {outputs, hidden, means, variances};
}

void check_layers(const std::vector<Tensor>& weights, const std::vector<Tensor>& gains, const std::vector<int64_t>& dims,
                  const std::vector<int64_t>& activations) {
  check_outputs(dims, activations);
  STD_TORCH_CHECK(weights.size() == gains.size() + 1, "every hidden layer needs a gain and a shift, the outputs none");
  for (const Tensor& weight : weights) STD_TORCH_CHECK(weight.dim() == 2, "weights must be of shape (out, in)");
  int64_t total = 0;
  for (const int64_t dim : dims) total += dim;
  STD_TORCH_CHECK(weights.back().size(0) == total, "the last layer must have the outputs' sum of dims");
}

Made normalized_mlp(Tensor inputs, std::vector<Tensor> weights, std::vector<Tensor> biases, std::vector<Tensor> gains,
                    std::vector<Tensor> shifts, std::vector<int64_t> dims, std::vector<int64_t> activations) {
  STD_TORCH_CHECK(inputs.dim() == 2, "inputs must be of shape (B, features)");
  check_layers(weights, gains, dims, activations);
  STD_TORCH_CHECK(biases.size() == weights.size() && shifts.size() == gains.size(), "every layer needs a bias");
  const auto run = inputs.scalar_type() == ScalarType::Double ? run_forward<double> : run_forward<float>;
  return run(inputs, weights, biases, gains, shifts, dims, activations);
}

// From the gradient to a normalized layer to that of its sums, in place and in columns `begin` to `end - 1`; `normal` is
// the layer before gain and shift.
template <class T>
void normalize_backward(T* gradient, const T* normal, const T* hidden, int64_t n, int64_t out, int64_t begin, int64_t end,
                        const T* variance, const T* gain, T* grad_gain, T* grad_shift) {
  std::fill(grad_gain + begin, grad_gain + end, T{0});
  std::fill(grad_shift + begin, grad_shift + end, T{0});
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = begin; j < end; j++) {
      grad_gain[j] += gradient[i * out + j] * normal[i * out + j];
      grad_shift[j] += gradient[i * out + j];
    }
  }
  std::vector<T> scale(end - begin);
  for (int64_t j = begin; j < end; j++) scale[j - begin] = gain[j] / std::sqrt(variance[j] + T(kNormEpsilon));
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = begin; j < end; j++) {
      const int64_t at = i * out + j;
      const T centred = gradient[at] - (grad_shift[j] + normal[at] * grad_gain[j]) / n;
      gradient[at] = hidden[at] > T{0} ? scale[j - begin] * centred : T{0};
    }
  }
}

using Gradients = std::tuple<std::vector<Tensor>, std::vector<Tensor>, std::vector<Tensor>, std::vector<Tensor>>;

template <class T>
Gradients run_backward(const Tensor& gradient, const Tensor& outputs, const Tensor& inputs,
                       const std::vector<Tensor>& hidden, const std::vector<Tensor>& means,
                       const std::vector<Tensor>& variances, const std::vector<Tensor>& weights,
                       const std::vector<Tensor>& gains, const std::vector<Tensor>& shifts,
                       const std::vector<int64_t>& dims, const std::vector<int64_t>& activations) {
  const int64_t n = inputs.size(0), layers = gains.size();
  int64_t out = weights[layers].size(0);
  const T* const made = numbers<T>(outputs, {n, out}, "outputs");
  const T* const of_outputs = numbers<T>(gradient, {n, out}, "gradient");
  const std::vector<OutputGroup> groups = group_outputs(dims, activations, 1);
  std::vector<T> above(n * out), below, normal, x;
  for (int64_t i = 0; i < n; i++) activate_row_backward(groups, made + i * out, of_outputs + i * out, above.data() + i * out);
  const auto like = [](const std::vector<Tensor>& tensors) {
    std::vector<Tensor> copies;
    for (const Tensor& tensor : tensors) copies.push_back(torch::stable::empty_like(tensor));
    return copies;
  };
  std::vector<Tensor> grad_weights = like(weights), grad_gains = like(gains), grad_shifts = like(shifts), grad_biases;
  for (const Tensor& weight : weights) grad_biases.push_back(torch::stable::new_empty(inputs, {weight.size(0)}));
  for (int64_t l = layers; l >= 0; l--) {
    const int64_t in = weights[l].size(1);
    const std::string number = "[" + std::to_string(l - 1) + "]";
    const T* const weight = numbers<T>(weights[l], {out, in}, "weights");
    const T *source = nullptr, *h = nullptr, *variance = nullptr, *gain = nullptr;
    if (l == 0) {
      source = numbers<T>(inputs, {n, in}, "inputs");
    } else {
      h = numbers<T>(hidden[l - 1], {n, in}, "hidden" + number);
      variance = numbers<T>(variances[l - 1], {in}, "variances" + number);
      gain = numbers<T>(gains[l - 1], {in}, "gains" + number);
      const T* const mean = numbers<T>(means[l - 1], {in}, "means" + number);
      const T* const shift = numbers<T>(shifts[l - 1], {in}, "shifts" + number);
      const std::vector<T> ones(in, T{1}), zeros(in, T{0});
      normal.resize(n * in);
      x.resize(n * in);
      below.resize(n * in);
      share_columns(in, [&](int64_t begin, int64_t end) {
        normalize(h, n, in, begin, end, mean, variance, ones.data(), zeros.data(), normal.data());
        normalize(h, n, in, begin, end, mean, variance, gain, shift, x.data());
        multiply<T>({n, end - begin, out, above.data(), out, 1, weight + begin, in, below.data() + begin, in, nullptr, false});
        normalize_backward(below.data(), normal.data(), h, n, in, begin, end, variance, gain, data<T>(grad_gains[l - 1]),
                           data<T>(grad_shifts[l - 1]));
      });
      source = x.data();
    }
    share_columns(out, [&](int64_t begin, int64_t end) {
      T* const bias = data<T>(grad_biases[l]);
      std::fill(bias + begin, bias + end, T{0});
      for (int64_t i = 0; i < n; i++) {
        for (int64_t j = begin; j < end; j++) bias[j] += above[i * out + j];
      }
      multiply<T>({end - begin, in, n, above.data() + begin, 1, out, source, in, data<T>(grad_weights[l]) + begin * in, in,
                   nullptr, false});
    });
    std::swap(above, below);
    out = in;
  }
  return {grad_weights, grad_biases, grad_gains, grad_shifts};
}

Gradients normalized_mlp_backward(Tensor gradient, Tensor outputs, Tensor inputs, std::vector<Tensor> hidden,
                                  std::vector<Tensor> means, std::vector<Tensor> variances, std::vector<Tensor> weights,
                                  std::vector<Tensor> gains, std::vector<Tensor> shifts, std::vector<int64_t> dims,
                                  std::vector<int64_t> activations) {
  STD_TORCH_CHECK(inputs.dim() == 2, "inputs must be of shape (B, features)");
  check_layers(weights, gains, dims, activations);
  STD_TORCH_CHECK(hidden.size() == gains.size() && means.size() == gains.size() && variances.size() == gains.size() &&
                      shifts.size() == gains.size(),
                  "every hidden layer needs means, variances and shifts");
  const auto run = inputs.scalar_type() == ScalarType::Double ? run_backward<double> : run_backward<float>;
  return run(gradient, outputs, inputs, hidden, means, variances, weights, gains, shifts, dims, activations);
}

}  // namespace
}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CPU, m) {
  m.impl("normalized_mlp", TORCH_BOX(&dgsynth::normalized_mlp));
  m.impl("normalized_mlp_backward", TORCH_BOX(&dgsynth::normalized_mlp_backward));
}
