// The arguments of dgsynth::generate, turned into what the kernel reads. The schema is in dgsynth/kernels/generate.py.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "generate_model.h"

namespace dgsynth {

struct Settings {
  int64_t seed, first, noise_dim;
  bool feedback, random_state;
  std::vector<int64_t> dims, activations;
  int64_t sample_len, max_length;
  bool has_flags;
};

inline std::vector<Output> list_outputs(const Settings& settings) {
  std::vector<Output> outputs;
  int start = 0;
  for (size_t i = 0; i < settings.dims.size(); i++) {
    const int dim = static_cast<int>(settings.dims[i]);
    outputs.push_back({start, dim, static_cast<Activation>(settings.activations[i])});
    start += dim;
  }
  return outputs;
}

// Everything of the model but its weights.
inline Model describe(const Settings& settings, int64_t units, int64_t condition_dim) {
  Model m{};
  for (const int64_t dim : settings.dims) m.step_dim += static_cast<int>(dim);
  m.units = static_cast<int>(units);
  m.noise_dim = static_cast<int>(settings.noise_dim);
  m.sample_len = static_cast<int>(settings.sample_len);
  m.record_dim = m.step_dim - 2 * settings.has_flags;
  m.feedback_dim = settings.feedback ? m.sample_len * m.step_dim : 0;
  m.condition_dim = static_cast<int>(condition_dim);
  m.max_length = settings.max_length;
  m.has_flags = settings.has_flags;
  m.random_state = settings.random_state;
  m.seed = static_cast<uint64_t>(settings.seed);
  m.first = settings.first;
  m.n_outputs = static_cast<int>(settings.dims.size());
  return m;
}

// The packed weights, checked: floats(array, name, shape) and bfloat16s(...) return where a contiguous array of that
// shape lies.
template <class Array, class Floats, class Bfloat16s>
void set_weights(Model& m, const Array& condition_weight, const std::vector<Array>& gates,
                 const std::vector<Array>& biases, const Array& head_weight, const Array& head_bias,
                 const std::optional<Array>& learned_state, bool bfloat16, Floats floats, Bfloat16s bfloat16s) {
  using Shape = std::vector<int64_t>;
  const auto words = [&](const Array& array, const std::string& name, const Shape& shape) {
    return static_cast<const float4*>(floats(array, name, shape));
  };
  m.layers = static_cast<int>(gates.size());
  m.condition_weight = words(condition_weight, "condition_weight", {m.condition_dim, m.units, 4});
  for (int l = 0; l < m.layers; l++) {
    const std::string index = "[" + std::to_string(l) + "]";
    Layer& layer = m.layer[l];
    layer.x_dim = l == 0 ? m.noise_dim + m.feedback_dim : m.units;
    const int inputs = layer.x_dim + m.units, steps = bfloat16 ? (inputs + 1) / 2 : inputs;
    const void* const weights = bfloat16 ? bfloat16s(gates[l], "gates" + index, Shape{m.units, steps, 4, 2})
                                         : floats(gates[l], "gates" + index, Shape{m.units, steps, 4});
    layer.gates = {weights, words(biases[l], "biases" + index, {m.units, 4}), m.units, steps, 0, 0};
  }
  const int groups = (m.sample_len * m.step_dim + 3) / 4;
  m.head = {words(head_weight, "head_weight", {groups, m.units, 4}), words(head_bias, "head_bias", {groups, 4}),
            groups, m.units, 0, 0};
  if (learned_state) {
    m.learned_state =
        static_cast<const float*>(floats(*learned_state, "learned_state", Shape{2, m.layers, 1, m.units}));
  }
}

}  // namespace dgsynth
