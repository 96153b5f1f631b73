// The ops dgsynth::lstm_sequence and lstm_sequence_backward on the CPU: the measurement generator's passes in training, and
// its gradients through time. dgsynth/kernels/lstm_sequence.py has the equations.
//
// A block of 10 samples, a tile of the matrix product, is carried through its passes by one thread, and stops when its
// samples have ended. Backward, a block goes through its passes in reverse; the weights' gradients are made of some passes
// at a time, while these are still in the cache, in sums of the block's own, which are added up in the order of blocks:
// the result does not depend on the threads.

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <functional>
#include <memory>
#include <numeric>
#include <tuple>
#include <vector>

#include "../checks.h"
#include "cells.h"
#include "memory.h"
#include "multiply.h"
#include "tasks.h"

namespace dgsynth {
namespace {

constexpr int64_t kBlock = kTileRows;  // samples
constexpr int64_t kPasses = 16;        // whose gates' gradients are kept before they become weights' gradients

int64_t padded(int64_t count) { return (count + 15) / 16 * 16; }

template <class T>
struct Layer {
  int64_t known;   // leading columns of the weight that no pass changes: the condition
  int64_t inputs;  // the others: [noise, feedback, hidden], or [hidden of the layer below, hidden]
  int64_t constant;  // of these the noise, which has no gradient
  const T* weights;  // (4H, known + inputs)
};

template <class T>
struct Sequence {
  bool bfloat16;  // operands of the layers' products with what a pass reads are rounded
  int64_t n, passes, units, condition_dim, noise_dim, block_dim, feedback_dim, sample_len, step_dim;
  const T *condition, *noise, *hidden, *cell, *head;
  std::vector<Layer<T>> layers;
  std::vector<OutputGroup> groups;  // of a pass: S records

  int64_t n_layers() const { return static_cast<int64_t>(layers.size()); }
  int64_t gates() const { return 4 * units; }
  // Row of (P, layers, B, *).
  int64_t row(int64_t pass, int64_t layer, int64_t sample) const { return (pass * n_layers() + layer) * n + sample; }
};

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

// to (columns, padded) = from (rows, columns)^T, of a matrix whose rows are `stride` apart; the padding is zero.
template <class T>
std::vector<T> transpose_padded(const T* from, int64_t rows, int64_t columns, int64_t stride) {
  std::vector<T> to(columns * padded(rows));
  transpose(from, stride, rows, int64_t{0}, columns, to.data(), padded(rows));
  return to;
}

template <class T>
std::vector<T> copy_padded(const T* from, int64_t rows, int64_t columns, int64_t stride) {
  std::vector<T> to(rows * padded(columns));
  for (int64_t i = 0; i < rows; i++) std::copy_n(from + i * stride, columns, to.data() + i * padded(columns));
  return to;
}

// The right matrix of a product, (rows, columns), as the product reads it.
template <class T>
std::vector<T> prepare(bool bfloat16, std::vector<T> matrix, int64_t rows, int64_t columns) {
  if constexpr (sizeof(T) == 4) {
    if (bfloat16) {
      std::vector<T> packed(pairs(rows) * columns);
      pack_right({matrix.data(), rows, columns, columns}, packed.data());
      return packed;
    }
  }
  return matrix;
}

// A product whose right matrix was prepared; `packed` is room for the left one.
template <class T>
void multiply_prepared(bool bfloat16, Product<T> p, std::vector<T>& packed) {
  if constexpr (sizeof(T) == 4) {
    if (bfloat16) {
      packed.resize(p.m * pairs(p.k));
      pack_left({p.a, p.m, p.k, p.a_row}, packed.data());
      p.a = packed.data();
      p.k = p.a_row = pairs(p.k);
      return multiply_pairs(p);
    }
  }
  multiply(p);
}

// A product of matrices of which the left one is transposed, and neither was prepared.
template <class T>
void multiply_transposed(bool bfloat16, Product<T> p) {
  if constexpr (sizeof(T) == 4) {
    if (bfloat16) {
      const Buffer<T> left(pairs(p.k) * p.m), right(pairs(p.k) * p.n);
      pack_right({p.a, p.k, p.m, p.a_depth}, left.get());
      pack_right({p.b, p.k, p.n, p.b_row}, right.get());
      p.a = left.get();
      p.a_depth = p.m;
      p.b = right.get();
      p.b_row = p.n;
      p.k = pairs(p.k);
      return multiply_pairs(p);
    }
  }
  multiply(p);
}

template <class T>
struct Forward {
  Sequence<T> s;
  int64_t max_length;
  bool has_flags;
  std::vector<std::vector<T>> biases;      // of each layer, (padded 4H)
  std::vector<T> head_bias;                // (padded S * D)
  std::vector<std::vector<T>> transposed;  // of each layer, (inputs, padded 4H), prepared
  std::vector<T> known, head;              // (C, padded 4H), (H, padded S * D)
  T *steps, *gates, *cells, *hiddens;
  int64_t* lengths;
};

// How many of a block's records count, and whether the sample goes on after it; a tie goes on.
template <class T>
int64_t count_records(const Forward<T>& f, const T* block, int64_t pass, bool& goes_on) {
  const Sequence<T>& s = f.s;
  const int64_t left = f.max_length - pass * s.sample_len;
  if (!f.has_flags) return std::min(left, s.sample_len);
  int64_t made = 0;
  do {
    const T* const flags = block + (made + 1) * s.step_dim - 2;
    goes_on = flags[0] >= flags[1];
    made++;
  } while (goes_on && made < s.sample_len);
  return std::min(made, left);
}

// The state that a pass starts from, of the hidden states or of the cells.
template <class T>
const T* state_before(const Sequence<T>& s, const T* initial, const T* states, int64_t pass, int64_t l, int64_t sample) {
  return pass == 0 ? initial + (l * s.n + sample) * s.units : states + s.row(pass - 1, l, sample) * s.units;
}

// The inputs of a layer that a pass reads, one row per sample.
template <class T>
void gather_inputs(const Sequence<T>& s, const T* steps, const T* hiddens, int64_t pass, int64_t l, int64_t begin,
                   int64_t n, T* x) {
  const int64_t inputs = s.layers[l].inputs;
  for (int64_t i = 0; i < n; i++, x += inputs) {
    const int64_t sample = begin + i;
    T* to = x;
    if (l == 0) {
      const int64_t at = sample * s.passes + pass;
      to = std::copy_n(s.noise + at * s.noise_dim, s.noise_dim, to);
      if (pass == 0) to = std::fill_n(to, s.feedback_dim, T{0});
      else to = std::copy_n(steps + (at - 1) * s.block_dim, s.feedback_dim, to);
    } else {
      to = std::copy_n(hiddens + s.row(pass, l - 1, sample) * s.units, s.units, to);
    }
    std::copy_n(state_before(s, s.hidden, hiddens, pass, l, sample), s.units, to);
  }
}

template <class T>
void forward_block(const Forward<T>& f, int64_t begin, int64_t n) {
  const Sequence<T>& s = f.s;
  const int64_t gates = s.gates(), wide = padded(gates), outputs = padded(s.block_dim);
  std::vector<T> known(n * wide), sums(n * wide), logits(n * outputs), x, packed;
  std::vector<char> goes_on(n, 1);
  multiply<T>({n, wide, s.condition_dim, s.condition + begin * s.condition_dim, s.condition_dim, 1, f.known.data(), wide,
               known.data(), wide, f.biases[0].data(), false});
  std::fill_n(f.lengths + begin, n, 0);
  int64_t active = n, pass = 0;
  for (; pass < s.passes && active > 0; pass++) {
    for (int64_t l = 0; l < s.n_layers(); l++) {
      const int64_t inputs = s.layers[l].inputs;
      x.resize(n * inputs);
      gather_inputs(s, f.steps, f.hiddens, pass, l, begin, n, x.data());
      const T* const start = l == 0 ? known.data() : f.biases[l].data();
      multiply_prepared<T>(s.bfloat16, {n, wide, inputs, x.data(), inputs, 1, f.transposed[l].data(), wide, sums.data(),
                                        wide, start, false, l == 0 ? wide : 0}, packed);
      for (int64_t i = 0; i < n; i++) {
        const int64_t row = s.row(pass, l, begin + i);
        cells<T>().forward({s.units, sums.data() + i * wide, state_before<T>(s, s.cell, f.cells, pass, l, begin + i),
                            f.gates + row * gates, f.cells + row * s.units, f.hiddens + row * s.units});
      }
    }
    const T* const top = f.hiddens + s.row(pass, s.n_layers() - 1, begin) * s.units;
    multiply<T>({n, outputs, s.units, top, s.units, 1, f.head.data(), outputs, logits.data(), outputs, f.head_bias.data(),
                 false});
    for (int64_t i = 0; i < n; i++) {
      T* const block = f.steps + ((begin + i) * s.passes + pass) * s.block_dim;
      if (!goes_on[i]) {
        std::fill_n(block, s.block_dim, T{0});
        continue;
      }
      cells<T>().activate(s.groups, logits.data() + i * outputs);
      std::copy_n(logits.data() + i * outputs, s.block_dim, block);
      bool continues = true;
      f.lengths[begin + i] += count_records(f, block, pass, continues);
      goes_on[i] = continues;
      active -= !continues;
    }
  }
  for (int64_t i = 0; i < n; i++) {
    T* const rest = f.steps + ((begin + i) * s.passes + pass) * s.block_dim;
    std::fill_n(rest, (s.passes - pass) * s.block_dim, T{0});
  }
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
    const Layer<T>& layer = s.layers[l];
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

// Sums of one block of samples. Weights' gradients lie transposed, (inputs, 4H).
template <class T>
struct Sums {
  std::vector<std::vector<T>> weights, biases;
  std::vector<T> known, head, head_bias;
};

template <class T>
struct Backward {
  Sequence<T> s;
  const T *grad_steps, *steps, *gates, *cells, *hiddens;
  int64_t grad_row;  // how far apart the samples of grad_steps lie
  const int64_t* lengths;
  std::vector<std::vector<T>> recurrent;  // of each layer, (4H, padded inputs that have a gradient), prepared
  std::vector<T> head;                    // (S * D, padded H)
  T *grad_hidden, *grad_cell;             // (layers, B, H)
  std::vector<Sums<T>> sums;              // of each block
};

// What a block of n samples keeps on its way back. Gradients of gates and logits are of kPasses passes; those of the cells
// are of two, which take turns: zero, in both, before the last pass of a sample.
template <class T>
struct Way {
  int64_t begin, n;
  std::unique_ptr<T[]> grad_gates, grad_logits, x;  // (layers, passes, n, 4H), (passes, n, S * D), (passes + 1, n, inputs)
  std::vector<std::vector<T>> grad_hidden;          // of each layer, (n, padded H)
  std::vector<T> grad_cell[2];                      // (layers, n, H)
  std::vector<T> grad_block, from_top;              // (n, S * D), (n, inputs)
  std::vector<T> total_gates, ones, packed;         // (layers, n, 4H) over all passes; numbers of ones; room
};

// Gradients of the logits of one pass, with what the next pass's feedback adds.
template <class T>
void logits_backward(const Backward<T>& b, Way<T>& w, int64_t pass, T* grad_logits) {
  const Sequence<T>& s = b.s;
  for (int64_t i = 0; i < w.n; i++) {
    T* const to = grad_logits + i * s.block_dim;
    if (pass * s.sample_len >= b.lengths[w.begin + i]) {
      std::fill_n(to, s.block_dim, T{0});
      continue;
    }
    const int64_t at = ((w.begin + i) * s.passes + pass) * s.block_dim;
    const T* gradient = b.grad_steps + (w.begin + i) * b.grad_row + pass * s.block_dim;
    if (s.feedback_dim > 0) {
      T* const both = w.grad_block.data() + i * s.block_dim;
      for (int64_t j = 0; j < s.block_dim; j++) both[j] += gradient[j];
      gradient = both;
    }
    activate_row_backward(s.groups, b.steps + at, gradient, to);
  }
}

// One pass back; slot is where its gradients of gates and logits are kept.
template <class T>
void pass_backward(const Backward<T>& b, Way<T>& w, int64_t pass, int64_t slot) {
  const Sequence<T>& s = b.s;
  const int64_t n = w.n, gates = s.gates(), wide = padded(s.units);
  T* const grad_logits = w.grad_logits.get() + slot * n * s.block_dim;
  logits_backward(b, w, pass, grad_logits);
  T* const top = w.grad_hidden[s.n_layers() - 1].data();
  multiply<T>({n, wide, s.block_dim, grad_logits, s.block_dim, 1, b.head.data(), wide, top, wide, nullptr, true});
  for (int64_t l = s.n_layers() - 1; l >= 0; l--) {
    T* const grad_gates = w.grad_gates.get() + (l * kPasses + slot) * n * gates;
    for (int64_t i = 0; i < n; i++) {
      const int64_t row = s.row(pass, l, w.begin + i);
      if (pass * s.sample_len >= b.lengths[w.begin + i]) {
        std::fill_n(grad_gates + i * gates, gates, T{0});
        continue;
      }
      const int64_t at = (l * n + i) * s.units;
      cells<T>().backward({s.units, b.gates + row * gates, state_before(s, s.cell, b.cells, pass, l, w.begin + i),
                           b.hiddens + row * s.units, w.grad_hidden[l].data() + i * wide,
                           w.grad_cell[(pass + 1) % 2].data() + at, grad_gates + i * gates,
                           w.grad_cell[pass % 2].data() + at});
    }
    const Layer<T>& layer = s.layers[l];
    const int64_t inputs = layer.inputs - layer.constant, across = padded(inputs), below = inputs - s.units;
    if (below == 0) {
      T* const to = w.grad_hidden[l].data();
      multiply_prepared<T>(s.bfloat16, {n, across, gates, grad_gates, gates, 1, b.recurrent[l].data(), across, to, wide,
                                        nullptr, false}, w.packed);
      continue;
    }
    multiply_prepared<T>(s.bfloat16, {n, across, gates, grad_gates, gates, 1, b.recurrent[l].data(), across,
                                      w.from_top.data(), across, nullptr, false}, w.packed);
    for (int64_t i = 0; i < n; i++) {
      const T* const from = w.from_top.data() + i * across;
      std::copy_n(from + below, s.units, w.grad_hidden[l].data() + i * wide);
      if (l == 0) std::copy_n(from, below, w.grad_block.data() + i * s.block_dim);
      for (int64_t j = 0; l > 0 && j < below; j++) w.grad_hidden[l - 1][i * wide + j] += from[j];
    }
  }
}

// c += the sums of the columns of b (rows, columns), which are products with ones.
template <class T>
void add_columns(const Way<T>& w, int64_t rows, int64_t columns, const T* b, T* c) {
  multiply<T>({1, columns, rows, w.ones.data(), rows, 1, b, columns, c, columns, nullptr, true});
}

// Adds the weights' gradients of passes `first` to `first + count - 1`.
template <class T>
void add_weights(const Backward<T>& b, Way<T>& w, int64_t first, int64_t count, Sums<T>& sums) {
  const Sequence<T>& s = b.s;
  const int64_t gates = s.gates(), rows = count * w.n;
  for (int64_t l = 0; l < s.n_layers(); l++) {
    const int64_t inputs = s.layers[l].inputs;
    for (int64_t i = 0; i < count; i++) {
      gather_inputs(s, b.steps, b.hiddens, first + i, l, w.begin, w.n, w.x.get() + i * w.n * inputs);
    }
    const T* const grad_gates = w.grad_gates.get() + l * kPasses * w.n * gates;
    multiply_transposed<T>(s.bfloat16, {inputs, gates, rows, w.x.get(), 1, inputs, grad_gates, gates,
                                        sums.weights[l].data(), gates, nullptr, true});
    add_columns(w, count, w.n * gates, grad_gates, w.total_gates.data() + l * w.n * gates);
  }
  // The hidden states that the head read are those that the pass behind starts from, so all but the last pass's are there.
  const int64_t inputs = s.layers.back().inputs, own = inputs - s.units;
  for (int64_t i = 0; i < w.n; i++) {
    const T* const top = b.hiddens + s.row(first + count - 1, s.n_layers() - 1, w.begin + i) * s.units;
    std::copy_n(top, s.units, w.x.get() + (rows + i) * inputs + own);
  }
  multiply<T>({s.block_dim, s.units, rows, w.grad_logits.get(), 1, s.block_dim, w.x.get() + w.n * inputs + own, inputs,
               sums.head.data(), s.units, nullptr, true});
  add_columns(w, rows, s.block_dim, w.grad_logits.get(), sums.head_bias.data());
}

template <class T>
Way<T> start_way(const Sequence<T>& s, int64_t begin, int64_t n) {
  const int64_t layers = s.n_layers(), states = layers * n * s.units;
  int64_t inputs = 0;
  for (const Layer<T>& layer : s.layers) inputs = std::max(inputs, layer.inputs);
  const auto make = [](int64_t count) { return std::make_unique_for_overwrite<T[]>(count); };
  return {begin,
          n,
          make(layers * kPasses * n * s.gates()),
          make(kPasses * n * s.block_dim),
          make((kPasses + 1) * n * inputs),
          std::vector<std::vector<T>>(layers, std::vector<T>(n * padded(s.units))),
          {std::vector<T>(states), std::vector<T>(states)},
          std::vector<T>(n * s.block_dim),
          std::vector<T>(n * padded(inputs)),
          std::vector<T>(layers * n * s.gates()),
          std::vector<T>(kPasses * n, T{1})};
}

template <class T>
Sums<T> start_sums(const Sequence<T>& s) {
  Sums<T> sums;
  for (const Layer<T>& layer : s.layers) {
    sums.weights.emplace_back(layer.inputs * s.gates());
    sums.biases.emplace_back(s.gates());
  }
  sums.known.resize(s.condition_dim * s.gates());
  sums.head.resize(s.block_dim * s.units);
  sums.head_bias.resize(s.block_dim);
  return sums;
}

template <class T>
void backward_block(Backward<T>& b, int64_t number, int64_t begin, int64_t n) {
  const Sequence<T>& s = b.s;
  const int64_t gates = s.gates(), layers = s.n_layers(), wide = padded(s.units);
  Sums<T>& sums = b.sums[number] = start_sums(s);
  Way<T> w = start_way(s, begin, n);
  const int64_t longest = *std::max_element(b.lengths + begin, b.lengths + begin + n);
  int64_t end = std::min((longest + s.sample_len - 1) / s.sample_len, s.passes);
  while (end > 0) {
    const int64_t first = std::max<int64_t>(end - kPasses, 0);
    for (int64_t pass = end - 1; pass >= first; pass--) pass_backward(b, w, pass, pass - first);
    add_weights(b, w, first, end - first, sums);
    end = first;
  }
  multiply<T>({s.condition_dim, gates, n, s.condition + begin * s.condition_dim, 1, s.condition_dim, w.total_gates.data(),
               gates, sums.known.data(), gates, nullptr, true});
  for (int64_t l = 0; l < layers; l++) {
    add_columns(w, n, gates, w.total_gates.data() + l * n * gates, sums.biases[l].data());
    for (int64_t i = 0; i < n; i++) {
      const int64_t at = (l * s.n + begin + i) * s.units;
      std::copy_n(w.grad_hidden[l].data() + i * wide, s.units, b.grad_hidden + at);
      std::copy_n(w.grad_cell[0].data() + (l * n + i) * s.units, s.units, b.grad_cell + at);
    }
  }
}

// Adds up one of the blocks' sums, in their order; sum(block) is a vector.
template <class T>
std::vector<T> add_up(const Backward<T>& b, const std::function<const std::vector<T>&(const Sums<T>&)>& sum) {
  std::vector<T> total = sum(b.sums[0]);
  share_rows(total.size(), [&](int64_t begin, int64_t end) {
    for (size_t block = 1; block < b.sums.size(); block++) {
      const std::vector<T>& part = sum(b.sums[block]);
      for (int64_t i = begin; i < end; i++) total[i] += part[i];
    }
  });
  return total;
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
  for (const Layer<T>& layer : s.layers) {
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
    const Layer<T>& layer = s.layers[l];
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
