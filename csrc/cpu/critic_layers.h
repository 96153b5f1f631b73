// A critic's rows on their way through its layers: forward to the scores, down to the slopes, and up again from these.
//
// The slopes at a row are left W, with W the weights of the first layer and `left` the score's gradient to its sums. What
// the penalty needs of them are their norm and their product with W, and both follow from the Gram matrix G = W W^T:
// norm^2 = left G left^T, and (left W) W^T = left G. So slopes of thousands of columns are never made, and behind the
// first layer a row meets no other row: threads share rows.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "critic_rows.h"
#include "memory.h"
#include "multiply.h"
#include "tasks.h"

namespace dgsynth {

constexpr double kCriticEpsilon = 1e-8;  // NORM_EPSILON of dgsynth/kernels/critic.py

template <class T>
struct Mlp {
  int64_t layers;
  std::vector<int64_t> width;  // inputs, hidden layers, 1
  std::vector<T*> weights, biases;
  std::vector<Buffer<T>> transposed;  // (in, out), of the hidden layers behind the first
};

template <class T>
Mlp<T> read_mlp(const std::vector<Tensor>& weights, const std::vector<Tensor>& biases, int64_t inputs) {
  STD_TORCH_CHECK(!weights.empty() && weights.size() == biases.size(), "every layer needs weights and a bias");
  Mlp<T> m;
  m.layers = weights.size();
  m.width = {inputs};
  for (size_t l = 0; l < weights.size(); l++) {
    const std::string number = "[" + std::to_string(l) + "]";
    STD_TORCH_CHECK(weights[l].dim() == 2, "weights", number, " must be of shape (out, in)");
    m.width.push_back(weights[l].size(0));
    m.weights.push_back(const_cast<T*>(numbers<T>(weights[l], {m.width[l + 1], m.width[l]}, "weights" + number)));
    m.biases.push_back(const_cast<T*>(numbers<T>(biases[l], {m.width[l + 1]}, "biases" + number)));
    const bool hidden = l > 0 && l + 1 < weights.size();
    m.transposed.emplace_back(hidden ? m.width[l] * m.width[l + 1] : 0);
  }
  STD_TORCH_CHECK(m.width.back() == 1, "the last layer must have one output");
  return m;
}

// Asks for a row's numbers ahead of their use: the processor does not foresee the next of many short, distant rows.
template <class T>
void prefetch(const T* row, int64_t size) {
  for (int64_t i = 0; i < size; i += 64 / sizeof(T)) __builtin_prefetch(row + i);
}

// A copy of the block's columns of a matrix (rows, inputs).
template <class T>
void copy_block(const T* matrix, int64_t rows, const Blocks& blocks, int64_t block, T* to) {
  constexpr int64_t kAhead = 4;
  const int64_t size = blocks.size(block);
  const T* from = matrix + blocks.begin(block);
  for (int64_t k = 0; k < rows; k++, from += blocks.inputs) {
    if (k + kAhead < rows) prefetch(from + kAhead * blocks.inputs, size);
    std::copy_n(from, size, to + k * size);
  }
}

template <class T>
T dot(const T* x, const T* y, int64_t count) {
  T sum[16] = {};
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (int j = 0; j < 16; j++) sum[j] += x[i + j] * y[i + j];
  }
  for (; i < count; i++) sum[i % 16] += x[i] * y[i];
  T total = 0;
  for (const T part : sum) total += part;
  return total;
}

template <class T>
void add(const T* from, int64_t count, T* to) {
  for (int64_t i = 0; i < count; i++) to[i] += from[i];
}

template <class T>
void mask(T* x, const T* like, int64_t count) {
  for (int64_t i = 0; i < count; i++) x[i] = like[i] > T{0} ? x[i] : T{0};
}

// c (n, n) = a b, of which only the blocks on and below the diagonal are made, or added to what is there.
template <class T>
void multiply_lower(int64_t n, int64_t depth, const T* a, const T* b, T* c, bool accumulate) {
  constexpr int64_t kStrip = 32;
  for (int64_t j = 0; j < n; j += kStrip) {
    multiply<T>({n - j, std::min(kStrip, n - j), depth, a + j * depth, depth, 1, b + j, n, c + j * n + j, n, nullptr,
                 accumulate});
  }
}

// The sum of such matrices, in their order, with what lies above the diagonal.
template <class T>
void add_symmetric(const std::vector<Buffer<T>>& parts, int64_t n, T* sum) {
  share_rows(n, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      T* const row = sum + i * n;
      std::fill_n(row, i + 1, T{0});
      for (const Buffer<T>& part : parts) add(part.get() + i * n, i + 1, row);
    }
    for (int64_t i = begin; i < end; i++) {
      for (int64_t j = 0; j < i; j++) sum[j * n + i] = sum[i * n + j];
    }
  });
}

// What the first layer's weights are multiplied with, by groups of blocks.
template <class T>
struct FirstLayer {
  std::vector<Buffer<T>> sums;   // (all rows, out), rows of one kind after another; none where no row uses its columns
  std::vector<Buffer<T>> grams;  // (out, out), where asked for
};

// The rows that use a block's columns, and these of them, (rows, size).
template <class T>
std::vector<int64_t> gather_rows(const std::vector<Rows<T>>& kinds, int64_t begin, int64_t size, T* x) {
  std::vector<int64_t> active;
  int64_t number = 0;
  for (const Rows<T>& rows : kinds) {
    for (int64_t i = 0; i < rows.n; i++, number++) {
      if (!rows.uses(i, begin, begin + size)) continue;
      active.push_back(number);
      x = std::copy_n(rows.values + i * rows.inputs + begin, size, x);
    }
  }
  return active;
}

constexpr int64_t kFewRows = 12;  // for which a block is not worth being turned

// The hidden layers are transposed beside.
template <class T>
FirstLayer<T> run_first_layer(Mlp<T>& m, const Blocks& blocks, const std::vector<Rows<T>>& kinds, bool with_gram) {
  const int64_t out = m.width[1];
  int64_t n = 0;
  for (const Rows<T>& rows : kinds) n += rows.n;
  FirstLayer<T> made;
  made.sums.resize(blocks.groups);
  made.grams.resize(with_gram ? blocks.groups : 0);
  Tasks tasks;
  for (int64_t group = 0; group < blocks.groups; group++) {
    tasks.add([&, group] {
      const Buffer<T> straight(out * blocks.width), transposed(out * blocks.width), x(n * blocks.width), some(n * out);
      Buffer<T>& sums = made.sums[group];
      if (with_gram) made.grams[group] = Buffer<T>(out * out);
      for (int64_t block = group; block < blocks.count; block += blocks.groups) {
        const int64_t begin = blocks.begin(block), size = blocks.size(block);
        const std::vector<int64_t> active = gather_rows(kinds, begin, size, x.get());
        const int64_t count = active.size();
        if (count == 0 && !with_gram) continue;
        std::fill_n(some.get(), count * out, T{0});
        if (count <= kFewRows && !with_gram) {
          multiply_few<T>({count, out, size, x.get(), size, m.weights[0] + begin, m.width[0], some.get(), out});
        } else {
          copy_block<T>(m.weights[0], out, blocks, block, straight.get());
          transpose(straight.get(), size, out, int64_t{0}, size, transposed.get(), out);
          multiply<T>({count, out, size, x.get(), size, 1, transposed.get(), out, some.get(), out, nullptr, false});
        }
        if (with_gram) {
          multiply_lower<T>(out, size, straight.get(), transposed.get(), made.grams[group].get(), block != group);
        }
        if (count > 0 && !sums.get()) {
          sums = Buffer<T>(n * out);
          std::fill_n(sums.get(), n * out, T{0});
        }
        for (int64_t r = 0; r < count; r++) add<T>(some.get() + r * out, out, sums.get() + active[r] * out);
      }
    });
  }
  for (int64_t l = 1; l + 1 < m.layers; l++) {
    tasks.add([&m, l] {
      const int64_t in = m.width[l], out = m.width[l + 1];
      transpose<T>(m.weights[l], in, out, int64_t{0}, in, m.transposed[l].get(), out);
    });
  }
  tasks.run();
  return made;
}

// The first layer's sums of one row.
template <class T>
void add_groups(const Mlp<T>& m, const FirstLayer<T>& first, int64_t row, T* sums) {
  const int64_t out = m.width[1];
  std::copy_n(m.biases[0], out, sums);
  for (const Buffer<T>& part : first.sums) {
    if (part.get()) add<T>(part.get() + row * out, out, sums);
  }
}

// A matrix (rows, out of the layer) for each layer.
template <class T>
struct Matrices {
  std::vector<Buffer<T>> memory;

  Matrices(const Mlp<T>& m, int64_t rows) {
    for (int64_t l = 0; l < m.layers; l++) memory.emplace_back(rows * m.width[l + 1]);
  }
  T* of(int64_t layer) const { return memory[layer].get(); }
};

// Rows `begin` to `end - 1` forward through the layers behind the first, and back to its sums. Sums of hidden layers
// become those after the ReLU.
template <class T>
void forward_and_down(const Mlp<T>& m, const Matrices<T>& sums, const Matrices<T>& left, int64_t begin, int64_t end) {
  const int64_t n = end - begin, last = m.layers - 1;
  const auto at = [&](const Matrices<T>& places, int64_t l) { return places.of(l) + begin * m.width[l + 1]; };
  for (int64_t l = 1; l <= last; l++) {
    const int64_t in = m.width[l], out = m.width[l + 1];
    T *const x = at(sums, l - 1), *const z = at(sums, l);
    for (int64_t i = 0; i < n * in; i++) x[i] = x[i] > T{0} ? x[i] : T{0};
    if (l < last) {
      multiply<T>({n, out, in, x, in, 1, m.transposed[l].get(), out, z, out, m.biases[l], false});
    } else {
      for (int64_t i = 0; i < n; i++) z[i] = m.biases[l][0] + dot<T>(x + i * in, m.weights[l], in);
    }
  }
  std::fill_n(at(left, last), n, T{1});
  for (int64_t l = last - 1; l >= 0; l--) {
    const int64_t width = m.width[l + 1], above = m.width[l + 2];
    T* const to = at(left, l);
    multiply<T>({n, width, above, at(left, l + 1), above, 1, m.weights[l + 1], width, to, width, nullptr, false});
    mask(to, at(sums, l), n * width);
  }
}

// Norms of the slopes at n rows, and t up through the layers (see critic.py), in the place of the rows' sums. `left` and
// the sums of these rows lie `step` rows apart.
template <class T>
void up(const Mlp<T>& m, const T* gram, const Matrices<T>& sums, const Matrices<T>& left, int64_t first, int64_t step,
        int64_t n, T* norms) {
  const int64_t out = m.width[1];
  std::vector<T> below(n * out), t;
  const T* const slopes = left.of(0) + first * out;
  multiply<T>({n, out, out, slopes, step * out, 1, gram, out, below.data(), out, nullptr, false});
  for (int64_t i = 0; i < n; i++) {
    // Rounding may leave a little less than nothing of a sum whose terms cancel.
    const T square = std::max(dot<T>(below.data() + i * out, slopes + i * step * out, out), T{0});
    norms[i] = std::sqrt(square + T(kCriticEpsilon));
    for (int64_t j = 0; j < out; j++) below[i * out + j] /= norms[i];
  }
  for (int64_t l = 0; l + 1 < m.layers; l++) {
    const int64_t in = m.width[l], width = m.width[l + 1];
    if (l > 0) {
      t.resize(n * width);
      multiply<T>({n, width, in, below.data(), in, 1, m.transposed[l].get(), width, t.data(), width, nullptr, false});
      std::swap(below, t);
    }
    for (int64_t i = 0; i < n; i++) {
      T* const place = sums.of(l) + (first + i * step) * width;
      mask(below.data() + i * width, place, width);
      std::copy_n(below.data() + i * width, width, place);
    }
  }
}

}  // namespace dgsynth
