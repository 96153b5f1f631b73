// The ops dgsynth::lstm_sequence and lstm_sequence_backward on a GPU: checks of the arguments, and the tensors that are
// handed out.
//
// The device code is in lstm_sequence_forward.h and lstm_sequence_backward.h, what the host does with it in
// lstm_sequence_host.h; the tests compile both for the host as well. The definition is the reference in
// dgsynth/kernels/lstm_sequence.py.

#include <torch/csrc/stable/library.h>

#include <tuple>

#include "lstm_sequence_host.h"
#include "torch_device.h"

namespace dgsynth {
namespace {

using Tensors = std::vector<Tensor>;
using Sizes = std::vector<int64_t>;

constexpr const char* kTooLarge =
    "the state of this LSTM does not fit into the device's shared memory; take fewer units or layers, or set "
    "DGSYNTH_KERNELS=reference";

float* data(const Tensor& tensor) { return static_cast<float*>(tensor.data_ptr()); }

std::string name_of(const char* what, int layer) { return std::string(what) + "[" + std::to_string(layer) + "]"; }

SequenceOperands read_operands(const TorchDevice& device, const Tensor& condition, const Tensor& noise,
                               const Tensor& hidden, const Tensor& cell, const Tensors& weights,
                               const Tensor& head_weight, bool feedback, const Sizes& dims, const Sizes& activations,
                               int64_t sample_len, bool bfloat16) {
  STD_TORCH_CHECK(condition.dim() == 2 && noise.dim() == 3 && hidden.dim() == 3 && !weights.empty(),
                  "condition must be of shape (B, C), noise (B, P, N), hidden (layers, B, H)");
  STD_TORCH_CHECK(sample_len > 0, "sample_len must be positive");
  STD_TORCH_CHECK(weights.size() <= kMaxLayers, "on a GPU an LSTM may have ", kMaxLayers, " layers at most");
  const int64_t layers = static_cast<int64_t>(weights.size());
  SequenceOperands o{describe_sequence(condition.size(0), noise.size(1), hidden.size(2), layers, condition.size(1),
                                       noise.size(2), feedback, dims, sample_len),
                     group_outputs(dims, activations)};
  o.bfloat16 = bfloat16;
  const Sequence& s = o.s;
  o.condition = device.at<float>(condition, {s.n, s.condition_dim}, "condition");
  o.noise = device.at<float>(noise, {s.n, s.passes, s.noise_dim}, "noise");
  o.hidden = device.at<float>(hidden, {layers, s.n, s.units}, "hidden");
  o.cell = device.at<float>(cell, {layers, s.n, s.units}, "cell");
  o.head_weight = device.at<float>(head_weight, {s.block_dim(), s.units}, "head_weight");
  for (int l = 0; l < s.layers; l++) {
    o.weights.push_back(device.at<float>(weights[l], {s.gates(), o.columns(l)}, name_of("weights", l)));
  }
  return o;
}

using Made = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>;

Made lstm_sequence(Tensor condition, Tensor noise, Tensor hidden, Tensor cell, Tensors weights, Tensors biases,
                   Tensor head_weight, Tensor head_bias, bool feedback, Sizes dims, Sizes activations,
                   int64_t sample_len, int64_t max_length, bool has_flags, bool bfloat16) {
  check_outputs(dims, activations, has_flags);
  TorchDevice device(condition);
  SequenceOperands o = read_operands(device, condition, noise, hidden, cell, weights, head_weight, feedback, dims,
                                     activations, sample_len, bfloat16);
  Sequence& s = o.s;
  s.max_length = max_length;
  STD_TORCH_CHECK(biases.size() == weights.size(), "every LSTM layer needs a bias");
  STD_TORCH_CHECK((s.passes - 1) * sample_len < max_length, "every pass must begin before max_length");
  std::vector<const float*> of_layers;
  for (int l = 0; l < s.layers; l++) of_layers.push_back(device.at<float>(biases[l], {s.gates()}, name_of("biases", l)));
  const auto make = [&](const Sizes& shape) { return torch::stable::new_empty(condition, shape); };
  const Tensor steps = make({s.n, s.passes * sample_len, s.step_dim}), gates = make({s.passes, s.layers, s.n, s.gates()});
  const Tensor cells = make({s.passes, s.layers, s.n, s.units}), hiddens = make({s.passes, s.layers, s.n, s.units});
  const Tensor lengths = torch::stable::new_empty(condition, {s.n}, ScalarType::Long);
  if (s.n > 0) {
    const SequenceMade made{data(steps), data(gates), data(cells), data(hiddens),
                            static_cast<int64_t*>(lengths.data_ptr())};
    const float* const of_head = device.at<float>(head_bias, {s.block_dim()}, "head_bias");
    STD_TORCH_CHECK(run_lstm_sequence(device, o, of_layers, of_head, has_flags, made), kTooLarge);
  }
  return {steps, lengths, gates, cells, hiddens};
}

using Gradients = std::tuple<Tensors, Tensors, Tensor, Tensor, Tensor, Tensor>;

Gradients lstm_sequence_backward(Tensor grad_steps, Tensor steps, Tensor lengths, Tensor gates, Tensor cells,
                                 Tensor hiddens, Tensor condition, Tensor noise, Tensor hidden, Tensor cell,
                                 Tensors weights, Tensor head_weight, bool feedback, Sizes dims, Sizes activations,
                                 int64_t sample_len, bool bfloat16) {
  check_outputs(dims, activations);
  TorchDevice device(condition);
  const SequenceOperands o = read_operands(device, condition, noise, hidden, cell, weights, head_weight, feedback, dims,
                                           activations, sample_len, bfloat16);
  const Sequence& s = o.s;
  STD_TORCH_CHECK(s.n > 0 && s.passes > 0, "there must be samples and passes");
  const Sizes shape{s.n, s.passes * sample_len, s.step_dim}, states{s.passes, s.layers, s.n, s.units};
  const SequenceMade kept{device.at<float>(steps, shape, "steps"),
                          device.at<float>(gates, {s.passes, s.layers, s.n, s.gates()}, "gates"),
                          device.at<float>(cells, states, "cells"), device.at<float>(hiddens, states, "hiddens"),
                          device.at<int64_t>(lengths, {s.n}, "lengths")};
  const float* const gradient = sample_numbers<float>(grad_steps, shape, "grad_steps");
  STD_TORCH_CHECK(grad_steps.is_cuda() && grad_steps.get_device_index() == condition.get_device_index(),
                  "grad_steps must be on the device of condition");
  const auto make = [&](const Sizes& size) { return torch::stable::new_empty(condition, size); };
  const Tensor of_head = make({s.block_dim(), s.units}), of_head_bias = make({s.block_dim()});
  const Tensor of_hidden = make({s.layers, s.n, s.units}), of_cell = make({s.layers, s.n, s.units});
  SequenceGradients made{{}, {}, data(of_head), data(of_head_bias), data(of_hidden), data(of_cell)};
  Tensors of_weights, of_biases;
  for (int l = 0; l < s.layers; l++) {
    of_weights.push_back(make({s.gates(), o.columns(l)}));
    of_biases.push_back(make({s.gates()}));
    made.weights.push_back(data(of_weights[l]));
    made.biases.push_back(data(of_biases[l]));
  }
  STD_TORCH_CHECK(run_lstm_sequence_backward(device, o, gradient, grad_steps.stride(0), kept, made), kTooLarge);
  return {of_weights, of_biases, of_head, of_head_bias, of_hidden, of_cell};
}

}  // namespace
}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CUDA, m) {
  m.impl("lstm_sequence", TORCH_BOX(&dgsynth::lstm_sequence));
  m.impl("lstm_sequence_backward", TORCH_BOX(&dgsynth::lstm_sequence_backward));
}
