// The host's part of the MLPs with BatchNorm: their matrix products, and the kernels between them. For `Device` see
// critic_host.h.
#pragma once

#include <algorithm>
#include <vector>

#include "matrix_view.h"
#include "normalized_mlp_kernels.h"

namespace dgsynth {

constexpr double kNormalizedEpsilon = 1e-5;  // added to the variance over the batch

template <class T>
struct NormalizedLayers {
  int64_t n;                   // samples
  std::vector<int64_t> width;  // inputs, hidden layers, outputs
  std::vector<const T*> weights, gains, shifts;
  std::vector<Output> outputs;  // see group_outputs

  int64_t hidden() const { return static_cast<int64_t>(gains.size()); }
  MatrixView<const T> weight(int64_t l) const { return {weights[l], width[l + 1], width[l]}; }
};

template <class T>  // const, where they are read
struct NormalizedHidden {
  std::vector<T*> hidden, means, variances;  // (n, out) after the ReLU, (out), (out) of each hidden layer
};

template <class T>
struct NormalizedGradients {
  std::vector<T*> weights, biases, gains, shifts;
};

// Neighbours of the same elementwise activation become one output.
inline std::vector<Output> group_outputs(const std::vector<int64_t>& dims, const std::vector<int64_t>& activations) {
  std::vector<Output> groups;
  int start = 0;
  for (size_t i = 0; i < dims.size(); i++) {
    const auto activation = static_cast<Activation>(activations[i]);
    const int dim = static_cast<int>(dims[i]);
    if (activation != Activation::kSoftmax && !groups.empty() && groups.back().activation == activation) {
      groups.back().dim += dim;
    } else {
      groups.push_back({start, dim, activation});
    }
    start += dim;
  }
  return groups;
}

// Runs a kernel on all outputs, as many at a time as its arguments hold.
template <class Kernel, class Device>
void run_on_outputs(Device& device, Kernel kernel, const std::vector<Output>& outputs) {
  for (size_t begin = 0; begin < outputs.size(); begin += kMaxOutputs) {
    kernel.list.count = static_cast<int>(std::min<size_t>(outputs.size() - begin, kMaxOutputs));
    std::copy_n(outputs.begin() + begin, kernel.list.count, kernel.list.outputs);
    device.run(kernel);
  }
}

template <class T, class Device>
void run_normalized_mlp(Device& device, const NormalizedLayers<T>& m, const std::vector<const T*>& biases,
                        const T* inputs, const NormalizedHidden<T>& made, T* outputs) {
  const int64_t n = m.n, layers = m.hidden(), out = m.width.back();
  const T* x = inputs;
  for (int64_t l = 0; l < layers; l++) {
    const int64_t width = m.width[l + 1];
    T* const normalized = device.template make<T>(n * width);
    device.multiply(read_only(x, n, m.width[l]), m.weight(l).transposed(), MatrixView(made.hidden[l], n, width));
    device.run(NormalizeLayer<T>{made.hidden[l], biases[l], m.gains[l], m.shifts[l], made.means[l], made.variances[l],
                                 normalized, static_cast<T>(kNormalizedEpsilon), n, width});
    x = normalized;
  }
  T* const products = device.template make<T>(n * out);
  device.multiply(read_only(x, n, m.width[layers]), m.weight(layers).transposed(), MatrixView(products, n, out));
  run_on_outputs(device, ActivateOutputs<T>{{}, products, biases[layers], outputs, n, out}, m.outputs);
}

template <class T, class Device>
void run_normalized_mlp_backward(Device& device, const NormalizedLayers<T>& m, const T* gradient, const T* outputs,
                                 const T* inputs, const NormalizedHidden<const T>& kept,
                                 const NormalizedGradients<T>& made) {
  const int64_t n = m.n, layers = m.hidden(), out = m.width.back();
  T* of_sums = device.template make<T>(n * out);
  run_on_outputs(device, ActivateOutputsBackward<T>{{}, outputs, gradient, of_sums, n, out}, m.outputs);
  device.run(SumRows<T>{of_sums, made.biases[layers], n, out});
  for (int64_t l = layers; l >= 0; l--) {
    const int64_t in = m.width[l], width = m.width[l + 1];
    const T* source = inputs;
    T* below = nullptr;
    if (l > 0) {
      T* const normalized = device.template make<T>(n * in);
      below = device.template make<T>(n * in);
      device.multiply(read_only(of_sums, n, width), m.weight(l), MatrixView(below, n, in));
      device.run(NormalizeLayerBackward<T>{below, kept.hidden[l - 1], kept.means[l - 1], kept.variances[l - 1],
                                           m.gains[l - 1], m.shifts[l - 1], normalized, made.gains[l - 1],
                                           made.shifts[l - 1], made.biases[l - 1],
                                           static_cast<T>(kNormalizedEpsilon), n, in});
      source = normalized;
    }
    device.multiply(read_only(of_sums, n, width).transposed(), read_only(source, n, in),
                    MatrixView(made.weights[l], width, in));
    of_sums = below;
  }
}

}  // namespace dgsynth
