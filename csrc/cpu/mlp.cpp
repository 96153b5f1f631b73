// The op dgsynth::mlp on the CPU: linear layers with ReLU between them, and the activations of a generator's outputs.

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <algorithm>
#include <numeric>
#include <tuple>
#include <vector>

#include "../checks.h"
#include "lanes.h"

namespace dgsynth {
namespace {

struct Mlp {
  const float* inputs;  // (n, input_dim)
  float* outputs;       // (n, output_dim)
  int64_t n, input_dim, output_dim, widest;
  std::vector<Matrix> layers;
  std::vector<int64_t> dims, activations;
};

// Takes blocks of S::kLanes samples, number `begin` to `end - 1`, through all layers.
template <class S>
DGSYNTH_INLINE void run_blocks(const Mlp& m, int64_t begin, int64_t end) {
  std::vector<Row<S>> from(m.widest), to(m.widest);
  for (int64_t block = begin; block < end; block++) {
    for (int lane = 0; lane < S::kLanes; lane++) {  // lanes behind the last sample repeat it
      const float* const x = m.inputs + std::min(block * S::kLanes + lane, m.n - 1) * m.input_dim;
      for (int64_t k = 0; k < m.input_dim; k++) from[k].lane(lane) = x[k];
    }
    for (size_t l = 0; l < m.layers.size(); l++) {
      linear<S>(m.layers[l], from.data(), to.data());
      for (int64_t j = 0; l + 1 < m.layers.size() && j < m.layers[l].groups * kGroup; j++) {
        for (int v = 0; v < S::kVectors; v++) to[j].part[v] = to[j].part[v] > 0.0f ? to[j].part[v] : 0.0f;
      }
      std::swap(from, to);
    }
    activate<S>(m.dims, m.activations, from.data());
    for (int lane = 0; lane < std::min<int64_t>(S::kLanes, m.n - block * S::kLanes); lane++) {
      float* const y = m.outputs + (block * S::kLanes + lane) * m.output_dim;
      for (int64_t k = 0; k < m.output_dim; k++) y[k] = from[k].lane(lane);
    }
  }
}

#ifdef __x86_64__
template <class S>
__attribute__((target("arch=x86-64-v4"))) void run_avx512(const Mlp& m, int64_t begin, int64_t end) {
  run_blocks<S>(m, begin, end);
}

__attribute__((target("arch=x86-64-v3"))) void run_avx2(const Mlp& m, int64_t begin, int64_t end) {
  run_blocks<Avx2>(m, begin, end);
}
#endif

void run_anywhere(const Mlp& m, int64_t begin, int64_t end) { run_blocks<Anywhere>(m, begin, end); }

template <class S>
void run_in_parallel(void (*run)(const Mlp&, int64_t, int64_t), const Mlp& m) {
  torch::stable::parallel_for(0, (m.n + S::kLanes - 1) / S::kLanes, 4,
                              [&](int64_t begin, int64_t end) { run(m, begin, end); });
}

void run(const Mlp& m) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("x86-64-v4")) {
    if (m.n <= FewAvx512::kLanes) return run_in_parallel<FewAvx512>(run_avx512<FewAvx512>, m);
    return run_in_parallel<Avx512>(run_avx512<Avx512>, m);
  }
  if (__builtin_cpu_supports("x86-64-v3")) return run_in_parallel<Avx2>(run_avx2, m);
#endif
  run_in_parallel<Anywhere>(run_anywhere, m);
}

Tensor mlp(Tensor inputs, std::vector<Tensor> weights, std::vector<Tensor> biases, std::vector<int64_t> dims,
           std::vector<int64_t> activations, int64_t /* first: rows do not depend on each other here */) {
  STD_TORCH_CHECK(inputs.dim() == 2, "inputs must be of shape (n, features)");
  STD_TORCH_CHECK(!weights.empty() && weights.size() == biases.size(), "every layer needs weights and a bias");
  STD_TORCH_CHECK(!dims.empty(), "there must be outputs");
  check_outputs(dims, activations);
  Mlp m{};
  m.n = inputs.size(0);
  m.input_dim = inputs.size(1);
  m.output_dim = std::accumulate(dims.begin(), dims.end(), int64_t{0});
  m.dims = dims;
  m.activations = activations;
  m.inputs = numbers<float>(inputs, {m.n, m.input_dim}, "inputs");
  m.widest = m.input_dim;
  int64_t width = m.input_dim;
  for (size_t l = 0; l < weights.size(); l++) {
    const std::string number = "[" + std::to_string(l) + "]";
    STD_TORCH_CHECK(weights[l].dim() == 3, "weights", number, " must be of shape (groups, inputs, 4)");
    const int64_t groups = l + 1 < weights.size() ? weights[l].size(0) : (m.output_dim + kGroup - 1) / kGroup;
    // A layer's width is a multiple of four but where it is the next one's number of inputs.
    if (l > 0) width = weights[l].size(1);
    STD_TORCH_CHECK(l == 0 || (width <= m.layers.back().groups * kGroup && width > (m.layers.back().groups - 1) * kGroup),
                    "weights", number, " do not fit the layer before");
    m.layers.push_back({groups, width, numbers<float>(weights[l], {groups, width, kGroup}, "weights" + number),
                        numbers<float>(biases[l], {groups, kGroup}, "biases" + number)});
    m.widest = std::max(m.widest, groups * kGroup);
  }
  Tensor outputs = torch::stable::new_empty(inputs, {m.n, m.output_dim});
  m.outputs = static_cast<float*>(outputs.data_ptr());
  run(m);
  return outputs;
}

}  // namespace
}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CPU, m) { m.impl("mlp", TORCH_BOX(&dgsynth::mlp)); }
