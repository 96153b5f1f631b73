// What an LSTM does between its products, on rows of samples: cells, activations, and the derivatives of both.
//
// One source for vectors of float32 and, for checks of the derivatives, for plain float64.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "lanes.h"

namespace dgsynth {

inline double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
inline double tanh(double x) { return std::tanh(x); }
inline double exp_of_negative(double x) { return std::exp(x); }
inline double exp_of_minus(double x) { return std::exp(std::clamp(-x, -200.0, 200.0)); }

// Rows of one sample in one pass. No row may be both read and written: the last vector of a row overlaps the one before.
template <class T>
struct CellForward {
  int64_t units;
  const T *sums, *cell_before;
  T *gates, *cell, *hidden;  // gates after their activations
};

template <class T>
struct CellBackward {
  int64_t units;
  const T *gates, *cell_before, *hidden, *grad_hidden, *grad_cell;
  T *grad_gates, *grad_cell_before;  // of the gates' sums
};

// Some of the outputs of a record: an output of the head and how it is activated.
struct OutputGroup {
  int64_t begin, count;
  Activation activation;
};

// Neighbours of the same elementwise activation become one group.
inline std::vector<OutputGroup> group_outputs(const std::vector<int64_t>& dims, const std::vector<int64_t>& activations,
                                              int64_t records) {
  std::vector<OutputGroup> groups;
  int64_t begin = 0;
  for (int64_t record = 0; record < records; record++) {
    for (size_t i = 0; i < dims.size(); begin += dims[i], i++) {
      const auto activation = static_cast<Activation>(activations[i]);
      if (activation != Activation::kSoftmax && !groups.empty() && groups.back().activation == activation) {
        groups.back().count += dims[i];
      } else {
        groups.push_back({begin, dims[i], activation});
      }
    }
  }
  return groups;
}

// Reads up to a vector's width of numbers.
template <class V, class T>
DGSYNTH_INLINE V load(const T* from, int64_t count) {
  V vector;
  if (count >= static_cast<int64_t>(sizeof(V) / sizeof(T))) {
    std::memcpy(&vector, from, sizeof(V));
    return vector;
  }
  T numbers[sizeof(V) / sizeof(T)] = {};
  for (int64_t i = 0; i < count; i++) numbers[i] = from[i];
  std::memcpy(&vector, numbers, sizeof(V));
  return vector;
}

template <class V, class T>
DGSYNTH_INLINE void store(V vector, T* to, int64_t count) {
  if (count >= static_cast<int64_t>(sizeof(V) / sizeof(T))) {
    std::memcpy(to, &vector, sizeof(V));
    return;
  }
  T numbers[sizeof(V) / sizeof(T)];
  std::memcpy(numbers, &vector, sizeof(V));
  for (int64_t i = 0; i < count; i++) to[i] = numbers[i];
}

// Units `i` to `i + count - 1`. One division serves three gates, another the fourth and the cell; exp_of_minus bounds what
// it returns, so that the products of denominators are finite.
template <class V, class T>
DGSYNTH_INLINE void cell_forward_part(const CellForward<T>& c, int64_t i, int64_t count) {
  const int64_t n = c.units;
  const V input = T{1} + exp_of_minus(load<V>(c.sums + i, count));
  const V forget = T{1} + exp_of_minus(load<V>(c.sums + n + i, count));
  const V turned = exp_of_minus(T{2} * load<V>(c.sums + 2 * n + i, count)), candidate = T{1} + turned;
  const V both = forget * candidate, inverse = T{1} / (input * both), others = inverse * input;
  const V input_gate = inverse * both, forget_gate = others * candidate;
  const V candidate_gate = (T{1} - turned) * (others * forget);
  const V cell = forget_gate * load<V>(c.cell_before + i, count) + input_gate * candidate_gate;
  const V output = T{1} + exp_of_minus(load<V>(c.sums + 3 * n + i, count));
  const V falling = exp_of_minus(T{2} * cell), squashed = T{1} + falling, last = T{1} / (output * squashed);
  store(input_gate, c.gates + i, count);
  store(forget_gate, c.gates + n + i, count);
  store(candidate_gate, c.gates + 2 * n + i, count);
  store(last * squashed, c.gates + 3 * n + i, count);
  store(cell, c.cell + i, count);
  store((T{1} - falling) * last, c.hidden + i, count);
}

// tanh of the cell is what the output gate made the hidden state of; where that gate is 0, so are the gradients.
template <class V, class T>
DGSYNTH_INLINE void cell_backward_part(const CellBackward<T>& c, int64_t i, int64_t count) {
  const int64_t n = c.units;
  const V input = load<V>(c.gates + i, count), forget = load<V>(c.gates + n + i, count);
  const V candidate = load<V>(c.gates + 2 * n + i, count), output = load<V>(c.gates + 3 * n + i, count);
  const V squashed = load<V>(c.hidden + i, count) / (output + T(1e-30));
  const V hidden = load<V>(c.grad_hidden + i, count) * output, before = load<V>(c.cell_before + i, count);
  const V cell = load<V>(c.grad_cell + i, count) + hidden * (T{1} - squashed * squashed);
  const V of_forget = cell * forget, of_input = cell * input;
  store(of_input * candidate * (T{1} - input), c.grad_gates + i, count);
  store(of_forget * before * (T{1} - forget), c.grad_gates + n + i, count);
  store(of_input * (T{1} - candidate * candidate), c.grad_gates + 2 * n + i, count);
  store(hidden * squashed * (T{1} - output), c.grad_gates + 3 * n + i, count);
  store(of_forget, c.grad_cell_before + i, count);
}

template <class V, class T>
DGSYNTH_INLINE void cell_forward(const CellForward<T>& c) {
  constexpr int64_t kWidth = sizeof(V) / sizeof(T);
  if (c.units < kWidth) return cell_forward_part<V>(c, 0, c.units);
  for (int64_t i = 0; i < c.units; i += kWidth) cell_forward_part<V>(c, std::min(i, c.units - kWidth), kWidth);
}

template <class V, class T>
DGSYNTH_INLINE void cell_backward(const CellBackward<T>& c) {
  constexpr int64_t kWidth = sizeof(V) / sizeof(T);
  if (c.units < kWidth) return cell_backward_part<V>(c, 0, c.units);
  for (int64_t i = 0; i < c.units; i += kWidth) cell_backward_part<V>(c, std::min(i, c.units - kWidth), kWidth);
}

// Activates a row of logits in place.
template <class V, class T>
DGSYNTH_INLINE void activate_row(const std::vector<OutputGroup>& groups, T* row) {
  constexpr int64_t kWidth = sizeof(V) / sizeof(T);
  for (const OutputGroup& group : groups) {
    T* const x = row + group.begin;
    if (group.activation == Activation::kSoftmax) {
      const T greatest = *std::max_element(x, x + group.count);
      for (int64_t i = 0; i < group.count; i += kWidth) {
        const int64_t count = group.count - i;
        store(exp_of_negative(load<V>(x + i, count) - greatest), x + i, count);
      }
      T total = 0;
      for (int64_t i = 0; i < group.count; i++) total += x[i];
      for (int64_t i = 0; i < group.count; i++) x[i] /= total;
      continue;
    }
    for (int64_t i = 0; i < group.count; i += kWidth) {
      const V logits = load<V>(x + i, group.count - i);
      store(group.activation == Activation::kSigmoid ? sigmoid(logits) : tanh(logits), x + i, group.count - i);
    }
  }
}

// The gradient of a row of logits, from that of the activated row y.
template <class T>
inline void activate_row_backward(const std::vector<OutputGroup>& groups, const T* y, const T* gradient, T* to) {
  for (const OutputGroup& group : groups) {
    T weighed = 0;
    for (int64_t i = group.begin; i < group.begin + group.count; i++) weighed += gradient[i] * y[i];
    for (int64_t i = group.begin; i < group.begin + group.count; i++) {
      if (group.activation == Activation::kSoftmax) to[i] = y[i] * (gradient[i] - weighed);
      if (group.activation == Activation::kSigmoid) to[i] = gradient[i] * y[i] * (T{1} - y[i]);
      if (group.activation == Activation::kTanh) to[i] = gradient[i] * (T{1} - y[i] * y[i]);
    }
  }
}

// The functions above for the instruction set that the processor has.
template <class T>
struct Cells {
  void (*forward)(const CellForward<T>&);
  void (*backward)(const CellBackward<T>&);
  void (*activate)(const std::vector<OutputGroup>&, T*);
};

template <class T>
const Cells<T>& cells();

}  // namespace dgsynth
