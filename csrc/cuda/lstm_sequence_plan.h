// How the passes of lstm_sequence are laid out on a device: lanes and threads of a block, what lies in shared memory, and
// the order of weights that the kernels read.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "lstm_sequence_model.h"

namespace dgsynth {

struct SequencePlan {
  int lanes = 0;  // 0: the state of even the fewest lanes does not fit into shared memory
  int threads = 0;
  int shared_bytes = 0;
};

inline int divide_up(int value, int by) { return (value + by - 1) / by; }

// Packs matrices in one launch, with room from the device.
template <class Device>
class Packer {
 public:
  explicit Packer(Device& device) : device_(device) {}

  // The gates' rows are [gate][unit], of which a group is a unit.
  SlicedMatrix add_gates(const float* from, int64_t row_stride, int units, int columns, bool bfloat16) {
    return add({from, row_stride, 1, 4 * units, columns, units, 1, units, 0, 0, kGateSlices, bfloat16, nullptr});
  }

  SlicedMatrix add(const float* from, int64_t row_stride, int64_t column_stride, int rows, int columns, bool bfloat16) {
    return add({from, row_stride, column_stride, rows, columns, 1, 4, divide_up(rows, 4), 0, 0, kOtherSlices, bfloat16,
                nullptr});
  }

  void run() { device_.run(kernel_); }

 private:
  SlicedMatrix add(Packing packing) {
    packing.tiles = divide_up(packing.groups, 32 / packing.slices);
    packing.rounds = divide_up(packing.columns, packing.slices * (packing.bfloat16 ? 2 : 1));
    packing.to = device_.template make<float>(4 * packing.words());
    kernel_.list[kernel_.count++] = packing;
    return {packing.to, packing.groups, packing.tiles, packing.rounds, 0, 0};
  }

  Device& device_;
  PackWeights<float> kernel_{};
};

// Rows of inputs that a matrix reads; those beyond its inputs stay zero.
inline int input_rows(const SlicedMatrix& matrix, int slices, bool bfloat16) {
  return matrix.rounds * slices * (bfloat16 ? 2 : 1);
}

inline int64_t lay_out_rows(SequenceForward& m, bool bfloat16) {
  int row = 0;
  for (int l = 0; l < m.s.layers; l++) {
    m.input_row[l] = row;
    row += input_rows(m.gates[l], kGateSlices, bfloat16);
  }
  m.inputs = row;
  m.cell_row = 2 * row;
  m.top_row = m.cell_row + m.s.layers * m.s.units;
  m.output_row = m.top_row + input_rows(m.head, kOtherSlices, false);
  return m.rows = m.output_row + m.s.block_dim();
}

inline int64_t lay_out_rows(SequenceBackward& m, bool bfloat16) {
  m.logit_row = 0;
  m.gate_row = input_rows(m.head, kOtherSlices, false);
  m.hidden_row = m.gate_row + input_rows(m.recurrent[0], kOtherSlices, bfloat16);
  m.cell_row = m.hidden_row + m.s.layers * m.s.units;
  m.fed_row = m.cell_row + m.s.layers * m.s.units;
  return m.rows = m.fed_row + m.s.feedback_dim;
}

inline SlicedMatrix* layers_of(SequenceForward& m) { return m.gates; }
inline SlicedMatrix* layers_of(SequenceBackward& m) { return m.recurrent; }

// 4 lanes, or 8 where all multiprocessors would have more than 4: that takes less than twice as long.
template <class Direction>  // SequenceForward or SequenceBackward
SequencePlan make_plan(Direction& m, bool bfloat16, int shared_bytes, int multiprocessors) {
  const int64_t rows = lay_out_rows(m, bfloat16);
  SlicedMatrix* const layers = layers_of(m);
  int tiles = 0;
  for (int l = 0; l < m.s.layers; l++) tiles = std::max(tiles, layers[l].tiles);
  constexpr int kMostWarps = kSequenceThreads / 32;
  const int warps = std::max(divide_up(tiles, divide_up(tiles, kMostWarps)), 2);
  for (const int lanes : {8, 4}) {
    if (lanes == 8 && m.s.n <= 4 * static_cast<int64_t>(multiprocessors)) continue;
    const int64_t state = (rows + 3) * lanes * static_cast<int64_t>(sizeof(float));
    if (state > shared_bytes) continue;
    int64_t left = shared_bytes - state;
    int words = 0;
    const auto make_resident = [&](SlicedMatrix& matrix) {
      const int64_t tile_bytes = 512 * static_cast<int64_t>(matrix.rounds);
      matrix.resident = static_cast<int>(std::min<int64_t>(matrix.tiles, left / tile_bytes));
      matrix.shared_at = words;
      words += matrix.resident * matrix.rounds * 32;
      left -= matrix.resident * tile_bytes;
    };
    for (int l = 0; l < m.s.layers; l++) make_resident(layers[l]);
    make_resident(m.head);
    m.rows_at = 16 * words;
    return {lanes, 32 * warps, static_cast<int>(16 * words + state)};
  }
  return {};
}

}  // namespace dgsynth
