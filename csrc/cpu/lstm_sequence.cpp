// The ops dgsynth::lstm_sequence and lstm_sequence_backward on the CPU: the measurement generator's passes in training, and
// its gradients through time. dgsynth/kernels/lstm_sequence.py has the equations.
//
// A block of 10 samples, a tile of the matrix product, is carried through its passes by one thread, and so it is on its way
// back; lstm_sequence_forward.h and lstm_sequence_backward.h are what that thread does.

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "../checks.h"
#include "lstm_sequence_backward.h"
#include "lstm_sequence_forward.h"
#include "memory.h"
#include "tasks.h"

namespace dgsynth {
namespace {

constexpr int64_t kBlock = kTileRows;  // samples

template <class T>
Sequence<T> read_sequence(const Tensor& condition, const Tensor& noise, const Tensor& hidden, const Tensor& cell,
                          const std::vector<Tensor>& weights, const Tensor& head_weight, bool feedback,
                          const std::vector<int64_t>& dims, const std::vector<int64_t>& activations, int64_t sample_len,
                          bool bfloat16) {
  STD_TORCH_CHECK(!bfloat16 || sizeof(T) == 4, "bfloat16 takes the place of float32, not of float64");
  STD_TORCH_CHECK(condition.dim() == 2 && noise.dim() == 3 && hidden.dim() == 3 && !weights.empty(),
                  "condition must be of shape (B, C), noise (B, P, N), hidden (layers, B, H)");
  STD_TORCH_CHECK(sample_len > 0, "sample_len must be positive");
  Sequence<T> s{bfloat16};
  s.n = condition.size(0);
  s.passes = noise.size(1);
  s.units = hidden.size(2);
  s.condition_dim = condition.size(1);
  s.noise_dim = noise.size(2);
  s.sample_len = sample_len;
  s.step_dim = std::accumulate(dims.begin(), dims.end(), int64_t{0});
  s.block_dim = sample_len * s.step_dim;
  s.feedback_dim = feedback ? s.block_dim : 0;
  const int64_t n_layers = weights.size();
  s.condition = numbers<T>(condition, {s.n, s.condition_dim}, "condition");
  s.noise = numbers<T>(noise, {s.n, s.passes, s.noise_dim}, "noise");
  s.hidden = numbers<T>(hidden, {n_layers, s.n, s.units}, "hidden");
  s.cell = numbers<T>(cell, {n_layers, s.n, s.units}, "cell");
  s.head = numbers<T>(head_weight, {s.block_dim, s.units}, "head_weight");
  for (int64_t l = 0; l < n_layers; l++) {
    const int64_t known = l == 0 ? s.condition_dim : 0, constant = l == 0 ? s.noise_dim : 0;
    const int64_t inputs = (l == 0 ? s.noise_dim + s.feedback_dim : s.units) + s.units;
    const std::string name = "weights[" + std::to_string(l) + "]";
    s.layers.push_back({known, inputs, constant, numbers<T>(weights[l], {4 * s.units, known + inputs}, name)});
  }
  s.groups = group_outputs(dims, activations, sample_len);
  return s;
}

template <class Work>
void share_blocks(int64_t n, const Work& work) {
  Tasks tasks;
  const int64_t blocks = (n + kBlock - 1) / kBlock;
  for (int64_t i = 0; i < blocks; i++) {
    const int64_t begin = n * i / blocks, end = n * (i + 1) / blocks;
    tasks.add([&work, i, begin, end] { work(i, begin, end - begin); });
  }
  tasks.run();
}

using Made = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>;

template <class T>
Made run_forward(const Tensor& condition, const Tensor& noise, const Tensor& hidden, const Tensor& cell,
                 const std::vector<Tensor>& weights, const std::vector<Tensor>& biases, const Tensor& head_weight,
                 const Tensor& head_bias, bool feedback, const std::vector<int64_t>& dims,
                 const std::vector<int64_t>& activations, int64_t sample_len, int64_t max_length, bool has_flags,
                 bool bfloat16) {
  check_outputs(dims, activations, has_flags);
  Forward<T> f{read_sequence<T>(condition, noise, hidden, cell, weights, head_weight, feedback, dims, activations, sample_len,
                                  bfloat16),
               max_length, has_flags};
  const Sequence<T>& s = f.s;
  STD_TORCH_CHECK(biases.size() == weights.size(), "every LSTM layer needs a bias");
  STD_TORCH_CHECK((s.passes - 1) * sample_len < max_length, "every pass must begin before max_length");
  for (int64_t l = 0; l < s.n_layers(); l++) {
    const SequenceLayer<T>& layer = s.layers[l];
    const T* const bias = numbers<T>(biases[l], {s.gates()}, "biases[" + std::to_string(l) + "]");
    f.biases.push_back(copy_padded(bias, 1, s.gates(), s.gates()));
    f.transposed.push_back(prepare(
        bfloat16, transpose_padded(layer.weights + layer.known, s.gates(), layer.inputs, layer.known + layer.inputs),
        layer.inputs, padded(s.gates())));
  }
  f.known = transpose_padded(s.layers[0].weights, s.gates(), s.condition_dim, s.condition_dim + s.layers[0].inputs);
  f.head = transpose_padded(s.head, s.block_dim, s.units, s.units);
  f.head_bias = copy_padded(numbers<T>(head_bias, {s.block_dim}, "head_bias"), 1, s.block_dim, s.block_dim);
  const auto make = [](const std::vector<int64_t>& shape) { return make_tensor<T>(shape); };
  Tensor steps = make({s.n, s.passes * s.sample_len, s.step_dim});
  Tensor gates = make({s.passes, s.n_layers(), s.n, s.gates()});
  Tensor cells = make({s.passes, s.n_layers(), s.n, s.units}), hiddens = make({s.passes, s.n_layers(), s.n, s.units});
  Tensor lengths = torch::stable::new_empty(condition, {s.n}, ScalarType::Long);
  f.steps = static_cast<T*>(steps.data_ptr());
  f.gates = static_cast<T*>(gates.data_ptr());
  f.cells = static_cast<T*>(cells.data_ptr());
  f.hiddens = static_cast<T*>(hiddens.data_ptr());
  f.lengths = static_cast<int64_t*>(lengths.data_ptr());
  share_blocks(s.n, [&](int64_t, int64_t begin, int64_t n) { forward_block(f, begin, n); });
  return {steps, lengths, gates, cells, hiddens};
}

Made lstm_sequence(Tensor condition, Tensor noise, Tensor hidden, Tensor cell, std::vector<Tensor> weights,
                   std::vector<Tensor> biases, Tensor head_weight, Tensor head_bias, bool feedback,
                   std::vector<int64_t> dims, std::vector<int64_t> activations, int64_t sample_len, int64_t max_length,
                   bool has_flags, bool bfloat16) {
  const auto run = condition.scalar_type() == ScalarType::Double ? run_forward<double> : run_forward<float>;
  return run(condition, noise, hidden, cell, weights, biases, head_weight, head_bias, feedback, dims, activations,
             sample_len, max_length, has_flags, bfloat16);
}

using Gradients = std::tuple<std::vector<Tensor>, std::vector<Tensor>, Tensor, Tensor, Tensor, Tensor>;

template <class T>
Gradients run_backward(const Tensor& grad_steps, const Tensor& steps, const Tensor& lengths, const Tensor& gates,
                       const Tensor& cells, const Tensor& hiddens, const Tensor& condition, const Tensor& noise,
                       const Tensor& hidden, const Tensor& cell, const std::vector<Tensor>& weights,
                       const Tensor& head_weight, bool feedback, const std::vector<int64_t>& dims,
                       const std::vector<int64_t>& activations, int64_t sample_len, bool bfloat16) {
  check_outputs(dims, activations);
  Backward<T> b{read_sequence<T>(condition, noise, hidden, cell, weights, head_weight, feedback, dims, activations, sample_len,
                                   bfloat16)};
  const Sequence<T>& s = b.s;
  STD_TORCH_CHECK(s.n > 0, "there must be samples");
  const std::vector<int64_t> shape = {s.n, s.passes * s.sample_len, s.step_dim};
  b.grad_steps = sample_numbers<T>(grad_steps, shape, "grad_steps");
  b.grad_row = grad_steps.stride(0);
  b.steps = numbers<T>(steps, shape, "steps");
  check_shape(lengths, {s.n}, ScalarType::Long, "lengths");
  b.lengths = static_cast<const int64_t*>(lengths.data_ptr());
  b.gates = numbers<T>(gates, {s.passes, s.n_layers(), s.n, s.gates()}, "gates");
  b.cells = numbers<T>(cells, {s.passes, s.n_layers(), s.n, s.units}, "cells");
  b.hiddens = numbers<T>(hiddens, {s.passes, s.n_layers(), s.n, s.units}, "hiddens");
  for (const SequenceLayer<T>& layer : s.layers) {
    const int64_t inputs = layer.inputs - layer.constant;
    b.recurrent.push_back(prepare(
        bfloat16, copy_padded(layer.weights + layer.known + layer.constant, s.gates(), inputs, layer.known + layer.inputs),
        s.gates(), padded(inputs)));
  }
  b.head = copy_padded(s.head, s.block_dim, s.units, s.units);
  Tensor grad_hidden = torch::stable::new_empty(hidden, {s.n_layers(), s.n, s.units});
  Tensor grad_cell = torch::stable::new_empty(hidden, {s.n_layers(), s.n, s.units});
  b.grad_hidden = static_cast<T*>(grad_hidden.data_ptr());
  b.grad_cell = static_cast<T*>(grad_cell.data_ptr());
  b.sums.resize((s.n + kBlock - 1) / kBlock);
  share_blocks(s.n, [&](int64_t number, int64_t begin, int64_t n) { backward_block(b, number, begin, n); });

  const auto make = [&](const std::vector<int64_t>& size, const std::vector<T>& values) {
    Tensor tensor = torch::stable::new_empty(hidden, size);
    std::copy(values.begin(), values.end(), static_cast<T*>(tensor.data_ptr()));
    return tensor;
  };
  using All = const Sums<T>&;
  using Sum = const std::vector<T>&;
  std::vector<Tensor> grad_weights, grad_biases;
  for (int64_t l = 0; l < s.n_layers(); l++) {
    const SequenceLayer<T>& layer = s.layers[l];
    const int64_t columns = layer.known + layer.inputs;
    std::vector<T> total;
    if (l == 0) total = add_up<T>(b, [](All all) -> Sum { return all.known; });
    const std::vector<T> inputs = add_up<T>(b, [l](All all) -> Sum { return all.weights[l]; });
    total.insert(total.end(), inputs.begin(), inputs.end());
    Tensor weight = torch::stable::new_empty(hidden, {s.gates(), columns});
    transpose(total.data(), s.gates(), columns, int64_t{0}, s.gates(), static_cast<T*>(weight.data_ptr()), columns);
    grad_weights.push_back(weight);
    grad_biases.push_back(make({s.gates()}, add_up<T>(b, [l](All all) -> Sum { return all.biases[l]; })));
  }
  Tensor grad_head = make({s.block_dim, s.units}, add_up<T>(b, [](All all) -> Sum { return all.head; }));
  Tensor grad_head_bias = make({s.block_dim}, add_up<T>(b, [](All all) -> Sum { return all.head_bias; }));
  return {grad_weights, grad_biases, grad_head, grad_head_bias, grad_hidden, grad_cell};
}

Gradients lstm_sequence_backward(Tensor grad_steps, Tensor steps, Tensor lengths, Tensor gates, Tensor cells,
                                 Tensor hiddens, Tensor condition, Tensor noise, Tensor hidden, Tensor cell,
                                 std::vector<Tensor> weights, Tensor head_weight, bool feedback,
                                 std::vector<int64_t> dims, std::vector<int64_t> activations, int64_t sample_len,
                                 bool bfloat16) {
  const auto run = condition.scalar_type() == ScalarType::Double ? run_backward<double> : run_backward<float>;
  return run(grad_steps, steps, lengths, gates, cells, hiddens, condition, noise, hidden, cell, weights, head_weight,
             feedback, dims, activations, sample_len, bfloat16);
}

}  // namespace
}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CPU, m) {
  m.impl("lstm_sequence", TORCH_BOX(&dgsynth::lstm_sequence));
  m.impl("lstm_sequence_backward", TORCH_BOX(&dgsynth::lstm_sequence_backward));
}
