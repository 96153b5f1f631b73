// Generation of measurements by one thread: LSTM, noise, heads, activations and generation flags in one go.
//
// A worker (one per thread) carries a block of samples, its lanes, through their passes. All that a pass reads or makes
// lies as [feature][lane] in the worker's own memory, small enough for the caches, and a weight is read once for
// all lanes. A lane whose sample has ended takes the next sample, so that the work follows the records made.
// A sample's numbers are made by the same instructions whatever its lane, so they do not depend on what else is
// generated, nor on the threads. The definition is the reference in dgsynth/kernels/generate.py.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "lanes.h"

namespace dgsynth {

struct Layer {
  int64_t x_dim;  // inputs beside the layer's own hidden state
  Matrix gates;
};

enum class Precision { kFloat, kRounded, kPairs };

struct Model {
  int64_t units, noise_dim, feedback_dim, condition_dim;
  int64_t sample_len, step_dim, record_dim, max_length, passes;
  bool has_flags, random_state;
  uint64_t seed;
  int64_t first;
  Precision precision;  // bfloat16 by its own instruction, on pairs, or by float32 on rounded numbers
  std::vector<int64_t> dims, activations;
  std::vector<Layer> layers;
  const float* condition_weight;  // [condition][unit][gate]
  const float* learned_state;     // (2, layers, units) or null
  Matrix head;
};

struct Task {
  const float* condition;         // (n, condition_dim)
  const int64_t* forced_lengths;  // (n,) or null
  int64_t n_samples;
  int64_t* lengths;               // (n,)
  float* records;                 // where lengths are known before: all records, else null
  const int64_t* offsets;         // where in `records` each sample begins
  std::vector<const float*>* made;  // where lengths are not known before: each sample's records
  std::atomic<int64_t>* next;
};

// Records of samples that have ended, kept until all lengths are known.
class Arena {
 public:
  const float* keep(const float* values, int64_t count) {
    if (count > left_) {
      left_ = std::max<int64_t>(count, 1 << 20);
      blocks_.push_back(std::make_unique_for_overwrite<float[]>(left_));
      free_ = blocks_.back().get();
    }
    float* const kept = std::copy_n(values, count, free_) - count;
    free_ += count;
    left_ -= count;
    return kept;
  }

 private:
  std::vector<std::unique_ptr<float[]>> blocks_;
  float* free_ = nullptr;
  int64_t left_ = 0;
};

struct Lane {
  int64_t sample = -1, pass = 0, length = 0;
  float* out = nullptr;
};

// All that one thread works on.
template <class S>
struct Worker {
  using Rows = std::vector<Row<S>>;

  Worker(const Model& m, bool buffered) : lanes(S::kLanes), known(4 * m.units), hidden(m.units), gates(4 * m.units) {
    size_t most = 0;
    for (const Layer& layer : m.layers) {
      inputs.emplace_back(layer.x_dim + m.units + 1);  // one more, of zeros, where the last has no partner
      cells.emplace_back(m.units);
      most = std::max(most, inputs.back().size());
    }
    if (m.precision == Precision::kPairs) pairs.resize(most / 2);
    outputs.resize(m.head.groups * kGroup);
    if (buffered) buffer.resize(S::kLanes * m.passes * m.sample_len * m.record_dim);
  }

  std::vector<Lane> lanes;
  Rows known;                // the first layer's gates, the part that no pass changes
  std::vector<Rows> inputs;  // of each layer: [x; hidden state]
  std::vector<Rows> cells;
  Rows hidden;               // new hidden state of a layer
  Rows pairs;                // a layer's inputs as bfloat16, two of them in each word
  Rows outputs;
  std::vector<float> gates;   // scratch of one sample
  std::vector<float> buffer;  // [lane][record][output], where lengths are not known before
  Arena arena;
  int64_t active = 0;
};

// One pass of a layer for kGroups units, whose gates are in the order input, forget, cell, output.
template <class S, int kGroups>
DGSYNTH_INLINE void lstm_units(const Matrix& gates, int64_t count, int64_t unit, const Row<S>* known,
                               const Row<S>* inputs, Row<S>* cells, Row<S>* hidden) {
  Row<S> sum[kGroups * kGroup];
  for (int j = 0; j < kGroups * kGroup; j++) {
    for (int v = 0; v < S::kVectors; v++) {
      sum[j].part[v] = known ? known[unit * kGroup + j].part[v] : fill<typename S::Floats>(gates.bias[unit * kGroup + j]);
    }
  }
  multiply<S, S::kPairs, kGroups>(gates.weights + unit * count * kGroup, count, inputs, sum);
  for (int u = 0; u < kGroups; u++) {
    const Row<S>* const gate = sum + u * kGroup;
    for (int v = 0; v < S::kVectors; v++) {
      typename S::Floats& cell = cells[unit + u].part[v];
      cell = lstm_cell(gate[0].part[v], gate[1].part[v], gate[2].part[v], cell);
      hidden[unit + u].part[v] = lstm_hidden(gate[3].part[v], cell);
    }
  }
}

// Inputs as bfloat16: rounded in place, or two of them in each word of `pairs`.
template <class S>
DGSYNTH_INLINE const Row<S>* prepare_inputs(const Model& m, std::vector<Row<S>>& inputs,
                                                   std::vector<Row<S>>& pairs) {
  if constexpr (S::kPairs) {
    for (size_t k = 0; 2 * k + 1 < inputs.size(); k++) {
      for (int v = 0; v < S::kVectors; v++) {
        const typename S::Words low = round_to_bfloat16(inputs[2 * k].part[v]) >> 16;
        const typename S::Words high = round_to_bfloat16(inputs[2 * k + 1].part[v]) & 0xffff0000u;
        pairs[k].part[v] = (typename S::Floats)(high | low);
      }
    }
    return pairs.data();
  }
  if (m.precision == Precision::kRounded) {
    for (Row<S>& row : inputs) {
      for (int v = 0; v < S::kVectors; v++) row.part[v] = (typename S::Floats)(round_to_bfloat16(row.part[v]) & 0xffff0000u);
    }
  }
  return inputs.data();
}

template <class S>
DGSYNTH_INLINE void lstm_pass(const Model& m, Worker<S>& w, size_t l) {
  const Matrix& gates = m.layers[l].gates;
  const Row<S>* const inputs = prepare_inputs<S>(m, w.inputs[l], w.pairs);
  const Row<S>* const known = l == 0 ? w.known.data() : nullptr;
  const int64_t count = S::kPairs ? (gates.inputs + 1) / 2 : gates.inputs;
  int64_t unit = 0;
  for (; unit + S::kGroups <= m.units; unit += S::kGroups) {
    lstm_units<S, S::kGroups>(gates, count, unit, known, inputs, w.cells[l].data(), w.hidden.data());
  }
  for (; unit < m.units; unit++) {
    lstm_units<S, 1>(gates, count, unit, known, inputs, w.cells[l].data(), w.hidden.data());
  }
}

// Noise of the pass each lane is in; the counter names sample, pass and block of four numbers.
template <class S>
DGSYNTH_INLINE void draw_noise(const Model& m, const Lane* lanes, Row<S>* noise) {
  for (int v = 0; v < S::kVectors; v++) {
    typename S::Words low, high, pass;
    for (int j = 0; j < S::kWidth; j++) {
      const Lane& lane = lanes[v * S::kWidth + j];
      const uint64_t number = static_cast<uint64_t>(m.first + lane.sample);
      low[j] = static_cast<uint32_t>(number);
      high[j] = static_cast<uint32_t>(number >> 32);
      pass[j] = static_cast<uint32_t>(lane.pass);
    }
    for (int64_t block = 0; 4 * block < m.noise_dim; block++) {
      typename S::Words counter[4] = {low, high, pass, words<typename S::Words>(static_cast<uint32_t>(block) | kMeasurementStream)};
      typename S::Floats normal[4];
      philox_normal(counter, m.seed, normal);
      for (int64_t j = 0; j < std::min<int64_t>(4, m.noise_dim - 4 * block); j++) {
        noise[4 * block + j].part[v] = normal[j];
      }
    }
  }
}

// Sets number `at` of a sample's initial state, which is in the order [hidden, cell][layer][unit].
template <class S>
DGSYNTH_INLINE void set_state(const Model& m, Worker<S>& w, int i, int64_t at, float value) {
  const int64_t n_layers = m.layers.size(), layer = at / m.units, unit = at % m.units;
  if (layer < n_layers) {
    w.inputs[layer][m.layers[layer].x_dim + unit].lane(i) = value;
  } else {
    w.cells[layer - n_layers][unit].lane(i) = value;
  }
}

template <class S>
DGSYNTH_INLINE void start_state(const Model& m, Worker<S>& w, int i) {
  const uint64_t number = static_cast<uint64_t>(m.first + w.lanes[i].sample);
  const int64_t count = 2 * m.layers.size() * m.units;
  if (!m.random_state) {
    for (int64_t at = 0; at < count; at++) set_state(m, w, i, at, m.learned_state ? m.learned_state[at] : 0.0f);
    return;
  }
  for (int64_t start = 0; start < count; start += 4 * S::kWidth) {  // the vector's lanes are blocks of four numbers
    typename S::Words block;
    for (int j = 0; j < S::kWidth; j++) block[j] = static_cast<uint32_t>(start / 4 + j) | kStateStream;
    typename S::Words counter[4] = {words<typename S::Words>(static_cast<uint32_t>(number)), words<typename S::Words>(static_cast<uint32_t>(number >> 32)),
                        words<typename S::Words>(0), block};
    typename S::Floats normal[4];
    philox_normal(counter, m.seed, normal);
    for (int64_t at = start; at < std::min<int64_t>(count, start + 4 * S::kWidth); at++) {
      set_state(m, w, i, at, normal[at % 4][(at - start) / 4]);
    }
  }
}

// Gives lane i the next sample, or none.
template <class S>
DGSYNTH_INLINE void refill(const Model& m, const Task& task, Worker<S>& w, int i) {
  Lane& lane = w.lanes[i];
  const int64_t sample = task.next->fetch_add(1, std::memory_order_relaxed);
  if (sample >= task.n_samples) {
    lane.sample = -1;
    return;
  }
  w.active++;
  lane = {sample, 0, 0, task.records ? task.records + task.offsets[sample] * m.record_dim : nullptr};
  if (!task.records) lane.out = w.buffer.data() + i * m.passes * m.sample_len * m.record_dim;
  const int64_t n_gates = 4 * m.units;
  float* const gates = w.gates.data();
  std::copy_n(m.layers[0].gates.bias, n_gates, gates);
  for (int64_t k = 0; k < m.condition_dim; k++) {
    const float value = task.condition[sample * m.condition_dim + k];
    if (value == 0.0f) continue;  // most are: the categories that a sample does not have
    const float* const weights = m.condition_weight + k * n_gates;
    for (int64_t j = 0; j < n_gates; j++) gates[j] += value * weights[j];
  }
  for (int64_t j = 0; j < n_gates; j++) w.known[j].lane(i) = gates[j];
  for (int64_t k = 0; k < m.feedback_dim; k++) w.inputs[0][m.noise_dim + k].lane(i) = 0.0f;
  start_state(m, w, i);
}

// How many of the block's records count; the record that says "ends here" still does, and so does the first.
template <class S>
DGSYNTH_INLINE int64_t count_records(const Model& m, const Task& task, Worker<S>& w, int i, bool& goes_on) {
  const Lane& lane = w.lanes[i];
  const int64_t first = lane.pass * m.sample_len;
  if (task.forced_lengths || !m.has_flags) {
    const int64_t until = task.forced_lengths ? task.forced_lengths[lane.sample] : m.max_length;
    goes_on = until > first + m.sample_len;
    return std::min(until - first, m.sample_len);
  }
  int64_t made = 0;
  do {
    Row<S>* const flags = w.outputs.data() + (made + 1) * m.step_dim - 2;
    goes_on = flags[0].lane(i) >= flags[1].lane(i);
    made++;
  } while (goes_on && made < m.sample_len);
  goes_on = goes_on && lane.pass + 1 < m.passes;
  return std::min(made, m.max_length - first);
}

template <class S>
DGSYNTH_INLINE void take_records(const Model& m, const Task& task, Worker<S>& w, int i) {
  Lane& lane = w.lanes[i];
  bool goes_on = false;
  const int64_t made = count_records(m, task, w, i, goes_on);
  float* out = lane.out + lane.length * m.record_dim;
  for (int64_t record = 0; record < made; record++) {
    Row<S>* const rows = w.outputs.data() + record * m.step_dim;
    for (int64_t j = 0; j < m.record_dim; j++) *out++ = rows[j].lane(i);
  }
  lane.length += made;
  lane.pass++;
  if (goes_on) return;
  task.lengths[lane.sample] = lane.length;
  if (!task.records) (*task.made)[lane.sample] = w.arena.keep(lane.out, lane.length * m.record_dim);
  w.active--;
  refill(m, task, w, i);
}

// Carries samples until there are none left.
template <class S>
DGSYNTH_INLINE void carry(const Model& m, const Task& task, Worker<S>& w) {
  for (int i = 0; i < S::kLanes; i++) refill(m, task, w, i);
  while (w.active > 0) {
    draw_noise(m, w.lanes.data(), w.inputs[0].data());
    for (size_t l = 0; l < m.layers.size(); l++) {
      lstm_pass(m, w, l);
      std::copy_n(w.hidden.data(), m.units, w.inputs[l].data() + m.layers[l].x_dim);
      if (l + 1 < m.layers.size()) std::copy_n(w.hidden.data(), m.units, w.inputs[l + 1].data());
    }
    linear<S>(m.head, w.hidden.data(), w.outputs.data());
    for (int64_t record = 0; record < m.sample_len; record++) {
      activate<S>(m.dims, m.activations, w.outputs.data() + record * m.step_dim);
    }
    if (m.feedback_dim) std::copy_n(w.outputs.data(), m.feedback_dim, w.inputs[0].data() + m.noise_dim);
    for (int i = 0; i < S::kLanes; i++) {
      if (w.lanes[i].sample >= 0) take_records(m, task, w, i);
    }
  }
}

}  // namespace dgsynth
