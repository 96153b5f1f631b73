// Device code of lstm_sequence_backward: the passes in reverse. dgsynth/kernels/lstm_sequence.py has the equations.
//
// A block carries kLanes samples back from the last pass of the longest, in phases with a barrier after each:
//
//   logits     from the gradients of records, with what the pass after fed back, through the activations
//   top        the head's share of the gradient to the last layer's hidden state
//   cells      each layer from the last: gradients of its gates' sums, and of the cell before
//   inputs     their product with the weights: gradients of the hidden state before, and of what lies below
//
// Gradients of gates and logits go to memory as well; those of the weights are products of all passes, made after. A
// sample that has ended has rows of zeros there, and nothing of it is read: it may never have been computed. What the
// cells of a pass are made of is asked for while the pass after is under way.
#pragma once

#include "lstm_sequence_model.h"

namespace dgsynth {

template <int kLanes>
struct SequenceBackState {
  const float4* words;
  float *logits, *gates, *hidden, *cells, *fed;

  __device__ __forceinline__ SequenceBackState(const SequenceBackward& m, char* shared) {
    float* const rows = reinterpret_cast<float*>(shared + m.rows_at);
    words = reinterpret_cast<const float4*>(shared);
    logits = rows + m.logit_row * kLanes;
    gates = rows + m.gate_row * kLanes;
    hidden = rows + m.hidden_row * kLanes;
    cells = rows + m.cell_row * kLanes;
    fed = rows + m.fed_row * kLanes;
  }
};

// The samples of a block, and how many passes each has.
template <int kLanes>
struct SequenceBackTile {
  int64_t begin;
  int count, longest;
  int stops[kLanes];  // 0 for a lane beyond the last sample

  __device__ __forceinline__ SequenceBackTile(const SequenceBackward& m, int64_t index) : begin(index * kLanes) {
    const int64_t left = m.s.n - begin;
    count = left < kLanes ? static_cast<int>(left) : kLanes;
    longest = 0;
#pragma unroll
    for (int lane = 0; lane < kLanes; lane++) {
      const int64_t length = lane < count ? __ldg(m.lengths + begin + lane) : 0;
      const int64_t passes = (length + m.s.sample_len - 1) / m.s.sample_len;
      stops[lane] = static_cast<int>(min(passes, static_cast<int64_t>(m.s.passes)));
      longest = max(longest, stops[lane]);
    }
  }

  // Bit r says that lane r has this pass.
  __device__ __forceinline__ uint32_t active(int pass) const {
    uint32_t bits = 0;
#pragma unroll
    for (int lane = 0; lane < kLanes; lane++) bits |= (pass < stops[lane] ? 1u : 0u) << lane;
    return bits;
  }
};

// Rows of zeros after a sample's last pass.
template <int kLanes>
__device__ __forceinline__ void clear_rest(const SequenceBackward& m, const SequenceBackTile<kLanes>& tile) {
  const Sequence& s = m.s;
#pragma unroll
  for (int lane = 0; lane < kLanes; lane++) {
    if (lane >= tile.count) continue;
    const int64_t sample = tile.begin + lane;
    for (int pass = tile.stops[lane] + warp_index(); pass < s.passes; pass += warp_count()) {
      float* const logits = m.grad_logits + (pass * s.n + sample) * s.block_dim();
      for (int i = thread_index() % 32; i < s.block_dim(); i += 32) logits[i] = 0.0f;
      for (int layer = 0; layer < s.layers; layer++) {
        float* const gates = m.grad_gates + ((static_cast<int64_t>(layer) * s.passes + pass) * s.n + sample) * s.gates();
        for (int i = thread_index() % 32; i < s.gates(); i += 32) gates[i] = 0.0f;
      }
    }
  }
}

template <int kLanes>
__device__ __forceinline__ void logits_backward(const SequenceBackward& m, const SequenceBackState<kLanes>& b,
                                                const SequenceBackTile<kLanes>& tile, uint32_t active, int pass) {
  const Sequence& s = m.s;
  for (int i = thread_index(); i < s.sample_len * s.n_outputs * kLanes; i += blockDim.x) {
    const int lane = i % kLanes, which = i / kLanes % s.n_outputs, record = i / kLanes / s.n_outputs;
    const Output output = s.outputs[which];
    const int column = record * s.step_dim + output.start;
    float* const to = b.logits + column * kLanes + lane;
    if (!(active >> lane & 1)) {
      for (int j = 0; j < output.dim; j++) to[j * kLanes] = 0.0f;
      continue;
    }
    const int64_t sample = tile.begin + lane, at = static_cast<int64_t>(pass) * s.block_dim() + column;
    const float* const y = m.steps + sample * s.passes * s.block_dim() + at;
    const float* const g = m.grad_steps + sample * m.grad_row + at;
    float* const out = m.grad_logits + (pass * s.n + sample) * s.block_dim() + column;
    const float* const fed = b.fed + column * kLanes + lane;
    const bool softmax = output.activation == Activation::kSoftmax;
    float mean = 0.0f;  // of the gradient, under the softmax
    for (int j = 0; j < output.dim; j++) {
      const float gradient = s.feedback_dim > 0 ? __ldg(g + j) + fed[j * kLanes] : __ldg(g + j);
      to[j * kLanes] = gradient;
      if (softmax) mean = fmaf(gradient, __ldg(y + j), mean);
    }
    for (int j = 0; j < output.dim; j++) {
      const float made = __ldg(y + j), gradient = to[j * kLanes];
      const float slope = softmax                                        ? made * (gradient - mean)
                          : output.activation == Activation::kSigmoid ? gradient * (made * (1.0f - made))
                                                                         : gradient * (1.0f - made * made);
      to[j * kLanes] = out[j] = slope;
    }
  }
}

template <int kLanes>
__device__ __forceinline__ void head_backward(const SequenceBackward& m, const SequenceBackState<kLanes>& b) {
  typedef Slice<kLanes, kOtherSlices> Own;
  const Own own;
  float* const top = b.hidden + (m.s.layers - 1) * m.s.units * kLanes;
  for (int i = warp_index(); i < m.head.tiles; i += warp_count()) {
    float sum[Own::kOwn];
    multiply_tile<Float32, kLanes, kOtherSlices>(m.head, b.words, i, b.logits, sum);
#pragma unroll
    for (int r = 0; r < Own::kOwn; r++) {
      const int unit = 4 * own.group(i) + own.output(r);
      if (unit < m.s.units) top[unit * kLanes + own.lane(r)] += sum[r];
    }
  }
}

// What a unit of a layer kept of a pass.
struct KeptCell {
  float gates[4], cell, before;
};

// Unit i / kLanes of lane i % kLanes; nothing is read where the lane does not have the pass.
template <int kLanes>
__device__ __forceinline__ KeptCell read_kept(const SequenceBackward& m, const SequenceBackTile<kLanes>& tile,
                                              int pass, int layer, int i) {
  const Sequence& s = m.s;
  KeptCell kept{};
  const int lane = i % kLanes, unit = i / kLanes;
  if (pass < 0 || unit >= s.units || !(tile.active(pass) >> lane & 1)) return kept;
  const int64_t sample = tile.begin + lane, row = s.row(pass, layer, sample);
#pragma unroll
  for (int j = 0; j < 4; j++) kept.gates[j] = __ldg(m.gate_values + row * s.gates() + j * s.units + unit);
  kept.cell = __ldg(m.cells + row * s.units + unit);
  kept.before = pass > 0 ? __ldg(m.cells + s.row(pass - 1, layer, sample) * s.units + unit)
                         : __ldg(m.cell + s.row(layer, sample) * s.units + unit);
  return kept;
}

template <class Weight, int kLanes>
__device__ __forceinline__ void cell_backward(const SequenceBackward& m, const SequenceBackState<kLanes>& b,
                                              const SequenceBackTile<kLanes>& tile, uint32_t active, int pass,
                                              int layer, int i, const KeptCell& kept) {
  const Sequence& s = m.s;
  const int lane = i % kLanes, unit = i / kLanes;
  const int at = layer * s.units * kLanes + i;
  float sums[4] = {};
  if (active >> lane & 1) {
    const float in = kept.gates[0], forget = kept.gates[1], candidate = kept.gates[2], out = kept.gates[3];
    const float squashed = tanh_of(kept.cell), of_hidden = b.hidden[at];
    const float of_cell = fmaf(of_hidden * out, 1.0f - squashed * squashed, b.cells[at]);
    sums[0] = of_cell * candidate * (in * (1.0f - in));
    sums[1] = of_cell * kept.before * (forget * (1.0f - forget));
    sums[2] = of_cell * in * (1.0f - candidate * candidate);
    sums[3] = of_hidden * squashed * (out * (1.0f - out));
    b.cells[at] = of_cell * forget;
    const int64_t row = (static_cast<int64_t>(layer) * s.passes + pass) * s.n + tile.begin + lane;
#pragma unroll
    for (int j = 0; j < 4; j++) m.grad_gates[row * s.gates() + j * s.units + unit] = sums[j];
  }
#pragma unroll
  for (int j = 0; j < 4; j++) b.gates[(j * s.units + unit) * kLanes + lane] = Weight::round(sums[j]);
}

template <class Weight, int kLanes>
__device__ __forceinline__ void inputs_backward(const SequenceBackward& m, const SequenceBackState<kLanes>& b,
                                                int layer) {
  typedef Slice<kLanes, kOtherSlices> Own;
  const Own own;
  const SlicedMatrix& matrix = m.recurrent[layer];
  const int below = below_dim(m.s, layer), units = m.s.units;
  float* const hidden = b.hidden + layer * units * kLanes;
  for (int i = warp_index(); i < matrix.tiles; i += warp_count()) {
    float sum[Own::kOwn];
    multiply_tile<Weight, kLanes, kOtherSlices>(matrix, b.words, i, b.gates, sum);
#pragma unroll
    for (int r = 0; r < Own::kOwn; r++) {
      const int input = 4 * own.group(i) + own.output(r), lane = own.lane(r);
      if (input >= below + units) continue;
      if (input >= below) {
        hidden[(input - below) * kLanes + lane] = sum[r];
      } else if (layer > 0) {
        hidden[(input - units) * kLanes + lane] += sum[r];  // of the layer below
      } else {
        b.fed[input * kLanes + lane] = sum[r];
      }
    }
  }
}

template <class Weight, int kLanes>
__device__ __forceinline__ void run_tile_back(const SequenceBackward& m, const SequenceBackState<kLanes>& b,
                                              const SequenceBackTile<kLanes>& tile) {
  const Sequence& s = m.s;
  const int states = s.layers * s.units * kLanes, first = thread_index();
  for (int i = first; i < m.rows * kLanes; i += blockDim.x) b.logits[i] = 0.0f;
  clear_rest<kLanes>(m, tile);
  KeptCell ahead = read_kept<kLanes>(m, tile, tile.longest - 1, s.layers - 1, first);
  __syncthreads();
  for (int pass = tile.longest - 1; pass >= 0; pass--) {
    const uint32_t active = tile.active(pass);
    logits_backward<kLanes>(m, b, tile, active, pass);
    __syncthreads();
    head_backward<kLanes>(m, b);
    __syncthreads();
    for (int layer = s.layers - 1; layer >= 0; layer--) {
      for (int i = first; i < s.units * kLanes; i += blockDim.x) {
        const KeptCell kept = i == first ? ahead : read_kept<kLanes>(m, tile, pass, layer, i);
        cell_backward<Weight, kLanes>(m, b, tile, active, pass, layer, i, kept);
      }
      ahead = layer > 0 ? read_kept<kLanes>(m, tile, pass, layer - 1, first)
                        : read_kept<kLanes>(m, tile, pass - 1, s.layers - 1, first);
      __syncthreads();
      inputs_backward<Weight, kLanes>(m, b, layer);
      __syncthreads();
    }
  }
  for (int i = first; i < states; i += blockDim.x) {
    const int unit = i / kLanes % s.units, layer = i / kLanes / s.units, lane = i % kLanes;
    if (lane >= tile.count) continue;
    const int64_t to = s.row(layer, tile.begin + lane) * s.units + unit;
    m.grad_hidden[to] = b.hidden[i];
    m.grad_cell[to] = b.cells[i];
  }
  __syncthreads();
}

// The work of one block. `shared` is its dynamic shared memory.
template <class Weight, int kLanes>
__device__ __forceinline__ void run_sequence_block_back(const SequenceBackward& m, char* shared) {
  const SequenceBackState<kLanes> b(m, shared);
  for (int l = 0; l < m.s.layers; l++) make_resident(m.recurrent[l], reinterpret_cast<float4*>(shared));
  make_resident(m.head, reinterpret_cast<float4*>(shared));
  const int64_t tiles = (m.s.n + kLanes - 1) / kLanes;
  for (int64_t i = blockIdx.x; i < tiles; i += gridDim.x) {
    run_tile_back<Weight, kLanes>(m, b, SequenceBackTile<kLanes>(m, i));
  }
}

}  // namespace dgsynth
