// How a model is laid out on a device: lanes and threads of a block, and what of it lies in shared memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "generate_kernels.h"

namespace dgsynth {

struct Limits {
  int shared_bytes;     // that a block may have
  int multiprocessors;
  int64_t arena_bytes;  // of the first arena, where lengths are not known before
};

struct Plan {
  int lanes = 0;  // 0: the state of even the fewest lanes does not fit into shared memory
  int threads = 0;
  int shared_bytes = 0;
  bool bfloat16 = false;
};

// Outputs lie in shared memory where that costs little; what a pass writes and reads once may lie in L2 as well.
constexpr int kSharedOutputs = 16 * 1024;

inline int round_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

// Numbers the rows of shared memory, and returns the bytes that they and the lanes take.
inline int64_t lay_out_state(Model& m, int lanes, bool bfloat16) {
  int row = 0;
  for (int l = 0; l < m.layers; l++) {
    m.layer[l].row = row;
    row += round_up(m.layer[l].x_dim + m.units, bfloat16 ? 2 : 1);  // the row that pads a pair stays zero
  }
  m.hidden_row = row;
  row += m.units;
  const bool shares_outputs = static_cast<int64_t>(4) * m.head.groups * lanes * sizeof(float) <= kSharedOutputs;
  m.outputs_row = shares_outputs ? row : -1;
  m.rows = row + (shares_outputs ? 4 * m.head.groups : 0);
  const int64_t rows_bytes = static_cast<int64_t>(m.rows) * lanes * sizeof(float);
  return rows_bytes + lanes * sizeof(Lane) + round_up((lanes + 1) * sizeof(int), 16);
}

// Makes as many leading groups resident as `bytes` hold, and takes what they need away.
inline void make_resident(Matrix& matrix, int64_t& bytes, int& at) {
  const int64_t group_bytes = 16 * static_cast<int64_t>(matrix.steps);
  matrix.resident = static_cast<int>(std::min<int64_t>(matrix.groups, bytes / group_bytes));
  matrix.shared_at = at;
  at += matrix.resident * matrix.steps;
  bytes -= matrix.resident * group_bytes;
}

// A warp for each tile of the gates, or an equal share of them.
inline int count_threads(const Model& m, int lanes) {
  const int tiles = (m.units + 7) / 8 * (lanes == 64 ? 2 : 1), most = kMaxThreads / 32;
  const int rounds = (tiles + most - 1) / most;
  return 32 * std::max((tiles + rounds - 1) / rounds, 2);
}

// The most lanes that fit and leave no multiprocessor without samples: each weight read from L2 serves a block's lanes.
inline Plan make_plan(Model& m, bool bfloat16, int64_t n_samples, const Limits& limits) {
  for (const int lanes : {64, 32, 16}) {
    const int64_t state = lay_out_state(m, lanes, bfloat16);
    const bool busy = n_samples >= static_cast<int64_t>(lanes) * limits.multiprocessors;
    if (state > limits.shared_bytes || (!busy && lanes > 16)) continue;
    int64_t left = limits.shared_bytes - state;
    int words = 0;
    for (int l = 0; l < m.layers; l++) make_resident(m.layer[l].gates, left, words);
    make_resident(m.head, left, words);
    m.rows_at = 16 * words;
    m.lanes_at = m.rows_at + m.rows * lanes * static_cast<int>(sizeof(float));
    m.started_at = m.lanes_at + lanes * static_cast<int>(sizeof(Lane));
    return {lanes, count_threads(m, lanes), static_cast<int>(16 * words + state), bfloat16};
  }
  return {};
}

}  // namespace dgsynth
