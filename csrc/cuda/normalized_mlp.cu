// The ops dgsynth::normalized_mlp and normalized_mlp_backward on a GPU: checks of the arguments, and the tensors that
// are handed out.
//
// The device code is in normalized_mlp_kernels.h, what the host does with it in normalized_mlp_host.h. The definition is
// the reference in dgsynth/kernels/normalized_mlp.py.

#include <torch/csrc/stable/library.h>

#include <tuple>

#include "normalized_mlp_host.h"
#include "torch_device.h"

namespace dgsynth {
namespace {

using Tensors = std::vector<Tensor>;

std::string name_of(const char* what, size_t layer) { return std::string(what) + "[" + std::to_string(layer) + "]"; }

// Where vectors (out) of the layers lie: of the hidden ones or of all, as many as there are tensors.
template <class T>
std::vector<const T*> read_vectors(const TorchDevice& device, const Tensors& tensors, size_t count,
                                   const std::vector<int64_t>& width, const char* name) {
  STD_TORCH_CHECK(tensors.size() == count, "there must be ", count, " ", name);
  std::vector<const T*> places;
  for (size_t l = 0; l < count; l++) places.push_back(device.at<T>(tensors[l], {width[l + 1]}, name_of(name, l)));
  return places;
}

template <class T>
NormalizedLayers<T> read_layers(const TorchDevice& device, const Tensor& inputs, const Tensors& weights,
                                const Tensors& gains, const Tensors& shifts, const std::vector<int64_t>& dims,
                                const std::vector<int64_t>& activations) {
  check_outputs(dims, activations);
  STD_TORCH_CHECK(weights.size() == gains.size() + 1, "there must be a weight more than gains");
  NormalizedLayers<T> m{inputs.size(0), {inputs.size(1)}};
  for (size_t l = 0; l < weights.size(); l++) {
    STD_TORCH_CHECK(weights[l].dim() == 2, "weights must be of shape (out, in)");
    m.width.push_back(weights[l].size(0));
    m.weights.push_back(device.at<T>(weights[l], {m.width[l + 1], m.width[l]}, name_of("weights", l)));
  }
  m.gains = read_vectors<T>(device, gains, gains.size(), m.width, "gains");
  m.shifts = read_vectors<T>(device, shifts, gains.size(), m.width, "shifts");
  m.outputs = group_outputs(dims, activations);
  const int64_t total = m.outputs.empty() ? 0 : m.outputs.back().start + m.outputs.back().dim;
  STD_TORCH_CHECK(m.width.back() == total, "the last layer must have the outputs' sum of dims");
  return m;
}

// Makes tensors of such shapes, and says where they lie.
template <class T>
T* place(Tensors& list, const Tensor& like, const std::vector<int64_t>& shape) {
  list.push_back(torch::stable::new_empty(like, shape));
  return static_cast<T*>(list.back().data_ptr());
}

using Made = std::tuple<Tensor, Tensors, Tensors, Tensors>;

template <class T>
Made run_forward(const Tensor& inputs, const Tensors& weights, const Tensors& biases, const Tensors& gains,
                 const Tensors& shifts, const std::vector<int64_t>& dims, const std::vector<int64_t>& activations) {
  TorchDevice device(inputs);
  const NormalizedLayers<T> m = read_layers<T>(device, inputs, weights, gains, shifts, dims, activations);
  const std::vector<const T*> of_biases = read_vectors<T>(device, biases, weights.size(), m.width, "biases");
  NormalizedHidden<T> kept;
  Tensors hidden, means, variances, outputs;
  for (int64_t l = 0; l < m.hidden(); l++) {
    kept.hidden.push_back(place<T>(hidden, inputs, {m.n, m.width[l + 1]}));
    kept.means.push_back(place<T>(means, inputs, {m.width[l + 1]}));
    kept.variances.push_back(place<T>(variances, inputs, {m.width[l + 1]}));
  }
  T* const made = place<T>(outputs, inputs, {m.n, m.width.back()});
  run_normalized_mlp(device, m, of_biases, device.at<T>(inputs, {m.n, m.width[0]}, "inputs"), kept, made);
  return {outputs[0], hidden, means, variances};
}

Made normalized_mlp(Tensor inputs, Tensors weights, Tensors biases, Tensors gains, Tensors shifts,
                    std::vector<int64_t> dims, std::vector<int64_t> activations) {
  STD_TORCH_CHECK(inputs.dim() == 2, "inputs must be of shape (B, features)");
  const auto run = inputs.scalar_type() == ScalarType::Double ? run_forward<double> : run_forward<float>;
  return run(inputs, weights, biases, gains, shifts, dims, activations);
}

using Gradients = std::tuple<Tensors, Tensors, Tensors, Tensors>;

template <class T>
Gradients run_backward(const Tensor& gradient, const Tensor& outputs, const Tensor& inputs, const Tensors& hidden,
                       const Tensors& means, const Tensors& variances, const Tensors& weights, const Tensors& gains,
                       const Tensors& shifts, const std::vector<int64_t>& dims,
                       const std::vector<int64_t>& activations) {
  TorchDevice device(inputs);
  const NormalizedLayers<T> m = read_layers<T>(device, inputs, weights, gains, shifts, dims, activations);
  STD_TORCH_CHECK(hidden.size() == gains.size(), "there must be as many hidden layers as gains");
  NormalizedHidden<const T> kept;
  kept.means = read_vectors<T>(device, means, gains.size(), m.width, "means");
  kept.variances = read_vectors<T>(device, variances, gains.size(), m.width, "variances");
  NormalizedGradients<T> made;
  Tensors of_weights, of_biases, of_gains, of_shifts;
  for (int64_t l = 0; l <= m.hidden(); l++) {
    made.weights.push_back(place<T>(of_weights, inputs, {m.width[l + 1], m.width[l]}));
    made.biases.push_back(place<T>(of_biases, inputs, {m.width[l + 1]}));
    if (l == m.hidden()) break;
    kept.hidden.push_back(device.at<T>(hidden[l], {m.n, m.width[l + 1]}, name_of("hidden", l)));
    made.gains.push_back(place<T>(of_gains, inputs, {m.width[l + 1]}));
    made.shifts.push_back(place<T>(of_shifts, inputs, {m.width[l + 1]}));
  }
  const std::vector<int64_t> shape{m.n, m.width.back()};
  run_normalized_mlp_backward<T>(device, m, device.at<T>(gradient, shape, "gradient"),
                                 device.at<T>(outputs, shape, "outputs"),
                                 device.at<T>(inputs, {m.n, m.width[0]}, "inputs"), kept, made);
  return {of_weights, of_biases, of_gains, of_shifts};
}

Gradients normalized_mlp_backward(Tensor gradient, Tensor outputs, Tensor inputs, Tensors hidden, Tensors means,
                                  Tensors variances, Tensors weights, Tensors gains, Tensors shifts,
                                  std::vector<int64_t> dims, std::vector<int64_t> activations) {
  STD_TORCH_CHECK(inputs.dim() == 2, "inputs must be of shape (B, features)");
  const auto run = inputs.scalar_type() == ScalarType::Double ? run_backward<double> : run_backward<float>;
  return run(gradient, outputs, inputs, hidden, means, variances, weights, gains, shifts, dims, activations);
}

}  // namespace
}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CUDA, m) {
  m.impl("normalized_mlp", TORCH_BOX(&dgsynth::normalized_mlp));
  m.impl("normalized_mlp_backward", TORCH_BOX(&dgsynth::normalized_mlp_backward));
}
