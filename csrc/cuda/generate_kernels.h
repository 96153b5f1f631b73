// Device code of generation: the LSTM, its noise, heads, activations and generation flags in one kernel.
//
// A block of threads carries kLanes samples, its lanes, through all their passes, and stays until no sample is left: a
// lane whose sample has ended takes the next one from a counter that all blocks share. Blocks share nothing else, so
// there is no barrier across the grid, and no word to the host. A pass is five phases with a barrier after each:
//
//   gates      each layer: product, cell, new hidden state
//   head       the logits of S records; the hidden state becomes the next pass's input
//   activate   softmax, sigmoid, tanh; where the flags say "ends here"; feedback
//   settle     a thread for each lane: how many records count, where they go, which sample comes next
//   advance    records out, new samples begin, noise of the next pass
//
// Why this shape is fast. At H = 100 a pass multiplies 400 x 105 gate weights with each lane: 42,000 multiply-adds, for
// 168 KB of weights. Read from L2 (some 20 to 40 bytes a clock for each multiprocessor) for one lane, that would be one
// multiply-add for four bytes; so the weights lie in shared memory, as far as they fit, and a word that is read from
// anywhere serves many lanes in registers. A thread makes the 4 gates of 1 unit for 8 lanes: 32 sums. One input is then
// 1 word of weights (4 gates) and 2 of inputs (8 lanes) for 32 multiply-adds. A warp's tile is 8 units x 32 lanes;
// neighbours in bit 0 of the thread's number share the weights and neighbours in bit 1 the inputs, so that a 128-bit
// load of the warp should take two passes through shared memory, not four: 6 for 32 multiply-adds, and the four
// schedulers together use 24 of the 32 clocks that their arithmetic takes. Compiled for sm_90, 128 of the 148
// instructions of that loop are multiply-adds, of 316 in bfloat16 256. With 64 lanes and H = 100 there are 26 tiles, a
// warp for each, 6 or 7 a scheduler.
//
// A lane's numbers come from the same instructions in the same order whatever the lane, block and thread, so they do
// not depend on what else is generated. What one thread alone reads once a pass (the known part of the gates, the
// cells) lies in scratch memory in L2, so that shared memory is left to what all read again and again.
#pragma once

#include "generate_model.h"
#include "lane_math.h"

namespace dgsynth {

// One lane of a block: a sample on its way.
struct alignas(16) Lane {
  int64_t sample;    // its row, -1 where there is none
  int64_t position;  // its place in the work
  int64_t pass;
  int64_t until;     // its length, where that is known before
  int64_t chunk;     // of the arena
  float* out;        // where this pass's records go
  int made;          // how many of them
  int ends;          // the number of the first record in this pass that says "ends here", beyond S where none does
};

struct Block {
  const void* words;  // resident weights
  float* rows;        // [row][lane]: inputs of each layer, new hidden state, outputs
  float* hidden;      // (H, lanes) the new hidden state of a layer
  float* outputs;     // (4 * head.groups, lanes)
  Lane* lanes;
  int* started;       // lanes that begin a sample
  int* n_started;
  float4* known;
  float* cells;
};

// What a thread makes at a time: a group of 4 rows for kOwn lanes, lane + 16 i + (0, 1, 2, 3) for i < kOwn / 4.
template <int kLanes, int kOwn>
struct Tile {
  static constexpr int kAcross = kLanes / (4 * kOwn);
  int group, lane;
  __device__ static __forceinline__ int count(int groups) { return (groups + 7) / 8 * kAcross; }
  __device__ explicit __forceinline__ Tile(int index) {
    const int t = threadIdx.x % 32;
    group = index / kAcross * 8 + ((t >> 1 & 3) | (t >> 2 & 4));
    lane = index % kAcross * (4 * kOwn) + 4 * ((t & 1) | (t >> 2 & 2));
  }
};

// sum[j][r] += row j of the words times the inputs of lane r, over all steps.
template <class Weight, int kLanes, int kOwn, class Read>
__device__ __forceinline__ void multiply(const typename Weight::Word* words, int stride, Read read, int steps,
                                         const float* inputs, float (&sum)[4][kOwn]) {
#pragma unroll 4
  for (int step = 0; step < steps; step++, words += stride) {
    const typename Weight::Word packed = read(words);
#pragma unroll
    for (int depth = 0; depth < Weight::kDepth; depth++, inputs += kLanes) {
      float weight[4];
      Weight::unpack(packed, depth, weight);
#pragma unroll
      for (int quad = 0; quad < kOwn / 4; quad++) {
        float x[4];
        load4(inputs + 16 * quad, x);
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
          for (int i = 0; i < 4; i++) sum[j][4 * quad + i] = fmaf(weight[j], x[i], sum[j][4 * quad + i]);
        }
      }
    }
  }
}

template <class Weight, int kLanes, int kOwn>
__device__ __forceinline__ void add_product(const Matrix& matrix, const Block& b, int group, const float* inputs,
                                            float (&sum)[4][kOwn]) {
  typedef typename Weight::Word Word;
  if (group < matrix.resident) {
    const Word* const words = static_cast<const Word*>(b.words) + matrix.shared_at + group;
    const auto read = [](const Word* from) { return *from; };
    multiply<Weight, kLanes>(words, matrix.resident, read, matrix.steps, inputs, sum);
  } else {
    const Word* const words = static_cast<const Word*>(matrix.words) + static_cast<int64_t>(group) * matrix.steps;
    const auto read = [](const Word* from) { return __ldg(from); };
    multiply<Weight, kLanes>(words, 1, read, matrix.steps, inputs, sum);
  }
}

// One pass of one layer.
template <class Weight, int kLanes>
__device__ __forceinline__ void lstm_pass(const Model& m, const Block& b, int index) {
  constexpr int kOwn = kLanes >= 32 ? 8 : 4;
  const Layer& layer = m.layer[index];
  for (int i = warp_index(); i < Tile<kLanes, kOwn>::count(m.units); i += warp_count()) {
    const Tile<kLanes, kOwn> tile(i);
    const int unit = min(tile.group, m.units - 1);  // a tile may reach beyond the last unit
    float sum[4][kOwn];
#pragma unroll
    for (int r = 0; r < kOwn; r++) {
      const int lane = tile.lane + r / 4 * 16 + r % 4;
      const float4 start = index == 0 ? b.known[unit * kLanes + lane] : __ldg(layer.gates.bias + unit);
      sum[0][r] = start.x, sum[1][r] = start.y, sum[2][r] = start.z, sum[3][r] = start.w;
    }
    add_product<Weight, kLanes>(layer.gates, b, unit, b.rows + layer.row * kLanes + tile.lane, sum);
    if (tile.group >= m.units) continue;
#pragma unroll
    for (int quad = 0; quad < kOwn / 4; quad++) {
      const int at = unit * kLanes + tile.lane + 16 * quad;
      float* const cells = b.cells + index * m.units * kLanes + at;
      float cell[4], hidden[4];
      load4(cells, cell);
#pragma unroll
      for (int j = 0; j < 4; j++) {
        const int r = 4 * quad + j;
        cell[j] = fmaf(sigmoid(sum[1][r]), cell[j], sigmoid_tanh(sum[0][r], sum[2][r]));
        hidden[j] = sigmoid_tanh(sum[3][r], cell[j]);
      }
      store4(cells, cell);
      store4(b.hidden + at, hidden);
    }
  }
}

// The new hidden state becomes an input: of the layer's own next pass, and of the layer above.
template <class Weight, int kLanes>
__device__ __forceinline__ void hand_on_hidden(const Model& m, const Block& b, int index) {
  float* const own = b.rows + (m.layer[index].row + m.layer[index].x_dim) * kLanes;
  float* const above = index + 1 < m.layers ? b.rows + m.layer[index + 1].row * kLanes : nullptr;
  for (int i = threadIdx.x; i < m.units * kLanes; i += blockDim.x) {
    const float value = Weight::round(b.hidden[i]);
    own[i] = value;
    if (above) above[i] = value;
  }
}

template <int kLanes, int kOwn>
__device__ __forceinline__ void make_logits(const Model& m, const Block& b) {
  for (int i = warp_index(); i < Tile<kLanes, kOwn>::count(m.head.groups); i += warp_count()) {
    const Tile<kLanes, kOwn> tile(i);
    const int group = min(tile.group, m.head.groups - 1);
    const float4 bias = __ldg(m.head.bias + group);
    float sum[4][kOwn];
#pragma unroll
    for (int r = 0; r < kOwn; r++) sum[0][r] = bias.x, sum[1][r] = bias.y, sum[2][r] = bias.z, sum[3][r] = bias.w;
    add_product<Float32, kLanes>(m.head, b, group, b.hidden + tile.lane, sum);
    if (tile.group >= m.head.groups) continue;
#pragma unroll
    for (int j = 0; j < 4; j++) {
      float* const row = b.outputs + (4 * group + j) * kLanes + tile.lane;
#pragma unroll
      for (int quad = 0; quad < kOwn / 4; quad++) {
        const float values[4] = {sum[j][4 * quad], sum[j][4 * quad + 1], sum[j][4 * quad + 2], sum[j][4 * quad + 3]};
        store4(row + 16 * quad, values);
      }
    }
  }
}

// A small head has few tiles; smaller ones then busy more warps.
template <int kLanes>
__device__ __forceinline__ void make_logits(const Model& m, const Block& b) {
  if (kLanes >= 32 && Tile<kLanes, 8>::count(m.head.groups) >= warp_count()) {
    make_logits<kLanes, kLanes >= 32 ? 8 : 4>(m, b);
  } else {
    make_logits<kLanes, 4>(m, b);
  }
}

// Activations; the flag, the last output of a record, says where the sample ends: a tie goes on.
template <class Weight, int kLanes>
__device__ __forceinline__ void make_records(const Model& m, const Block& b) {
  for (int i = threadIdx.x; i < m.sample_len * m.n_outputs * kLanes; i += blockDim.x) {
    const int lane = i % kLanes, which = i / kLanes % m.n_outputs, record = i / kLanes / m.n_outputs;
    const Output output = m.outputs[which];
    const int column = record * m.step_dim + output.start;
    float* const row = b.outputs + column * kLanes + lane;
    activate<kLanes>(output, row);
    if (m.has_flags && which == m.n_outputs - 1 && !(row[0] >= row[kLanes])) {
      atomicMin(&b.lanes[lane].ends, record + 1);
    }
    if (m.feedback_dim == 0) continue;
    float* const input = b.rows + (m.noise_dim + column) * kLanes + lane;
    for (int j = 0; j < output.dim; j++) input[j * kLanes] = Weight::round(row[j * kLanes]);
  }
  if (threadIdx.x == 0) *b.n_started = 0;
}

// Gives a lane the next sample, or none.
__device__ __forceinline__ void take_sample(const Model& m, const Work& work, const Block& b, int index) {
  Lane& lane = b.lanes[index];
  const int64_t position = static_cast<int64_t>(atomicAdd(work.next, 1ull));
  lane.sample = -1;
  if (position >= work.n) return;
  lane.sample = work.todo ? work.todo[position] : position;
  lane.position = position;
  lane.pass = 0;
  lane.until = work.forced ? work.forced[lane.sample] : m.max_length;
  lane.chunk = -1;
  b.started[atomicAdd(b.n_started, 1)] = index;
}

// Where this pass's records go; null where the arena is full.
__device__ __forceinline__ float* find_room(const Model& m, const Work& work, Lane& lane) {
  const int64_t pass_values = static_cast<int64_t>(m.sample_len) * m.record_dim;
  if (work.records) {
    const int64_t start = work.ends ? work.ends[lane.sample] - lane.until : lane.sample * m.max_length;
    return work.records + start * m.record_dim + lane.pass * pass_values;
  }
  const Arena& arena = work.arena;
  const int64_t part = lane.pass % arena.chunk_passes;
  if (part == 0) {
    const int64_t chunk = static_cast<int64_t>(atomicAdd(arena.used, 1ull));
    if (chunk >= arena.capacity) return nullptr;
    arena.previous[chunk] = lane.chunk;
    lane.chunk = chunk;
  }
  return arena.values + (lane.chunk * arena.chunk_passes + part) * pass_values;
}

// What becomes of a lane after a pass. Returns whether it has a sample to go on with.
__device__ __forceinline__ bool settle(const Model& m, const Work& work, const Block& b, int index) {
  Lane& lane = b.lanes[index];
  const int ends = lane.ends;
  lane.ends = m.sample_len + 1;
  lane.made = 0;
  if (lane.sample < 0) return false;
  const bool obeys_flags = m.has_flags && !work.forced;
  const int64_t left = lane.until - lane.pass * m.sample_len;
  lane.out = find_room(m, work, lane);
  if (!lane.out) {  // the host makes more room and lets this sample begin anew
    lane.sample = -1;
    return false;
  }
  lane.made = static_cast<int>(min(left, static_cast<int64_t>(obeys_flags ? min(ends, m.sample_len) : m.sample_len)));
  if (left > m.sample_len && !(obeys_flags && ends <= m.sample_len)) {
    lane.pass++;
    return true;
  }
  work.lengths[lane.sample] = lane.pass * m.sample_len + lane.made;
  if (!work.records) work.arena.last[lane.position] = lane.chunk;
  take_sample(m, work, b, index);
  return lane.sample >= 0;
}

// Eight lanes and four values at a time: a read takes whole sectors, a write half of one.
template <int kLanes>
__device__ __forceinline__ void write_records(const Model& m, const Block& b) {
  const int fours = (m.sample_len * m.record_dim + 3) / 4;
  for (int i = threadIdx.x; i < fours * 4 * kLanes; i += blockDim.x) {
    const int lane = i / (32 * fours) * 8 + i % 8, value = i / 32 % fours * 4 + i / 8 % 4;
    if (value >= b.lanes[lane].made * m.record_dim) continue;
    const int row = value / m.record_dim * m.step_dim + value % m.record_dim;
    b.lanes[lane].out[value] = b.outputs[row * kLanes + lane];
  }
}

// Condition's share of the first layer's gates; a weight that is read serves four samples.
template <int kLanes>
__device__ __forceinline__ void begin_gates(const Model& m, const Work& work, const Block& b) {
  const int n_started = *b.n_started, unit_tiles = (m.units + 31) / 32;
  for (int i = warp_index(); i < (n_started + 3) / 4 * unit_tiles; i += warp_count()) {
    const int unit = i % unit_tiles * 32 + threadIdx.x % 32, begin = i / unit_tiles * 4;
    if (unit >= m.units) continue;
    const float* condition[4];
    float4 sum[4];
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int lane = b.started[min(begin + j, n_started - 1)];
      condition[j] = work.condition + b.lanes[lane].sample * m.condition_dim;
      sum[j] = __ldg(m.layer[0].gates.bias + unit);
    }
    for (int k = 0; k < m.condition_dim; k++) {
      const float4 weight = __ldg(m.condition_weight + k * m.units + unit);
#pragma unroll
      for (int j = 0; j < 4; j++) {
        const float value = __ldg(condition[j] + k);
        sum[j].x = fmaf(weight.x, value, sum[j].x);
        sum[j].y = fmaf(weight.y, value, sum[j].y);
        sum[j].z = fmaf(weight.z, value, sum[j].z);
        sum[j].w = fmaf(weight.w, value, sum[j].w);
      }
    }
#pragma unroll
    for (int j = 0; j < 4; j++) {
      if (begin + j < n_started) b.known[unit * kLanes + b.started[begin + j]] = sum[j];
    }
  }
}

template <class Weight, int kLanes>
__device__ __forceinline__ void begin_state(const Model& m, const Block& b) {
  const int half = m.layers * m.units, blocks = (2 * half + 3) / 4;
  for (int i = threadIdx.x; i < *b.n_started * blocks; i += blockDim.x) {
    const int lane = b.started[i / blocks], block = i % blocks;
    float values[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    if (m.random_state) {
      philox_normal(m.seed, static_cast<uint64_t>(m.first + b.lanes[lane].sample), 0, block | kStateStream, values);
    }
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int at = 4 * block + j, layer = at / m.units % m.layers, unit = at % m.units;
      if (at >= 2 * half) break;
      const float value = m.learned_state ? __ldg(m.learned_state + at) : values[j];
      if (at >= half) {
        b.cells[(layer * m.units + unit) * kLanes + lane] = value;
      } else {
        const int row = m.layer[layer].row + m.layer[layer].x_dim + unit;
        b.rows[row * kLanes + lane] = Weight::round(value);
      }
    }
  }
  for (int i = threadIdx.x; i < *b.n_started * m.feedback_dim; i += blockDim.x) {
    b.rows[(m.noise_dim + i % m.feedback_dim) * kLanes + b.started[i / m.feedback_dim]] = 0.0f;
  }
}

template <class Weight, int kLanes>
__device__ __forceinline__ void draw_noise(const Model& m, const Block& b) {
  for (int i = threadIdx.x; i < (m.noise_dim + 3) / 4 * kLanes; i += blockDim.x) {
    const int block = i / kLanes;
    const Lane& lane = b.lanes[i % kLanes];
    if (lane.sample < 0) continue;
    float values[4];
    philox_normal(m.seed, static_cast<uint64_t>(m.first + lane.sample), static_cast<uint32_t>(lane.pass),
                  block | kMeasurementStream, values);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      if (4 * block + j < m.noise_dim) b.rows[(4 * block + j) * kLanes + i % kLanes] = Weight::round(values[j]);
    }
  }
}

template <class Weight, int kLanes>
__device__ __forceinline__ void advance(const Model& m, const Work& work, const Block& b) {
  write_records<kLanes>(m, b);
  begin_gates<kLanes>(m, work, b);
  begin_state<Weight, kLanes>(m, b);
  draw_noise<Weight, kLanes>(m, b);
}

template <class Word>
__device__ __forceinline__ void make_resident(const Matrix& matrix, void* shared) {
  Word* const to = static_cast<Word*>(shared) + matrix.shared_at;
  for (int i = threadIdx.x; i < matrix.resident * matrix.steps; i += blockDim.x) {
    const int group = i / matrix.steps, step = i % matrix.steps;
    to[step * matrix.resident + group] = __ldg(static_cast<const Word*>(matrix.words) + i);
  }
}

template <int kLanes>
__device__ __forceinline__ Block lay_out(const Model& m, const Work& work, char* shared) {
  const int64_t index = blockIdx.x, cells = static_cast<int64_t>(m.units) * kLanes;
  Block b;
  b.words = shared;
  b.rows = reinterpret_cast<float*>(shared + m.rows_at);
  b.hidden = b.rows + m.hidden_row * kLanes;
  b.outputs = m.outputs_row < 0 ? work.outputs + index * 4 * m.head.groups * kLanes : b.rows + m.outputs_row * kLanes;
  b.lanes = reinterpret_cast<Lane*>(shared + m.lanes_at);
  b.n_started = reinterpret_cast<int*>(shared + m.started_at);
  b.started = b.n_started + 1;
  b.known = work.known + index * cells;
  b.cells = work.cells + index * m.layers * cells;
  return b;
}

// The work of one block. `shared` is its dynamic shared memory.
template <class Weight, int kLanes>
__device__ __forceinline__ void run_block(const Model& m, const Work& work, char* shared) {
  const Block b = lay_out<kLanes>(m, work, shared);
  const int index = threadIdx.x;
  for (int l = 0; l < m.layers; l++) make_resident<typename Weight::Word>(m.layer[l].gates, shared);
  make_resident<float4>(m.head, shared);
  for (int i = threadIdx.x; i < m.rows * kLanes; i += blockDim.x) b.rows[i] = 0.0f;
  if (index == 0) *b.n_started = 0;
  __syncthreads();
  if (index < kLanes) {
    b.lanes[index].made = 0;
    b.lanes[index].ends = m.sample_len + 1;
    take_sample(m, work, b, index);
  }
  int any = __syncthreads_or(index < kLanes && b.lanes[index].sample >= 0);
  advance<Weight, kLanes>(m, work, b);
  while (any) {
    __syncthreads();
    for (int l = 0; l < m.layers; l++) {
      lstm_pass<Weight, kLanes>(m, b, l);
      __syncthreads();
      hand_on_hidden<Weight, kLanes>(m, b, l);
      if (l + 1 < m.layers) __syncthreads();
    }
    make_logits<kLanes>(m, b);
    __syncthreads();
    make_records<Weight, kLanes>(m, b);
    __syncthreads();
    any = __syncthreads_or(index < kLanes && settle(m, work, b, index));
    advance<Weight, kLanes>(m, work, b);
  }
}

// Brings a sample's chunks together, a warp for each sample, from the last chunk back.
__device__ __forceinline__ void gather_chunks(const Model& m, const Work& work, float* records, const int64_t* ends) {
  const int64_t warps = static_cast<int64_t>(gridDim.x) * warp_count();
  const int64_t chunk_records = static_cast<int64_t>(work.arena.chunk_passes) * m.sample_len;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * warp_count() + warp_index(); i < work.n; i += warps) {
    int64_t chunk = work.arena.last[i];
    if (chunk < 0) continue;
    const int64_t sample = work.todo ? work.todo[i] : i, length = work.lengths[sample];
    float* const out = records + (ends[sample] - length) * m.record_dim;
    for (int64_t start = (length - 1) / chunk_records * chunk_records; start >= 0; start -= chunk_records) {
      const float* const from = work.arena.values + chunk * chunk_records * m.record_dim;
      const int64_t count = min(chunk_records, length - start) * m.record_dim;
      for (int64_t j = threadIdx.x % 32; j < count; j += 32) out[start * m.record_dim + j] = from[j];
      chunk = work.arena.previous[chunk];
    }
  }
}

}  // namespace dgsynth
