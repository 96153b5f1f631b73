// A critic's gradients from their factors, a piece of a layer at a time, which its taker stores or steps by.
#pragma once

#include <vector>

#include "critic_layers.h"

namespace dgsynth {

// A rectangle of a layer's gradient, (rows, size) and contiguous, from row `row` and column `column` on.
template <class T>
struct Piece {
  int64_t layer, row, rows, column, size;
  const T* gradient;
};

// Of n real, fake and interpolated rows. Row (i, kind) of the matrices is i * sample_step + kind * kind_step.
template <class T>
struct Factors {
  int64_t n;
  std::vector<int64_t> width;  // inputs, hidden layers, 1
  Rows<T> real, fake;
  int64_t sample_step, kind_step;
  std::vector<const T*> left;   // of each layer, (3n, out), scaled
  std::vector<const T*> right;  // of each layer from the second on, its inputs (3n, in)
  // What the penalty adds to the first layer: a^T b, a (depth, out) and b (depth, inputs).
  const T *penalty_left, *penalty_right;
  int64_t depth;

  int64_t row(int64_t i, int64_t kind) const { return i * sample_step + kind * kind_step; }
};

template <class T>
Buffer<T> first_layer_gradient(const Factors<T>& f, const Blocks& blocks, int64_t block) {
  const int64_t n = f.n, out = f.width[1], begin = blocks.begin(block), size = blocks.size(block);
  Buffer<T> left(2 * n * out), right(std::max(2 * n, f.depth) * size), gradient(out * size);
  copy_block<T>(f.penalty_right, f.depth, blocks, block, right.get());
  multiply<T>({out, size, f.depth, f.penalty_left, 1, out, right.get(), size, gradient.get(), size, nullptr, false});
  T *to_left = left.get(), *to_right = right.get();
  for (int64_t kind = 0; kind < 2; kind++) {
    const Rows<T>& rows = kind == 0 ? f.real : f.fake;
    for (int64_t i = 0; i < n; i++) {
      if (!rows.uses(i, begin, begin + size)) continue;
      to_left = std::copy_n(f.left[0] + f.row(i, kind) * out, out, to_left);
      to_right = std::copy_n(rows.values + i * rows.inputs + begin, size, to_right);
    }
  }
  const int64_t depth = (to_left - left.get()) / out;
  multiply<T>({out, size, depth, left.get(), 1, out, right.get(), size, gradient.get(), size, nullptr, true});
  return gradient;
}

// Calls take(piece) for pieces of all layers' weights, and take_bias(layer, count, gradient); threads call them at once.
template <class T, class Taker>
void make_gradients(const Factors<T>& f, const Taker& taker) {
  constexpr int64_t kRows = 50;
  const int64_t n = f.n, layers = f.left.size(), out = f.width[1];
  const Blocks blocks(f.width[0]);
  Tasks tasks;
  for (int64_t block = 0; block < blocks.count; block++) {
    tasks.add([&, block] {
      const Buffer<T> gradient = first_layer_gradient(f, blocks, block);
      taker.take({0, 0, out, blocks.begin(block), blocks.size(block), gradient.get()});
    });
  }
  for (int64_t l = 1; l < layers; l++) {
    const int64_t width = f.width[l + 1], in = f.width[l];
    for (int64_t begin = 0; begin < width; begin += kRows) {
      tasks.add([&, l, width, in, begin] {
        const int64_t rows = std::min(kRows, width - begin);
        const Buffer<T> gradient(rows * in);
        multiply<T>({rows, in, 3 * n, f.left[l] + begin, 1, width, f.right[l - 1], in, gradient.get(), in, nullptr, false});
        taker.take({l, begin, rows, 0, in, gradient.get()});
      });
    }
  }
  for (int64_t l = 0; l < layers; l++) {
    tasks.add([&, l] {
      const int64_t width = f.width[l + 1];
      std::vector<T> gradient(width);
      for (int64_t kind = 0; kind < 2; kind++) {
        for (int64_t i = 0; i < n; i++) add<T>(f.left[l] + f.row(i, kind) * width, width, gradient.data());
      }
      taker.take_bias(l, width, gradient.data());
    });
  }
  tasks.run();
}

}  // namespace dgsynth
