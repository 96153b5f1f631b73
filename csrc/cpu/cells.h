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

// Rows of one sample in one pass.
template <class T>
struct CellForward {
  int64_t units;
  T* gates;  // (4 units): sums on entry, gates after their activations on return
  const T* cell_before;
  T *cell, *hidden;
};

template <class T>
struct CellBackward {
  int64_t units;
  const T *gates, *cell_before, *cell, *grad_hidden;
  T* grad_cell;   // of the cell on entry, of the cell before on return
  T* grad_gates;  // of the sums
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

template <class V, class T>
DGSYNTH_INLINE void cell_forward(const CellForward<T>& c) {
  constexpr int64_t kWidth = sizeof(V) / sizeof(T);
  const int64_t n = c.units;
  for (int64_t i = 0; i < n; i += kWidth) {
    const int64_t count = n - i;
    const V input = sigmoid(load<V>(c.gates + i, count)), forget = sigmoid(load<V>(c.gates + n + i, count));
    const V candidate = tanh(load<V>(c.gates + 2 * n + i, count)), output = sigmoid(load<V>(c.gates + 3 * n + i, count));
    const V cell = forget * load<V>(c.cell_before + i, count) + input * candidate;
    store(input, c.gates + i, count);
    store(forget, c.gates + n + i, count);
    store(candidate, c.gates + 2 * n + i, count);
    store(output, c.gates + 3 * n + i, count);
    store(cell, c.cell + i, count);
    store(output * tanh(cell), c.hidden + i, count);
  }
}

template <class V, class T>
DGSYNTH_INLINE void cell_backward(const CellBackward<T>& c) {
  constexpr int64_t kWidth = sizeof(V) / sizeof(T);
  const int64_t n = c.units;
  for (int64_t i = 0; i < n; i += kWidth) {
    const int64_t count = n - i;
    const V input = load<V>(c.gates + i, count), forget = load<V>(c.gates + n + i, count);
    const V candidate = load<V>(c.gates + 2 * n + i, count), output = load<V>(c.gates + 3 * n + i, count);
    const V squashed = tanh(load<V>(c.cell + i, count)), hidden = load<V>(c.grad_hidden + i, count);
    const V cell = load<V>(c.grad_cell + i, count) + hidden * output * (T{1} - squashed * squashed);
    const V before = load<V>(c.cell_before + i, count);
    store(cell * candidate * input * (T{1} - input), c.grad_gates + i, count);
    store(cell * before * forget * (T{1} - forget), c.grad_gates + n + i, count);
    store(cell * input * (T{1} - candidate * candidate), c.grad_gates + 2 * n + i, count);
    store(hidden * squashed * output * (T{1} - output), c.grad_gates + 3 * n + i, count);
    store(cell * forget, c.grad_cell + i, count);
  }
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
