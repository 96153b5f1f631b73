// Device code of lstm_sequence: the passes of training. dgsynth/kernels/lstm_sequence.py has the equations.
//
// A block of threads carries kLanes samples through all their passes, and stops when they have ended; it shares nothing
// with other blocks, so one launch makes everything. A pass is three phases with a barrier after each:
//
//   gates      each layer: product, cell, new hidden state, which is written where it is read next
//   head       the logits of S records
//   activate   softmax, sigmoid, tanh; records out; where the flags say "ends here"; the next pass's inputs
//
// Training has few samples, 100 for example, and each pass waits for the one before: what counts is how long a pass
// takes. The weights, 168 KB at H = 100, lie in shared memory as far as they fit. To read them there takes a
// multiprocessor 1,312 clocks, and to multiply them with 4 lanes takes it 1,312 as well: fewer lanes would not be
// faster, and more would leave more multiprocessors idle. What a pass reads from L2 (the known part of the gates, its
// noise) is asked for before a product and used after it.
#pragma once

#include "lstm_sequence_model.h"

namespace dgsynth {

// Pointers into a block's shared memory. What a pass makes for the next lies apart from what it reads, in turns.
template <int kLanes>
struct SequenceState {
  const float4* words;
  float *rows, *cells, *top, *outputs;
  int *first_ends, *stops;  // stops: of each lane, the passes that it takes
  int inputs_apart;

  __device__ __forceinline__ SequenceState(const SequenceForward& m, char* shared)
      : words(reinterpret_cast<const float4*>(shared)),
        rows(reinterpret_cast<float*>(shared + m.rows_at)),
        cells(rows + m.cell_row * kLanes),
        top(rows + m.top_row * kLanes),
        outputs(rows + m.output_row * kLanes),
        first_ends(reinterpret_cast<int*>(rows + m.rows * kLanes)),
        stops(first_ends + 2 * kLanes),
        inputs_apart(m.inputs * kLanes) {}

  __device__ __forceinline__ float* inputs(int pass) const { return rows + (pass & 1) * inputs_apart; }
  // Of each lane: the number of the first record in this pass that says "ends here", beyond S where none does.
  __device__ __forceinline__ int* ends(int pass) const { return first_ends + (pass & 1) * kLanes; }
};

// The samples of a block, and what all its threads know of them: bit r of `active` says that lane r goes on.
struct SequenceTile {
  int64_t begin;
  int count;
  uint32_t active;

  // A lane beyond the last sample repeats it, and writes nothing.
  __device__ __forceinline__ int64_t sample(int lane) const { return begin + min(lane, count - 1); }
  __device__ __forceinline__ bool goes_on(int lane) const { return active >> lane & 1; }
};

__device__ __forceinline__ SequenceTile take_tile(int64_t n, int64_t index, int lanes) {
  const int64_t begin = index * lanes, left = n - begin;
  const int count = left < lanes ? static_cast<int>(left) : lanes;
  return {begin, count, (1u << count) - 1u};
}

template <class Weight, int kLanes>
__device__ __forceinline__ void begin_lanes(const SequenceForward& m, const SequenceState<kLanes>& b,
                                            const SequenceTile& tile) {
  const Sequence& s = m.s;
  for (int i = thread_index(); i < m.rows * kLanes; i += blockDim.x) b.rows[i] = 0.0f;
  if (thread_index() < 2 * kLanes) b.first_ends[thread_index()] = s.sample_len + 1;
  __syncthreads();
  for (int i = thread_index(); i < s.layers * s.units * kLanes; i += blockDim.x) {
    const int lane = i / s.units % kLanes, layer = i / s.units / kLanes, unit = i % s.units;
    const int64_t from = s.row(layer, tile.sample(lane)) * s.units + unit;
    const int row = m.input_row[layer] + s.x_dim(layer) + unit;
    b.rows[row * kLanes + lane] = Weight::round(__ldg(m.hidden + from));
    b.cells[(layer * s.units + unit) * kLanes + lane] = __ldg(m.cell + from);
  }
  for (int i = thread_index(); i < s.noise_dim * kLanes; i += blockDim.x) {
    const int64_t from = tile.sample(i % kLanes) * s.passes * s.noise_dim + i / kLanes;
    b.rows[i] = Weight::round(__ldg(m.noise + from));
  }
  __syncthreads();
}

// One pass of one layer.
template <class Weight, int kLanes>
__device__ __forceinline__ void sequence_pass(const SequenceForward& m, const SequenceState<kLanes>& b,
                                              const SequenceTile& tile, int pass, int layer) {
  typedef Slice<kLanes, kGateSlices> Own;
  constexpr int kOwnLanes = Own::kOwn / 4;
  const Sequence& s = m.s;
  const Own own;
  const float* const inputs = b.inputs(pass) + m.input_row[layer] * kLanes;
  float* const next = b.inputs(pass + 1) + (m.input_row[layer] + s.x_dim(layer)) * kLanes;
  float* const above = layer + 1 < s.layers ? b.inputs(pass) + m.input_row[layer + 1] * kLanes : nullptr;
  for (int i = warp_index(); i < m.gates[layer].tiles; i += warp_count()) {
    const int unit = min(own.group(i), s.units - 1);  // a tile may reach beyond the last unit
    float start[kOwnLanes][4], sum[Own::kOwn];
#pragma unroll
    for (int r = 0; r < kOwnLanes; r++) {
      const int64_t known = tile.sample(own.lane(4 * r)) * s.gates() + unit;
#pragma unroll
      for (int j = 0; j < 4; j++) {
        start[r][j] = __ldg(m.biases[layer] + j * s.units + unit);
        if (layer == 0) start[r][j] += __ldg(m.known + known + j * s.units);
      }
    }
    multiply_tile<Weight, kLanes, kGateSlices>(m.gates[layer], b.words, i, inputs, sum);
    if (own.group(i) >= s.units) continue;
#pragma unroll
    for (int r = 0; r < kOwnLanes; r++) {
      const int lane = own.lane(4 * r);
      const float values[4] = {sigmoid(start[r][0] + sum[4 * r]), sigmoid(start[r][1] + sum[4 * r + 1]),
                               tanh_of(start[r][2] + sum[4 * r + 2]), sigmoid(start[r][3] + sum[4 * r + 3])};
      float& kept = b.cells[(layer * s.units + unit) * kLanes + lane];
      const float cell = fmaf(values[1], kept, values[0] * values[2]);
      const float hidden = values[3] * tanh_of(cell), rounded = Weight::round(hidden);
      kept = cell;
      next[unit * kLanes + lane] = rounded;
      if (above) above[unit * kLanes + lane] = rounded;
      else b.top[unit * kLanes + lane] = hidden;
      if (!tile.goes_on(lane)) continue;
      const int64_t row = s.row(pass, layer, tile.begin + lane);
#pragma unroll
      for (int j = 0; j < 4; j++) m.gate_values[row * s.gates() + j * s.units + unit] = values[j];
      m.cells[row * s.units + unit] = cell;
      m.hiddens[row * s.units + unit] = hidden;
    }
  }
}

template <int kLanes>
__device__ __forceinline__ void make_logits(const SequenceForward& m, const SequenceState<kLanes>& b) {
  typedef Slice<kLanes, kOtherSlices> Own;
  const Own own;
  for (int i = warp_index(); i < m.head.tiles; i += warp_count()) {
    float sum[Own::kOwn];
    multiply_tile<Float32, kLanes, kOtherSlices>(m.head, b.words, i, b.top, sum);
#pragma unroll
    for (int r = 0; r < Own::kOwn; r++) {
      const int row = 4 * own.group(i) + own.output(r);
      if (row < m.s.block_dim()) b.outputs[row * kLanes + own.lane(r)] = sum[r] + __ldg(m.head_bias + row);
    }
  }
}

// Activations, records, flags; a tie goes on. A thread makes an output of a record for one lane.
template <class Weight, int kLanes>
__device__ __forceinline__ void make_records(const SequenceForward& m, const SequenceState<kLanes>& b,
                                             const SequenceTile& tile, int pass) {
  const Sequence& s = m.s;
  float* const next = b.inputs(pass + 1);
  for (int i = thread_index(); i < s.sample_len * s.n_outputs * kLanes; i += blockDim.x) {
    const int lane = i % kLanes, which = i / kLanes % s.n_outputs, record = i / kLanes / s.n_outputs;
    const Output output = s.outputs[which];
    const int column = record * s.step_dim + output.start;
    float* const row = b.outputs + column * kLanes + lane;
    activate<kLanes>(output, row);
    if (m.has_flags && which == s.n_outputs - 1) {
      const float* const flags = row + (output.dim - 2) * kLanes;
      if (!(flags[0] >= flags[kLanes])) atomicMin(b.ends(pass) + lane, record + 1);
    }
    float* const fed = next + (s.noise_dim + column) * kLanes + lane;
    for (int j = 0; s.feedback_dim > 0 && j < output.dim; j++) fed[j * kLanes] = Weight::round(row[j * kLanes]);
    if (!tile.goes_on(lane)) continue;
    float* const to = m.steps + ((tile.begin + lane) * s.passes + pass) * s.block_dim() + column;
    for (int j = 0; j < output.dim; j++) to[j] = row[j * kLanes];
  }
  if (thread_index() < kLanes) b.ends(pass + 1)[thread_index()] = s.sample_len + 1;
}

// The noise of the pass after this one; a thread's first number is asked for early.
template <int kLanes>
__device__ __forceinline__ float noise_ahead(const SequenceForward& m, const SequenceTile& tile, int pass, int i) {
  const Sequence& s = m.s;
  if (pass + 1 >= s.passes || i >= s.noise_dim * kLanes) return 0.0f;
  return __ldg(m.noise + (tile.sample(i % kLanes) * s.passes + pass + 1) * s.noise_dim + i / kLanes);
}

// Takes the lanes that have ended out of the tile.
template <int kLanes>
__device__ __forceinline__ void settle(const SequenceForward& m, const SequenceState<kLanes>& b, SequenceTile& tile,
                                       int pass) {
  const Sequence& s = m.s;
#pragma unroll
  for (int lane = 0; lane < kLanes; lane++) {
    const int ends = b.ends(pass)[lane];
    if (!tile.goes_on(lane) || ends > s.sample_len) continue;
    tile.active &= ~(1u << lane);
    if (thread_index() != lane) continue;
    const int64_t start = static_cast<int64_t>(pass) * s.sample_len;
    b.stops[lane] = pass + 1;
    m.lengths[tile.begin + lane] = min(start + ends, s.max_length);
  }
}

// Samples that have no flag to end them, and zeros after those that have.
template <int kLanes>
__device__ __forceinline__ void finish(const SequenceForward& m, const SequenceState<kLanes>& b,
                                       const SequenceTile& tile) {
  const Sequence& s = m.s;
  const int lane = thread_index();
  if (lane < tile.count && tile.goes_on(lane)) {
    b.stops[lane] = s.passes;
    m.lengths[tile.begin + lane] = min(static_cast<int64_t>(s.passes) * s.sample_len, s.max_length);
  }
  __syncthreads();
  for (int r = 0; r < tile.count; r++) {
    float* const rest = m.steps + ((tile.begin + r) * s.passes + b.stops[r]) * s.block_dim();
    const int64_t count = static_cast<int64_t>(s.passes - b.stops[r]) * s.block_dim();
    for (int64_t i = thread_index(); i < count; i += blockDim.x) rest[i] = 0.0f;
  }
}

template <class Weight, int kLanes>
__device__ __forceinline__ void run_tile(const SequenceForward& m, const SequenceState<kLanes>& b, SequenceTile tile) {
  begin_lanes<Weight, kLanes>(m, b, tile);
  for (int pass = 0; pass < m.s.passes && tile.active; pass++) {
    const float noise = noise_ahead<kLanes>(m, tile, pass, thread_index());
    for (int layer = 0; layer < m.s.layers; layer++) {
      sequence_pass<Weight, kLanes>(m, b, tile, pass, layer);
      __syncthreads();
    }
    make_logits<kLanes>(m, b);
    __syncthreads();
    make_records<Weight, kLanes>(m, b, tile, pass);
    float* const next = b.inputs(pass + 1);
    for (int i = thread_index(); i < m.s.noise_dim * kLanes; i += blockDim.x) {
      next[i] = Weight::round(i == thread_index() ? noise : noise_ahead<kLanes>(m, tile, pass, i));
    }
    __syncthreads();
    if (m.has_flags) settle<kLanes>(m, b, tile, pass);
  }
  finish<kLanes>(m, b, tile);
  __syncthreads();
}

// The work of one block. `shared` is its dynamic shared memory.
template <class Weight, int kLanes>
__device__ __forceinline__ void run_sequence_block(const SequenceForward& m, char* shared) {
  const SequenceState<kLanes> b(m, shared);
  for (int l = 0; l < m.s.layers; l++) make_resident(m.gates[l], reinterpret_cast<float4*>(shared));
  make_resident(m.head, reinterpret_cast<float4*>(shared));
  const int64_t tiles = (m.s.n + kLanes - 1) / kLanes;
  for (int64_t i = blockIdx.x; i < tiles; i += gridDim.x) run_tile<Weight, kLanes>(m, b, take_tile(m.s.n, i, kLanes));
}

}  // namespace dgsynth
