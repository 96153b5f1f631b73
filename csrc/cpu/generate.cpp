// Generation of measurements: the LSTM, its noise, heads, activations and generation flags in one go.
//
// A worker (one per thread) carries 32 samples, its lanes, through their passes. All that a pass reads or makes
// lies as [feature][lane] in the worker's own memory, small enough for the caches, and a weight is read once for
// all lanes. A lane whose sample has ended takes the next sample, so that the work follows the records made.
// A sample's numbers are made by the same instructions whatever its lane, so they do not depend on what else is
// generated, nor on the threads. The definition is the reference in dgsynth/kernels/generate.py.

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "../vector_math.h"

#define DGSYNTH_TARGETS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))

namespace dgsynth {

using torch::stable::Tensor;

constexpr int kLanes = 2 * kWidth;
constexpr int kTile = 8;  // weights that are used together: 4 gates of 2 units, or 8 outputs of the head
constexpr uint32_t kStateStream = 2u << 24, kMeasurementStream = 3u << 24;

enum class Activation : int64_t { kSoftmax = 0, kSigmoid = 1, kTanh = 2 };

struct alignas(64) Row {
  Floats half[2];
  float& lane(int i) { return reinterpret_cast<float*>(this)[i]; }
};

// A matrix of shape (outputs, inputs), its rows in tiles of 8: [tile][input][8].
struct Tiles {
  int64_t tiles = 0, inputs = 0;
  std::vector<float> weights, bias;  // [tile][input][8], [tile][8]
};

struct Layer {
  int64_t x_dim = 0;  // inputs beside the layer's own hidden state
  Tiles gates;
};

struct Model {
  int64_t units, layers, noise_dim, feedback_dim, condition_dim;
  int64_t sample_len, step_dim, record_dim, max_length, passes;
  bool has_flags, forced, random_state;
  uint64_t seed;
  int64_t first;
  std::vector<int64_t> dims, activations;
  std::vector<Layer> layer;
  std::vector<float> condition_weights;  // [condition][gate], gates in the order of the first layer's tiles
  std::vector<float> initial_state;      // (2, layers, units), where it is learned
  Tiles head;
  int64_t padded_units() const { return units + units % 2; }
  int64_t n_gates() const { return layer[0].gates.tiles * kTile; }
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
struct Worker {
  explicit Worker(const Model& m)
      : lanes(kLanes), known(m.n_gates()), outputs(m.head.tiles * kTile), gates(m.n_gates()) {
    for (const Layer& layer : m.layer) {
      inputs.emplace_back(layer.x_dim + m.padded_units());
      cells.emplace_back(m.padded_units());
    }
    hidden.resize(m.padded_units());
  }
  std::vector<Lane> lanes;
  std::vector<Row> known;                // the first layer's gates, the part that no pass changes
  std::vector<std::vector<Row>> inputs;  // of each layer: [x; hidden state]
  std::vector<std::vector<Row>> cells;
  std::vector<Row> hidden;               // new hidden state of a layer
  std::vector<Row> outputs;
  std::vector<float> gates;              // scratch of one sample
  std::vector<float> buffer;             // [lane][record][output], where lengths are not known before
  Arena arena;
  int64_t active = 0;
};

// sum[j] = start[j] + sum over k of weights[k][j] * inputs[k], for 8 outputs j: 16 sums stay in registers.
DGSYNTH_INLINE void multiply(const float* weights, const Row* inputs, int64_t count, Row (&sum)[kTile]) {
  Floats a0 = sum[0].half[0], a1 = sum[1].half[0], a2 = sum[2].half[0], a3 = sum[3].half[0];
  Floats a4 = sum[4].half[0], a5 = sum[5].half[0], a6 = sum[6].half[0], a7 = sum[7].half[0];
  Floats b0 = sum[0].half[1], b1 = sum[1].half[1], b2 = sum[2].half[1], b3 = sum[3].half[1];
  Floats b4 = sum[4].half[1], b5 = sum[5].half[1], b6 = sum[6].half[1], b7 = sum[7].half[1];
  for (int64_t k = 0; k < count; k++, weights += kTile) {
    const Floats x = inputs[k].half[0], y = inputs[k].half[1];
    a0 += x * weights[0], b0 += y * weights[0];
    a1 += x * weights[1], b1 += y * weights[1];
    a2 += x * weights[2], b2 += y * weights[2];
    a3 += x * weights[3], b3 += y * weights[3];
    a4 += x * weights[4], b4 += y * weights[4];
    a5 += x * weights[5], b5 += y * weights[5];
    a6 += x * weights[6], b6 += y * weights[6];
    a7 += x * weights[7], b7 += y * weights[7];
  }
  sum[0] = {a0, b0}, sum[1] = {a1, b1}, sum[2] = {a2, b2}, sum[3] = {a3, b3};
  sum[4] = {a4, b4}, sum[5] = {a5, b5}, sum[6] = {a6, b6}, sum[7] = {a7, b7};
}

// One pass of one layer: gates in the order input, forget, cell, output, for two units at a time.
DGSYNTH_INLINE void lstm_pass(const Layer& layer, const Row* known, const std::vector<Row>& inputs,
                              std::vector<Row>& cells, std::vector<Row>& hidden) {
  const Tiles& gates = layer.gates;
  for (int64_t tile = 0; tile < gates.tiles; tile++) {
    Row sum[kTile];
    for (int j = 0; j < kTile; j++) {
      const float bias = gates.bias[tile * kTile + j];
      sum[j] = known ? known[tile * kTile + j] : Row{fill(bias), fill(bias)};
    }
    multiply(gates.weights.data() + tile * gates.inputs * kTile, inputs.data(), gates.inputs, sum);
    for (int unit = 0; unit < 2; unit++) {
      const Row* const gate = sum + 4 * unit;
      Row& cell = cells[2 * tile + unit];
      for (int i = 0; i < 2; i++) {
        cell.half[i] = sigmoid(gate[1].half[i]) * cell.half[i] + sigmoid_tanh(gate[0].half[i], gate[2].half[i]);
        hidden[2 * tile + unit].half[i] = sigmoid_tanh(gate[3].half[i], cell.half[i]);
      }
    }
  }
}

DGSYNTH_INLINE void softmax(Row* rows, int64_t dim) {
  for (int i = 0; i < 2; i++) {
    Floats greatest = rows[0].half[i], total = {};
    for (int64_t j = 1; j < dim; j++) greatest = rows[j].half[i] > greatest ? rows[j].half[i] : greatest;
    for (int64_t j = 0; j < dim; j++) {
      rows[j].half[i] = exp(clamp(rows[j].half[i] - greatest, -87.0f, 0.0f));
      total += rows[j].half[i];
    }
    for (int64_t j = 0; j < dim; j++) rows[j].half[i] /= total;
  }
}

// The S records of a pass: [record * D + output][lane].
DGSYNTH_INLINE void make_records(const Model& m, const std::vector<Row>& hidden, std::vector<Row>& outputs) {
  for (int64_t tile = 0; tile < m.head.tiles; tile++) {
    Row sum[kTile];
    for (int j = 0; j < kTile; j++) {
      const float bias = m.head.bias[tile * kTile + j];
      sum[j] = {fill(bias), fill(bias)};
    }
    multiply(m.head.weights.data() + tile * m.head.inputs * kTile, hidden.data(), m.head.inputs, sum);
    std::copy_n(sum, kTile, outputs.data() + tile * kTile);
  }
  Row* row = outputs.data();
  for (int64_t record = 0; record < m.sample_len; record++) {
    for (size_t output = 0; output < m.dims.size(); row += m.dims[output], output++) {
      const auto activation = static_cast<Activation>(m.activations[output]);
      if (activation == Activation::kSoftmax) softmax(row, m.dims[output]);
      for (int i = 0; i < 2; i++) {
        if (activation == Activation::kSigmoid) row->half[i] = sigmoid(row->half[i]);
        if (activation == Activation::kTanh) row->half[i] = tanh(row->half[i]);
      }
    }
  }
}

// Noise of the pass each lane is in; the counter names sample, pass and block of four numbers.
DGSYNTH_INLINE void draw_noise(const Model& m, const std::vector<Lane>& lanes, Row* noise) {
  for (int i = 0; i < 2; i++) {
    Words low, high, pass;
    for (int j = 0; j < kWidth; j++) {
      const Lane& lane = lanes[i * kWidth + j];
      const uint64_t number = static_cast<uint64_t>(m.first + lane.sample);
      low[j] = static_cast<uint32_t>(number);
      high[j] = static_cast<uint32_t>(number >> 32);
      pass[j] = static_cast<uint32_t>(lane.pass);
    }
    for (int64_t block = 0; 4 * block < m.noise_dim; block++) {
      Words counter[4] = {low, high, pass, words(static_cast<uint32_t>(block) | kMeasurementStream)};
      Floats normal[4];
      philox_normal(counter, m.seed, normal);
      for (int64_t j = 0; j < std::min<int64_t>(4, m.noise_dim - 4 * block); j++) {
        noise[4 * block + j].half[i] = normal[j];
      }
    }
  }
}

DGSYNTH_INLINE void start_state(const Model& m, Worker& w, int i) {
  const uint64_t number = static_cast<uint64_t>(m.first + w.lanes[i].sample);
  const int64_t count = 2 * m.layers * m.units;
  const auto set = [&](int64_t at, float value) {
    const int64_t unit = at % m.units, layer = at / m.units % m.layers;
    const bool is_cell = at >= m.layers * m.units;
    (is_cell ? w.cells[layer][unit] : w.inputs[layer][m.layer[layer].x_dim + unit]).lane(i) = value;
  };
  if (!m.random_state) {
    for (int64_t at = 0; at < count; at++) set(at, m.initial_state.empty() ? 0.0f : m.initial_state[at]);
    return;
  }
  for (int64_t start = 0; start < count; start += 4 * kWidth) {  // the vector's lanes are blocks of four numbers
    Words block;
    for (int j = 0; j < kWidth; j++) block[j] = static_cast<uint32_t>(start / 4 + j) | kStateStream;
    Words counter[4] = {words(static_cast<uint32_t>(number)), words(static_cast<uint32_t>(number >> 32)),
                        words(0), block};
    Floats normal[4];
    philox_normal(counter, m.seed, normal);
    for (int64_t at = start; at < std::min<int64_t>(count, start + 4 * kWidth); at++) {
      set(at, normal[at % 4][(at - start) / 4]);
    }
  }
}

// Gives lane i the next sample, or none.
DGSYNTH_INLINE void refill(const Model& m, const Task& task, Worker& w, int i) {
  Lane& lane = w.lanes[i];
  const int64_t sample = task.next->fetch_add(1, std::memory_order_relaxed);
  if (sample >= task.n_samples) {
    lane.sample = -1;
    return;
  }
  w.active++;
  lane = {sample, 0, 0, task.records ? task.records + task.offsets[sample] * m.record_dim : nullptr};
  if (!task.records) lane.out = w.buffer.data() + i * m.passes * m.sample_len * m.record_dim;
  const int64_t n_gates = m.n_gates();
  std::copy_n(m.layer[0].gates.bias.data(), n_gates, w.gates.data());
  for (int64_t k = 0; k < m.condition_dim; k++) {
    const float value = task.condition[sample * m.condition_dim + k];
    const float* const weights = m.condition_weights.data() + k * n_gates;
    for (int64_t j = 0; j < n_gates; j++) w.gates[j] += value * weights[j];
  }
  for (int64_t j = 0; j < n_gates; j++) w.known[j].lane(i) = w.gates[j];
  for (int64_t k = 0; k < m.feedback_dim; k++) w.inputs[0][m.noise_dim + k].lane(i) = 0.0f;
  start_state(m, w, i);
}

// How many of the block's records count; the record that says "ends here" still does, and so does the first.
DGSYNTH_INLINE int64_t count_records(const Model& m, const Task& task, Worker& w, int i, bool& goes_on) {
  const Lane& lane = w.lanes[i];
  const int64_t first = lane.pass * m.sample_len;
  if (task.forced_lengths || !m.has_flags) {
    const int64_t until = task.forced_lengths ? task.forced_lengths[lane.sample] : m.max_length;
    goes_on = until > first + m.sample_len;
    return std::min(until - first, m.sample_len);
  }
  int64_t made = 0;
  do {
    Row* const flags = w.outputs.data() + (made + 1) * m.step_dim - 2;
    goes_on = flags[0].lane(i) >= flags[1].lane(i);
    made++;
  } while (goes_on && made < m.sample_len);
  goes_on = goes_on && lane.pass + 1 < m.passes;
  return std::min(made, m.max_length - first);
}

DGSYNTH_INLINE void take_records(const Model& m, const Task& task, Worker& w, int i) {
  Lane& lane = w.lanes[i];
  bool goes_on = false;
  const int64_t made = count_records(m, task, w, i, goes_on);
  float* out = lane.out + lane.length * m.record_dim;
  for (int64_t record = 0; record < made; record++) {
    Row* const rows = w.outputs.data() + record * m.step_dim;
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

// Carries samples until there are none left. Compiled for each instruction set, with all it calls.
DGSYNTH_TARGETS void work(const Model& m, const Task& task, Worker& w) {
  for (int i = 0; i < kLanes; i++) refill(m, task, w, i);
  while (w.active > 0) {
    draw_noise(m, w.lanes, w.inputs[0].data());
    for (int64_t l = 0; l < m.layers; l++) {
      lstm_pass(m.layer[l], l == 0 ? w.known.data() : nullptr, w.inputs[l], w.cells[l], w.hidden);
      std::copy_n(w.hidden.data(), m.units, w.inputs[l].data() + m.layer[l].x_dim);
      if (l + 1 < m.layers) std::copy_n(w.hidden.data(), m.units, w.inputs[l + 1].data());
    }
    make_records(m, w.hidden, w.outputs);
    if (m.feedback_dim) std::copy_n(w.outputs.data(), m.feedback_dim, w.inputs[0].data() + m.noise_dim);
    for (int i = 0; i < kLanes; i++) {
      if (w.lanes[i].sample >= 0) take_records(m, task, w, i);
    }
  }
}

// Rows of a matrix (outputs, columns) from column `from` on, in tiles; row_of says which row stands at a place.
template <class RowOf>
Tiles pack(const float* matrix, const float* bias, int64_t places, int64_t columns, int64_t from, RowOf row_of) {
  Tiles packed{places / kTile, columns - from, {}, {}};
  packed.weights.resize(places * packed.inputs);
  packed.bias.resize(places);
  for (int64_t place = 0; place < places; place++) {
    const int64_t row = row_of(place), tile = place / kTile;
    packed.bias[place] = row < 0 ? 0.0f : bias[row];
    for (int64_t k = 0; k < packed.inputs; k++) {
      packed.weights[(tile * packed.inputs + k) * kTile + place % kTile] =
          row < 0 ? 0.0f : matrix[row * columns + from + k];
    }
  }
  return packed;
}

const float* floats(const Tensor& tensor, const char* name) {
  STD_TORCH_CHECK(tensor.scalar_type() == torch::headeronly::ScalarType::Float, name, " must be float32");
  STD_TORCH_CHECK(tensor.is_contiguous(), name, " must be contiguous");
  return static_cast<const float*>(tensor.data_ptr());
}

void pack_layers(Model& m, const std::vector<Tensor>& weights, const std::vector<Tensor>& biases) {
  const auto row_of = [&m](int64_t place) {  // [pair of units][unit][gate]; -1 pads an odd number of units
    const int64_t unit = place / kTile * 2 + place % kTile / 4;
    return unit < m.units ? place % 4 * m.units + unit : -1;
  };
  for (int64_t l = 0; l < m.layers; l++) {
    const int64_t known = l == 0 ? m.condition_dim : 0;
    const int64_t x_dim = l == 0 ? m.noise_dim + m.feedback_dim : m.units;
    const int64_t columns = known + x_dim + m.units, places = 4 * m.padded_units();
    STD_TORCH_CHECK(weights[l].size(0) == 4 * m.units && weights[l].size(1) == columns && biases[l].size(0) == 4 * m.units,
                    "weights[", l, "] must be of shape (", 4 * m.units, ", ", columns, "), its bias of the same length");
    const float* const matrix = floats(weights[l], "weights");
    m.layer.push_back({x_dim, pack(matrix, floats(biases[l], "biases"), places, columns, known, row_of)});
    if (l > 0) continue;
    m.condition_weights.resize(known * places);
    for (int64_t place = 0; place < places; place++) {
      for (int64_t k = 0; k < known && row_of(place) >= 0; k++) {
        m.condition_weights[k * places + place] = matrix[row_of(place) * columns + k];
      }
    }
  }
}

void run_workers(const Model& m, Task& task, Tensor& records, const Tensor& like) {
  std::vector<std::unique_ptr<Worker>> workers;
  const int64_t n_workers =
      std::clamp<int64_t>((task.n_samples + kLanes - 1) / kLanes, 1, torch::stable::get_num_threads());
  for (int64_t i = 0; i < n_workers; i++) {
    workers.push_back(std::make_unique<Worker>(m));
    if (!task.records) workers.back()->buffer.resize(kLanes * m.passes * m.sample_len * m.record_dim);
  }
  torch::stable::parallel_for(0, n_workers, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) work(m, task, *workers[i]);
  });
  if (task.records) return;
  std::vector<int64_t> offsets(task.n_samples + 1, 0);
  for (int64_t i = 0; i < task.n_samples; i++) offsets[i + 1] = offsets[i] + task.lengths[i];
  records = torch::stable::new_empty(like, {offsets.back(), m.record_dim});
  float* const all = static_cast<float*>(records.data_ptr());
  torch::stable::parallel_for(0, task.n_samples, 1024, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      std::copy_n((*task.made)[i], task.lengths[i] * m.record_dim, all + offsets[i] * m.record_dim);
    }
  });
}

std::tuple<Tensor, Tensor> generate(Tensor condition, std::vector<Tensor> weights, std::vector<Tensor> biases,
                                    Tensor head_weight, Tensor head_bias, std::optional<Tensor> learned_state,
                                    std::optional<Tensor> lengths, int64_t seed, int64_t first, int64_t noise_dim,
                                    bool feedback, bool random_state, std::vector<int64_t> dims,
                                    std::vector<int64_t> activations, int64_t sample_len, int64_t max_length,
                                    bool has_flags) {
  STD_TORCH_CHECK(condition.dim() == 2 && head_weight.dim() == 2, "condition and head_weight must be matrices");
  STD_TORCH_CHECK(sample_len > 0 && max_length > 0 && noise_dim >= 0, "sample_len and max_length must be positive");
  STD_TORCH_CHECK(std::all_of(dims.begin(), dims.end(), [](int64_t dim) { return dim > 0; }), "dims must be positive");
  STD_TORCH_CHECK(!has_flags || (!dims.empty() && dims.back() == 2), "the last output must be the generation flag");
  Model m{};
  for (const int64_t dim : dims) m.step_dim += dim;
  m.units = head_weight.size(1);
  m.layers = static_cast<int64_t>(weights.size());
  m.noise_dim = noise_dim;
  m.sample_len = sample_len;
  m.record_dim = m.step_dim - 2 * has_flags;
  m.feedback_dim = feedback ? sample_len * m.step_dim : 0;
  m.condition_dim = condition.size(1);
  m.max_length = max_length;
  m.passes = (max_length + sample_len - 1) / sample_len;
  m.has_flags = has_flags;
  m.random_state = random_state;
  m.seed = static_cast<uint64_t>(seed);
  m.first = first;
  m.dims = dims;
  m.activations = activations;
  STD_TORCH_CHECK(m.layers > 0 && biases.size() == weights.size(), "every LSTM layer needs weights and a bias");
  STD_TORCH_CHECK(dims.size() == activations.size(), "every output needs a dim and an activation");
  STD_TORCH_CHECK(head_weight.size(0) == sample_len * m.step_dim && head_bias.size(0) == sample_len * m.step_dim,
                  "the head must make sample_len records of ", m.step_dim, " outputs");
  pack_layers(m, weights, biases);
  const int64_t places = (sample_len * m.step_dim + kTile - 1) / kTile * kTile;
  m.head = pack(floats(head_weight, "head_weight"), floats(head_bias, "head_bias"), places, m.units, 0,
                [&](int64_t place) { return place < sample_len * m.step_dim ? place : -1; });
  if (learned_state) {
    STD_TORCH_CHECK(learned_state->numel() == 2 * m.layers * m.units, "learned_state must be of shape (2, layers, H)");
    m.initial_state.assign(floats(*learned_state, "learned_state"),
                           floats(*learned_state, "learned_state") + learned_state->numel());
  }

  const int64_t n_samples = condition.size(0);
  Tensor made = torch::stable::new_empty(condition, {n_samples}, torch::headeronly::ScalarType::Long);
  std::atomic<int64_t> next{0};
  std::vector<const float*> places_made;
  std::vector<int64_t> offsets;
  Tensor records;
  Task task{floats(condition, "condition"), nullptr, n_samples, static_cast<int64_t*>(made.data_ptr()),
            nullptr, nullptr, &places_made, &next};
  if (lengths) {
    STD_TORCH_CHECK(lengths->scalar_type() == torch::headeronly::ScalarType::Long && lengths->is_contiguous() &&
                        lengths->numel() == n_samples,
                    "lengths must be int64, one per sample");
    task.forced_lengths = static_cast<const int64_t*>(lengths->data_ptr());
    STD_TORCH_CHECK(std::all_of(task.forced_lengths, task.forced_lengths + n_samples, [](int64_t l) { return l > 0; }),
                    "lengths must be at least 1");
  }
  if (lengths || !has_flags) {
    offsets.assign(n_samples + 1, 0);
    for (int64_t i = 0; i < n_samples; i++) {
      offsets[i + 1] = offsets[i] + (lengths ? task.forced_lengths[i] : max_length);
    }
    records = torch::stable::new_empty(condition, {offsets.back(), m.record_dim});
    task.records = static_cast<float*>(records.data_ptr());
    task.offsets = offsets.data();
  } else {
    places_made.resize(n_samples);
  }
  run_workers(m, task, records, condition);
  return {records, made};
}

}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CPU, m) { m.impl("generate", TORCH_BOX(&dgsynth::generate)); }
