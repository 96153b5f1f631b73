// The host's part of lstm_sequence and lstm_sequence_backward: the launches, and the products that the passes leave to
// the device. For `Device` see critic_host.h; here it also says what a block may have of shared memory, and launches
// kernels whose blocks stay with their samples. Nothing that the device makes is read.
#pragma once

#include <algorithm>
#include <vector>

#include "lstm_sequence_kernels.h"
#include "lstm_sequence_plan.h"
#include "matrix_view.h"
#include "normalized_mlp_host.h"

namespace dgsynth {

// What both directions are given.
struct SequenceOperands {
  Sequence s;
  std::vector<Output> outputs;  // of a record, see group_outputs
  const float *condition, *noise, *hidden, *cell;
  std::vector<const float*> weights;  // of each layer, (4H, columns)
  const float* head_weight;           // (S * D, H)
  bool bfloat16;  // rounds what is multiplied in the layers' products, but for the condition's share

  int known(int layer) const { return layer == 0 ? s.condition_dim : 0; }
  int inputs(int layer) const { return s.x_dim(layer) + s.units; }
  int64_t columns(int layer) const { return known(layer) + inputs(layer); }
};

inline Sequence describe_sequence(int64_t n, int64_t passes, int64_t units, int64_t layers, int64_t condition_dim,
                                  int64_t noise_dim, bool feedback, const std::vector<int64_t>& dims,
                                  int64_t sample_len) {
  Sequence s{};
  s.n = n;
  s.passes = static_cast<int>(passes);
  s.units = static_cast<int>(units);
  s.layers = static_cast<int>(layers);
  s.condition_dim = static_cast<int>(condition_dim);
  s.noise_dim = static_cast<int>(noise_dim);
  s.sample_len = static_cast<int>(sample_len);
  for (const int64_t dim : dims) s.step_dim += static_cast<int>(dim);
  s.feedback_dim = feedback ? s.block_dim() : 0;
  return s;
}

struct SequenceMade {
  float *steps, *gates, *cells, *hiddens;
  int64_t* lengths;
};

struct SequenceGradients {
  std::vector<float*> weights, biases;
  float *head_weight, *head_bias, *hidden, *cell;
};

// Some columns of a matrix.
template <class T>
MatrixView<T> columns_of(T* at, int64_t rows, int64_t columns, int64_t first, int64_t count) {
  MatrixView<T> part(at + first, rows, count);
  part.row_stride = columns;
  return part;
}

template <class Device>
const Output* store_outputs(Device& device, const std::vector<Output>& outputs) {
  static_assert(sizeof(Output) == 3 * sizeof(float));
  Output* const there = reinterpret_cast<Output*>(device.template make<float>(3 * outputs.size()));
  for (size_t begin = 0; begin < outputs.size(); begin += kMaxStored) {
    StoreOutputs<float> kernel{};
    kernel.count = static_cast<int>(std::min<size_t>(outputs.size() - begin, kMaxStored));
    std::copy_n(outputs.begin() + begin, kernel.count, kernel.list);
    kernel.to = there + begin;
    device.run(kernel);
  }
  return there;
}

// Lays the passes out, and launches the kernel for them. Returns false where they do not fit the device.
template <template <class, int> class Kernel, class Device, class Direction>
bool run_tiles(Device& device, Direction& m, bool bfloat16) {
  const SequencePlan plan = make_plan(m, bfloat16, device.shared_bytes(), device.multiprocessors());
  if (plan.lanes == 0) return false;
  const auto run = [&](const auto& kernel) {
    device.run_tiles(kernel, (m.s.n + plan.lanes - 1) / plan.lanes, plan.threads, plan.shared_bytes);
  };
  if (bfloat16 && plan.lanes == 8) run(Kernel<Bfloat16, 8>{m});
  else if (bfloat16) run(Kernel<Bfloat16, 4>{m});
  else if (plan.lanes == 8) run(Kernel<Float32, 8>{m});
  else run(Kernel<Float32, 4>{m});
  return true;
}

template <class Device>
bool run_lstm_sequence(Device& device, const SequenceOperands& o, const std::vector<const float*>& biases,
                       const float* head_bias, bool has_flags, const SequenceMade& made) {
  SequenceForward m{};
  m.s = o.s;
  m.has_flags = has_flags;
  m.s.outputs = store_outputs(device, o.outputs);
  m.s.n_outputs = static_cast<int>(o.outputs.size());
  Packer<Device> packer(device);
  for (int l = 0; l < o.s.layers; l++) {
    m.gates[l] = packer.add_gates(o.weights[l] + o.known(l), o.columns(l), o.s.units, o.inputs(l), o.bfloat16);
    m.biases[l] = biases[l];
  }
  m.head = packer.add(o.head_weight, o.s.units, 1, o.s.block_dim(), o.s.units, false);
  packer.run();
  float* const known = device.template make<float>(o.s.n * o.s.gates());
  device.multiply(read_only(o.condition, o.s.n, o.s.condition_dim),
                  columns_of(o.weights[0], o.s.gates(), o.columns(0), 0, o.s.condition_dim).transposed(),
                  MatrixView(known, o.s.n, o.s.gates()));
  m.known = known;
  m.head_bias = head_bias;
  m.noise = o.noise, m.hidden = o.hidden, m.cell = o.cell;
  m.steps = made.steps, m.gate_values = made.gates, m.cells = made.cells, m.hiddens = made.hiddens;
  m.lengths = made.lengths;
  return run_tiles<RunSequence>(device, m, o.bfloat16);
}

// From the gradients of gates (layers, P, B, 4H) and of logits (P, B, S * D) to those of weights and biases.
template <class Device>
void make_weights(Device& device, const SequenceOperands& o, float* grad_gates, const float* grad_logits,
                  const GatherInputs<float>& gathered, const SequenceGradients& made) {
  const Sequence& s = o.s;
  const int64_t rows = s.passes * s.n, gates = s.gates(), block = s.block_dim();
  float* const of_gates = device.template make<float>(s.layers * s.n * gates);
  float* const of_logits = device.template make<float>(s.n * block);
  device.run(SumPasses<float>{grad_gates, of_gates, s.layers, s.passes, s.n * gates});
  device.run(SumPasses<float>{grad_logits, of_logits, 1, s.passes, s.n * block});
  device.run(SumRows<float>{of_logits, made.head_bias, s.n, block});
  for (int l = 0; l < s.layers; l++) device.run(SumRows<float>{of_gates + l * s.n * gates, made.biases[l], s.n, gates});
  device.multiply(read_only(of_gates, s.n, gates).transposed(), read_only(o.condition, s.n, s.condition_dim),
                  columns_of(made.weights[0], gates, o.columns(0), 0, s.condition_dim));
  if (o.bfloat16) device.run(RoundToBfloat16<float>{grad_gates, s.layers * rows * gates});
  for (int l = 0; l < s.layers; l++) {
    device.multiply(read_only(grad_gates + l * rows * gates, rows, gates).transposed(),
                    read_only(gathered.inputs[l], rows, o.inputs(l)),
                    columns_of(made.weights[l], gates, o.columns(l), o.known(l), o.inputs(l)));
  }
  device.multiply(read_only(grad_logits, rows, block).transposed(), read_only(gathered.top, rows, s.units),
                  MatrixView(made.head_weight, block, s.units));
}

// `grad_row` is how far apart the samples of grad_steps lie.
template <class Device>
bool run_lstm_sequence_backward(Device& device, const SequenceOperands& o, const float* grad_steps, int64_t grad_row,
                                const SequenceMade& forward, const SequenceGradients& made) {
  const Sequence& s = o.s;
  const int64_t rows = s.passes * s.n;
  SequenceBackward m{};
  m.s = s;
  m.s.outputs = store_outputs(device, o.outputs);
  m.s.n_outputs = static_cast<int>(o.outputs.size());
  Packer<Device> packer(device);
  for (int l = 0; l < s.layers; l++) {
    const int rest = below_dim(s, l) + s.units;  // columns of the weights, the last ones
    m.recurrent[l] = packer.add(o.weights[l] + o.columns(l) - rest, 1, o.columns(l), rest, s.gates(), o.bfloat16);
  }
  m.head = packer.add(o.head_weight, 1, s.units, s.units, s.block_dim(), false);
  packer.run();
  m.grad_steps = grad_steps, m.grad_row = grad_row;
  m.steps = forward.steps, m.gate_values = forward.gates, m.cells = forward.cells, m.cell = o.cell;
  m.lengths = forward.lengths;
  m.grad_gates = device.template make<float>(s.layers * rows * s.gates());
  m.grad_logits = device.template make<float>(rows * s.block_dim());
  m.grad_hidden = made.hidden, m.grad_cell = made.cell;
  if (!run_tiles<RunSequenceBack>(device, m, o.bfloat16)) return false;
  GatherInputs<float> gather{s, o.noise, forward.steps, forward.hiddens, o.hidden, forward.lengths};
  for (int l = 0; l < s.layers; l++) gather.inputs[l] = device.template make<float>(rows * o.inputs(l));
  gather.top = device.template make<float>(rows * s.units);
  gather.rounds = o.bfloat16;
  device.run(gather);
  make_weights(device, o, m.grad_gates, m.grad_logits, gather, made);
  return true;
}

}  // namespace dgsynth
