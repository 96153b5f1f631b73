// A block of samples on its way back, through its passes in reverse.
//
// The weights' gradients are made of some passes at a time, while these are still in the cache, in sums of the block's
// own, which are added up in the order of blocks: the result does not depend on the threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "cells.h"
#include "lstm_sequence_model.h"
#include "lstm_sequence_products.h"
#include "multiply.h"
#include "tasks.h"

namespace dgsynth {

constexpr int64_t kPasses = 16;  // whose gates' gradients are kept before they become weights' gradients

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
    const SequenceLayer<T>& layer = s.layers[l];
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
  for (const SequenceLayer<T>& layer : s.layers) inputs = std::max(inputs, layer.inputs);
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
  for (const SequenceLayer<T>& layer : s.layers) {
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

}  // namespace dgsynth
