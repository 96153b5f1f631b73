// A block of samples through its passes, layer by layer to the records. It stops when its samples have ended.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cells.h"
#include "lstm_sequence_model.h"
#include "lstm_sequence_products.h"
#include "multiply.h"

namespace dgsynth {

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

}  // namespace dgsynth
