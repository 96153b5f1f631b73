// What a critic's first layer reads: rows of which only some columns are in use, worked through in blocks of columns.
#pragma once

#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "../checks.h"

namespace dgsynth {

constexpr int64_t kColumns = 256;  // of a block, at most
constexpr int64_t kGroups = 16;    // of blocks, at most

// The columns of the first layer: an even number of blocks, for two threads. Sums over columns are made of groups of
// blocks and added up in their order, so that they do not depend on the threads.
struct Blocks {
  int64_t inputs, width, count, groups;

  explicit Blocks(int64_t columns) : inputs(columns) {
    const int64_t pairs = (inputs + 2 * kColumns - 1) / (2 * kColumns);
    width = std::max<int64_t>((inputs + 2 * pairs - 1) / std::max<int64_t>(2 * pairs, 1), 1);
    width = (width + 31) / 32 * 32;  // whole vectors
    count = (inputs + width - 1) / width;
    groups = std::min(count, kGroups);
  }
  int64_t begin(int64_t block) const { return block * width; }
  int64_t size(int64_t block) const { return std::min(width, inputs - begin(block)); }
};

// A row has segments, one for each packed sample; of a segment the first columns are in use, and the last `tail`. All
// others are zero, and are not read.
template <class T>
struct Rows {
  const T* values;
  int64_t n, inputs;
  const int64_t* active;  // (n, segments), or null: all columns are in use
  int64_t segments, tail;

  bool uses(int64_t i, int64_t begin, int64_t end) const {
    if (!active) return true;
    const int64_t width = inputs / segments;
    for (int64_t s = begin / width; s * width < end; s++) {
      if (begin < s * width + active[i * segments + s] || (tail > 0 && end > (s + 1) * width - tail)) return true;
    }
    return false;
  }
};

template <class T>
Rows<T> read_rows(const Tensor& rows, const std::optional<Tensor>& active, int64_t tail, const std::string& name) {
  STD_TORCH_CHECK(rows.dim() == 2, name, " must be of shape (B, F)");
  const int64_t n = rows.size(0), inputs = rows.size(1);
  Rows<T> r{numbers<T>(rows, {n, inputs}, name), n, inputs, nullptr, 1, tail};
  if (!active) return r;
  STD_TORCH_CHECK(active->dim() == 2 && active->size(1) > 0 && inputs % active->size(1) == 0, name,
                  "_active must be of shape (B, segments)");
  r.segments = active->size(1);
  check_shape(*active, {n, r.segments}, ScalarType::Long, name + "_active");
  r.active = static_cast<const int64_t*>(active->data_ptr());
  return r;
}

}  // namespace dgsynth
