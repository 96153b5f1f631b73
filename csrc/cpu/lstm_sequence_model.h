// What lstm_sequence and its gradients are given, and what a pass reads of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cells.h"

namespace dgsynth {

template <class T>
struct SequenceLayer {
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
  std::vector<SequenceLayer<T>> layers;
  std::vector<OutputGroup> groups;  // of a pass: S records

  int64_t n_layers() const { return static_cast<int64_t>(layers.size()); }
  int64_t gates() const { return 4 * units; }
  // Row of (P, layers, B, *).
  int64_t row(int64_t pass, int64_t layer, int64_t sample) const { return (pass * n_layers() + layer) * n + sample; }
};

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

}  // namespace dgsynth
