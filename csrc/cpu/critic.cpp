// The ops dgsynth::critic, critic_backward, critic_loss and critic_slope on the CPU: a ReLU MLP's scores, gradients and the
// gradient of its gradient's norm, in closed form. dgsynth/kernels/critic.py has the equations.
//
// The first layer, which may be a hundred times as wide as the others, is worked through in blocks of columns: a block of
// its weights is copied and transposed once, in the second cache, for all products that read it. Threads share groups of
// blocks, whose sums are added up in their order; the other layers they share by rows. So the result does not depend on
// the threads. Of a row's padding neither weights are read nor gradients made.

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <cmath>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "../checks.h"
#include "multiply.h"
#include "tasks.h"

namespace dgsynth {
namespace {

constexpr double kNormEpsilon = 1e-8;
constexpr int64_t kColumns = 512;  // of a block, at most
constexpr int64_t kGroups = 16;    // of blocks, at most

// Room for numbers that are written before they are read.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(int64_t size) : numbers_(std::make_unique_for_overwrite<T[]>(size)) {}
  T* get() const { return numbers_.get(); }

 private:
  std::unique_ptr<T[]> numbers_;
};

// The columns of the first layer: an even number of blocks, for two threads.
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

// Rows of the first layer's inputs. A row has segments, one for each packed sample; of a segment the first columns are in
// use, and the last `tail`. All others are zero.
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

template <class T>
struct Mlp {
  int64_t layers;
  std::vector<int64_t> width;  // inputs, hidden layers, 1
  std::vector<const T*> weights, biases;
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
    m.weights.push_back(numbers<T>(weights[l], {m.width[l + 1], m.width[l]}, "weights" + number));
    m.biases.push_back(numbers<T>(biases[l], {m.width[l + 1]}, "biases" + number));
    const bool hidden = l > 0 && l + 1 < weights.size();
    m.transposed.emplace_back(hidden ? m.width[l] * m.width[l + 1] : 0);
  }
  STD_TORCH_CHECK(m.width.back() == 1, "the last layer must have one output");
  return m;
}

// A block of the first layer's weights, (out, size) and (size, out).
template <class T>
struct WeightBlock {
  Buffer<T> straight, transposed;

  WeightBlock(const Mlp<T>& m, const Blocks& blocks) : straight(m.width[1] * blocks.width), transposed(m.width[1] * blocks.width) {}

  void read(const Mlp<T>& m, const Blocks& blocks, int64_t block) {
    const int64_t out = m.width[1], size = blocks.size(block);
    for (int64_t k = 0; k < out; k++) {
      std::copy_n(m.weights[0] + k * m.width[0] + blocks.begin(block), size, straight.get() + k * size);
    }
  }
  void turn(int64_t out, int64_t size) { transpose(straight.get(), size, out, int64_t{0}, size, transposed.get(), out); }
};

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

// A matrix (rows, out of the layer) for each layer.
template <class T>
struct Matrices {
  std::vector<Buffer<T>> memory;
  std::vector<T*> of;

  Matrices(const Mlp<T>& m, int64_t rows) {
    for (int64_t l = 0; l < m.layers; l++) {
      memory.emplace_back(rows * m.width[l + 1]);
      of.push_back(memory[l].get());
    }
  }
};

// What each group of blocks adds to the first layer's sums, (all rows, out), for rows of some kinds, one after another;
// nothing where no row uses its columns. The hidden layers are transposed beside.
template <class T>
std::vector<Buffer<T>> first_layer(Mlp<T>& m, const Blocks& blocks, const std::vector<Rows<T>>& kinds) {
  const int64_t out = m.width[1];
  int64_t n = 0;
  for (const Rows<T>& rows : kinds) n += rows.n;
  std::vector<Buffer<T>> parts(blocks.groups);
  Tasks tasks;
  for (int64_t group = 0; group < blocks.groups; group++) {
    tasks.add([&, group] {
      WeightBlock<T> weight(m, blocks);
      Buffer<T> x(n * blocks.width), some(n * out);
      std::vector<int64_t> active;
      for (int64_t block = group; block < blocks.count; block += blocks.groups) {
        const int64_t begin = blocks.begin(block), size = blocks.size(block);
        active.clear();
        T* to = x.get();
        int64_t number = 0;
        for (const Rows<T>& rows : kinds) {
          for (int64_t i = 0; i < rows.n; i++, number++) {
            if (!rows.uses(i, begin, begin + size)) continue;
            active.push_back(number);
            to = std::copy_n(rows.values + i * rows.inputs + begin, size, to);
          }
        }
        const int64_t count = active.size();
        if (count == 0) continue;
        if (!parts[group].get()) {
          parts[group] = Buffer<T>(n * out);
          std::fill_n(parts[group].get(), n * out, T{0});
        }
        T* const part = parts[group].get();
        weight.read(m, blocks, block);
        weight.turn(out, size);
        if (count == n) {
          multiply<T>({n, out, size, x.get(), size, 1, weight.transposed.get(), out, part, out, nullptr, true});
          continue;
        }
        multiply<T>({count, out, size, x.get(), size, 1, weight.transposed.get(), out, some.get(), out, nullptr, false});
        for (int64_t r = 0; r < count; r++) add(some.get() + r * out, out, part + active[r] * out);
      }
    });
  }
  for (int64_t l = 1; l + 1 < m.layers; l++) {
    tasks.add([&m, l] {
      const int64_t in = m.width[l], out = m.width[l + 1];
      transpose(m.weights[l], in, out, int64_t{0}, in, m.transposed[l].get(), out);
    });
  }
  tasks.run();
  return parts;
}

// The first layer's sums of rows `begin` to `end - 1`.
template <class T>
void add_parts(const Mlp<T>& m, const std::vector<Buffer<T>>& parts, int64_t begin, int64_t end, T* sums) {
  const int64_t out = m.width[1];
  for (int64_t i = begin; i < end; i++) std::copy_n(m.biases[0], out, sums + i * out);
  for (const Buffer<T>& part : parts) {
    if (part.get()) add(part.get() + begin * out, (end - begin) * out, sums + begin * out);
  }
}

// Rows `begin` to `end - 1` forward through the layers behind the first, and back to its sums.
template <class T>
void forward_and_down(const Mlp<T>& m, const std::vector<T*>& sums, const std::vector<T*>& left, int64_t begin, int64_t end) {
  const int64_t n = end - begin, last = m.layers - 1;
  const auto at = [&](const std::vector<T*>& places, int64_t l) { return places[l] + begin * m.width[l + 1]; };
  for (int64_t l = 1; l <= last; l++) {
    const int64_t in = m.width[l], out = m.width[l + 1];
    T *const x = at(sums, l - 1), *const z = at(sums, l);
    for (int64_t i = 0; i < n * in; i++) x[i] = x[i] > T{0} ? x[i] : T{0};
    if (l < last) {
      multiply<T>({n, out, in, x, in, 1, m.transposed[l].get(), out, z, out, m.biases[l], false});
    } else {
      for (int64_t i = 0; i < n; i++) z[i] = m.biases[l][0] + dot(x + i * in, m.weights[l], in);
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

// Everything that scores, norms and their gradients are made of, for n samples.
template <class T>
struct Critic {
  Mlp<T> mlp;
  Blocks blocks;
  int64_t n;
  Rows<T> real, fake;
  const T* mixing;
  std::vector<T*> sums, left;  // of each layer, (3n, out): the interpolated rows' hidden sums become t, see `up`
  T* norms;                    // (n)
  Buffer<T> slopes;            // at the interpolated rows, (n, size) of one block after another

  T* slopes_of(int64_t block) const { return slopes.get() + n * blocks.begin(block); }
};

// The score's gradient at the interpolated rows, its norm, and both up through the layers.
template <class T>
void up(Critic<T>& c) {
  const Mlp<T>& m = c.mlp;
  const int64_t n = c.n, out = m.width[1], kept = m.layers > 1 ? n * out : 0;
  std::vector<Buffer<T>> squares(c.blocks.groups), parts(c.blocks.groups);
  Tasks tasks;
  for (int64_t group = 0; group < c.blocks.groups; group++) {
    tasks.add([&, group] {
      WeightBlock<T> weight(m, c.blocks);
      squares[group] = Buffer<T>(n);
      parts[group] = Buffer<T>(kept);
      std::fill_n(squares[group].get(), n, T{0});
      for (int64_t block = group; block < c.blocks.count; block += c.blocks.groups) {
        const int64_t size = c.blocks.size(block);
        T* const slopes = c.slopes_of(block);
        weight.read(m, c.blocks, block);
        multiply<T>({n, size, out, c.left[0] + 2 * n * out, out, 1, weight.straight.get(), size, slopes, size, nullptr, false});
        for (int64_t i = 0; i < n; i++) squares[group].get()[i] += dot(slopes + i * size, slopes + i * size, size);
        if (!kept) continue;
        weight.turn(out, size);
        multiply<T>({n, out, size, slopes, size, 1, weight.transposed.get(), out, parts[group].get(), out, nullptr,
                     block != group});
      }
    });
  }
  tasks.run();
  share_rows(n, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      T square = T(kNormEpsilon);
      for (const Buffer<T>& part : squares) square += part.get()[i];
      c.norms[i] = std::sqrt(square);
    }
    if (!kept) return;
    std::vector<T> below, t;
    for (int64_t l = 0; l + 1 < m.layers; l++) {
      const int64_t in = m.width[l], width = m.width[l + 1], count = end - begin;
      T* const sums = c.sums[l] + (2 * n + begin) * width;
      t.assign(count * width, T{0});
      if (l > 0) {
        multiply<T>({count, width, in, below.data(), in, 1, m.transposed[l].get(), width, t.data(), width, nullptr, false});
      } else {
        for (const Buffer<T>& part : parts) add(part.get() + begin * width, count * width, t.data());
        for (int64_t i = 0; i < count; i++) {
          for (int64_t j = 0; j < width; j++) t[i * width + j] /= c.norms[begin + i];
        }
      }
      mask(t.data(), sums, count * width);
      std::copy_n(t.data(), count * width, sums);
      std::swap(below, t);
    }
  });
}

template <class T>
void run_layers(Critic<T>& c) {
  Mlp<T>& m = c.mlp;
  const int64_t n = c.n, out = m.width[1];
  const std::vector<Buffer<T>> parts = first_layer(m, c.blocks, {c.real, c.fake});
  share_rows(n, [&](int64_t begin, int64_t end) {
    T* const sums = c.sums[0];
    add_parts(m, parts, begin, end, sums);
    add_parts(m, parts, n + begin, n + end, sums);
    // The sums at an interpolated row are those of its ends, interpolated: one product less.
    for (int64_t i = begin; i < end; i++) {
      const T *const real = sums + i * out, *const fake = real + n * out;
      T* const between = sums + (2 * n + i) * out;
      for (int64_t j = 0; j < out; j++) between[j] = fake[j] + c.mixing[i] * (real[j] - fake[j]);
    }
    for (int64_t kind = 0; kind < 3; kind++) forward_and_down(m, c.sums, c.left, kind * n + begin, kind * n + end);
  });
  up(c);
}

// The gradients' factors, whichever op they come from.
template <class T>
struct Factors {
  int64_t n;
  std::vector<int64_t> width;  // inputs, hidden layers, 1
  Rows<T> real, fake;
  const T* slopes;  // (n, size) of one block after another
  std::vector<const T*> left, right;
};

// Gradients of the sum of scale (3n) times scores and norms; `of_slopes` (n) is what scales the slopes.
template <class T>
void make_gradients(const Factors<T>& f, const T* scale, const T* of_slopes, const std::vector<T*>& weights,
                    const std::vector<T*>& biases) {
  const int64_t n = f.n, layers = f.left.size(), out = f.width[1];
  const Blocks blocks(f.width[0]);
  std::vector<Buffer<T>> scaled;
  for (int64_t l = 0; l < layers; l++) scaled.emplace_back(3 * n * f.width[l + 1]);
  share_rows(3 * n, [&](int64_t begin, int64_t end) {
    for (int64_t l = 0; l < layers; l++) {
      const int64_t width = f.width[l + 1];
      for (int64_t i = begin; i < end; i++) {
        const T share = l == 0 && i >= 2 * n ? of_slopes[i - 2 * n] : scale[i];
        for (int64_t j = i * width; j < (i + 1) * width; j++) scaled[l].get()[j] = share * f.left[l][j];
      }
    }
  });
  Tasks tasks;
  for (int64_t block = 0; block < blocks.count; block++) {
    tasks.add([&, block] {
      const int64_t begin = blocks.begin(block), size = blocks.size(block);
      Buffer<T> left(3 * n * out), right(3 * n * size), gradient(out * size);
      T *to_left = left.get(), *to_right = right.get();
      for (int64_t kind = 0; kind < 2; kind++) {
        const Rows<T>& rows = kind == 0 ? f.real : f.fake;
        for (int64_t i = 0; i < n; i++) {
          if (!rows.uses(i, begin, begin + size)) continue;
          to_left = std::copy_n(scaled[0].get() + (kind * n + i) * out, out, to_left);
          to_right = std::copy_n(rows.values + i * rows.inputs + begin, size, to_right);
        }
      }
      const int64_t depth = (to_left - left.get()) / out;
      multiply<T>({out, size, depth, left.get(), 1, out, right.get(), size, gradient.get(), size, nullptr, false});
      multiply<T>({out, size, n, scaled[0].get() + 2 * n * out, 1, out, f.slopes + n * begin, size, gradient.get(), size,
                   nullptr, true});
      for (int64_t k = 0; k < out; k++) std::copy_n(gradient.get() + k * size, size, weights[0] + k * f.width[0] + begin);
    });
  }
  for (int64_t l = 1; l < layers; l++) {
    const int64_t width = f.width[l + 1], in = f.width[l];
    for (int64_t begin = 0; begin < width; begin += 50) {
      tasks.add([&, l, width, in, begin] {
        multiply<T>({std::min<int64_t>(50, width - begin), in, 3 * n, scaled[l].get() + begin, 1, width, f.right[l - 1], in,
                     weights[l] + begin * in, in, nullptr, false});
      });
    }
  }
  for (int64_t l = 0; l < layers; l++) {
    tasks.add([&, l] {
      const int64_t width = f.width[l + 1];
      std::fill_n(biases[l], width, T{0});
      for (int64_t i = 0; i < 2 * n; i++) add(scaled[l].get() + i * width, width, biases[l]);
    });
  }
  tasks.run();
}

template <class T>
Critic<T> read_critic(const Tensor& real, const Tensor& fake, const Tensor& mixing, const std::vector<Tensor>& weights,
                      const std::vector<Tensor>& biases, const std::optional<Tensor>& real_active,
                      const std::optional<Tensor>& fake_active, int64_t tail) {
  const Rows<T> reals = read_rows<T>(real, real_active, tail, "real");
  Critic<T> c{read_mlp<T>(weights, biases, reals.inputs), Blocks(reals.inputs), reals.n, reals,
              read_rows<T>(fake, fake_active, tail, "fake")};
  STD_TORCH_CHECK(c.fake.n == c.n && c.fake.inputs == c.real.inputs, "real and fake must be of one shape");
  c.mixing = numbers<T>(mixing, {c.n, 1}, "mixing");
  c.slopes = Buffer<T>(c.n * c.real.inputs);
  return c;
}

template <class T>
T* data(const Tensor& tensor) {
  return static_cast<T*>(tensor.data_ptr());
}

using MadeFactors = std::tuple<Tensor, Tensor, Tensor, std::vector<Tensor>, std::vector<Tensor>>;

template <class T>
MadeFactors run_critic(const Tensor& real, const Tensor& fake, const Tensor& mixing, const std::vector<Tensor>& weights,
                       const std::vector<Tensor>& biases, const std::optional<Tensor>& real_active,
                       const std::optional<Tensor>& fake_active, int64_t tail) {
  Critic<T> c = read_critic<T>(real, fake, mixing, weights, biases, real_active, fake_active, tail);
  const int64_t n = c.n, inputs = c.real.inputs, last = c.mlp.layers - 1;
  std::vector<Tensor> left, right;
  for (int64_t l = 0; l <= last; l++) {
    for (std::vector<Tensor>* const list : {&left, &right}) {
      list->push_back(torch::stable::new_empty(real, {3 * n, c.mlp.width[l + 1]}));
    }
    c.left.push_back(data<T>(left[l]));
    c.sums.push_back(data<T>(right[l]));
  }
  Tensor norms = torch::stable::new_empty(real, {n}), direction = torch::stable::new_empty(real, {n, inputs});
  c.norms = data<T>(norms);
  run_layers(c);
  share_rows(n, [&](int64_t begin, int64_t end) {
    for (int64_t block = 0; block < c.blocks.count; block++) {
      const int64_t size = c.blocks.size(block);
      for (int64_t i = begin; i < end; i++) {
        const T* const from = c.slopes_of(block) + i * size;
        T* const to = data<T>(direction) + i * inputs + c.blocks.begin(block);
        for (int64_t j = 0; j < size; j++) to[j] = from[j] / c.norms[i];
      }
    }
  });
  Tensor scores = torch::stable::new_empty(real, {2 * n});
  std::copy_n(c.sums[last], 2 * n, data<T>(scores));
  right.pop_back();
  return {scores, norms, direction, left, right};
}

MadeFactors critic(Tensor real, Tensor fake, Tensor mixing, std::vector<Tensor> weights, std::vector<Tensor> biases,
                   std::optional<Tensor> real_active, std::optional<Tensor> fake_active, int64_t tail) {
  const auto run = real.scalar_type() == ScalarType::Double ? run_critic<double> : run_critic<float>;
  return run(real, fake, mixing, weights, biases, real_active, fake_active, tail);
}

using Gradients = std::tuple<std::vector<Tensor>, std::vector<Tensor>>;

// Room for gradients of layers of such widths: tensors, and where their numbers lie.
template <class T>
struct Room {
  std::vector<Tensor> weights, biases;
  std::vector<T*> of_weights, of_biases;

  Room(const Tensor& like, const std::vector<int64_t>& width) {
    for (size_t l = 1; l < width.size(); l++) {
      weights.push_back(torch::stable::new_empty(like, {width[l], width[l - 1]}));
      biases.push_back(torch::stable::new_empty(like, {width[l]}));
      of_weights.push_back(data<T>(weights.back()));
      of_biases.push_back(data<T>(biases.back()));
    }
  }
};

template <class T>
Gradients run_backward(const Tensor& real, const Tensor& fake, const Tensor& direction, const std::vector<Tensor>& left,
                       const std::vector<Tensor>& right, const Tensor& scale, const std::optional<Tensor>& real_active,
                       const std::optional<Tensor>& fake_active, int64_t tail) {
  Factors<T> f{real.size(0), {real.size(1)}, read_rows<T>(real, real_active, tail, "real"),
               read_rows<T>(fake, fake_active, tail, "fake")};
  const int64_t n = f.n, inputs = f.width[0];
  STD_TORCH_CHECK(!left.empty() && right.size() + 1 == left.size(), "right must have a layer less than left");
  STD_TORCH_CHECK(f.fake.n == n && f.fake.inputs == inputs, "real and fake must be of one shape");
  for (size_t l = 0; l < left.size(); l++) {
    f.width.push_back(left[l].size(1));
    f.left.push_back(numbers<T>(left[l], {3 * n, f.width[l + 1]}, "left"));
    if (l + 1 < left.size()) f.right.push_back(numbers<T>(right[l], {3 * n, f.width[l + 1]}, "right"));
  }
  const T* const directions = numbers<T>(direction, {n, inputs}, "direction");
  const T* const scales = numbers<T>(scale, {3 * n}, "scale");
  const Blocks blocks(inputs);
  Buffer<T> slopes(n * inputs);
  for (int64_t block = 0; block < blocks.count; block++) {
    T* to = slopes.get() + n * blocks.begin(block);
    for (int64_t i = 0; i < n; i++) {
      to = std::copy_n(directions + i * inputs + blocks.begin(block), blocks.size(block), to);
    }
  }
  f.slopes = slopes.get();
  Room<T> made(real, f.width);
  make_gradients(f, scales, scales + 2 * n, made.of_weights, made.of_biases);
  return {made.weights, made.biases};
}

Gradients critic_backward(Tensor real, Tensor fake, Tensor direction, std::vector<Tensor> left, std::vector<Tensor> right,
                          Tensor scale, std::optional<Tensor> real_active, std::optional<Tensor> fake_active,
                          int64_t tail) {
  STD_TORCH_CHECK(real.dim() == 2, "real must be of shape (B, F)");
  const auto run = real.scalar_type() == ScalarType::Double ? run_backward<double> : run_backward<float>;
  return run(real, fake, direction, left, right, scale, real_active, fake_active, tail);
}

using Loss = std::tuple<Tensor, std::vector<Tensor>, std::vector<Tensor>>;

template <class T>
Loss run_loss(const Tensor& real, const Tensor& fake, const Tensor& mixing, const std::vector<Tensor>& weights,
              const std::vector<Tensor>& biases, double penalty_weight, const std::optional<Tensor>& real_active,
              const std::optional<Tensor>& fake_active, int64_t tail) {
  Critic<T> c = read_critic<T>(real, fake, mixing, weights, biases, real_active, fake_active, tail);
  const int64_t n = c.n, last = c.mlp.layers - 1;
  const Matrices<T> sums(c.mlp, 3 * n), left(c.mlp, 3 * n);
  c.sums = sums.of;
  c.left = left.of;
  std::vector<T> norms(n), scale(3 * n), of_slopes(n);
  c.norms = norms.data();
  run_layers(c);
  T distance = 0, penalty = 0;
  for (int64_t i = 0; i < n; i++) {
    const T away = norms[i] - T{1};
    distance += (c.sums[last][i] - c.sums[last][n + i]) / n;
    penalty += away * away / n;
    scale[i] = T(-1.0 / n);
    scale[n + i] = T(1.0 / n);
    scale[2 * n + i] = T(2 * penalty_weight / n) * away;
    of_slopes[i] = scale[2 * n + i] / norms[i];
  }
  Factors<T> f{n, c.mlp.width, c.real, c.fake, c.slopes.get()};
  f.left.assign(c.left.begin(), c.left.end());
  f.right.assign(c.sums.begin(), c.sums.end());
  Room<T> made(real, c.mlp.width);
  make_gradients(f, scale.data(), of_slopes.data(), made.of_weights, made.of_biases);
  Tensor losses = torch::stable::new_empty(real, {3});
  T* const to = data<T>(losses);
  to[0] = T(penalty_weight) * penalty - distance;
  to[1] = distance;
  to[2] = penalty;
  return {losses, made.weights, made.biases};
}

Loss critic_loss(Tensor real, Tensor fake, Tensor mixing, std::vector<Tensor> weights, std::vector<Tensor> biases,
                 double penalty_weight, std::optional<Tensor> real_active, std::optional<Tensor> fake_active, int64_t tail) {
  const auto run = real.scalar_type() == ScalarType::Double ? run_loss<double> : run_loss<float>;
  return run(real, fake, mixing, weights, biases, penalty_weight, real_active, fake_active, tail);
}

// slopes (n, F) = left W of the first layer in the columns that a row uses, zero in blocks that it does not.
template <class T>
void to_inputs(const Mlp<T>& m, const Blocks& blocks, const Rows<T>& rows, const T* left, T* slopes) {
  const int64_t out = m.width[1], inputs = rows.inputs;
  Tasks tasks;
  for (int64_t block = 0; block < blocks.count; block++) {
    tasks.add([&, block] {
      const int64_t begin = blocks.begin(block), size = blocks.size(block);
      Buffer<T> some(rows.n * out), made(rows.n * size);
      T* to = some.get();
      for (int64_t i = 0; i < rows.n; i++) {
        if (rows.uses(i, begin, begin + size)) to = std::copy_n(left + i * out, out, to);
      }
      const int64_t count = (to - some.get()) / out;
      if (count > 0) {
        WeightBlock<T> weight(m, blocks);
        weight.read(m, blocks, block);
        multiply<T>({count, size, out, some.get(), out, 1, weight.straight.get(), size, made.get(), size, nullptr, false});
      }
      const T* from = made.get();
      for (int64_t i = 0; i < rows.n; i++) {
        T* const row = slopes + i * inputs + begin;
        if (rows.uses(i, begin, begin + size)) {
          std::copy_n(from, size, row);
          from += size;
        } else {
          std::fill_n(row, size, T{0});
        }
      }
    });
  }
  tasks.run();
}

template <class T>
std::tuple<Tensor, Tensor> run_slope(const Tensor& rows, const std::vector<Tensor>& weights,
                                     const std::vector<Tensor>& biases, const std::optional<Tensor>& active, int64_t tail) {
  const Rows<T> r = read_rows<T>(rows, active, tail, "rows");
  Mlp<T> m = read_mlp<T>(weights, biases, r.inputs);
  const Blocks blocks(r.inputs);
  const Matrices<T> sums(m, r.n), left(m, r.n);
  const std::vector<Buffer<T>> parts = first_layer(m, blocks, {r});
  share_rows(r.n, [&](int64_t begin, int64_t end) {
    add_parts(m, parts, begin, end, sums.of[0]);
    forward_and_down(m, sums.of, left.of, begin, end);
  });
  Tensor scores = torch::stable::new_empty(rows, {r.n}), slopes = torch::stable::new_empty(rows, {r.n, r.inputs});
  std::copy_n(sums.of[m.layers - 1], r.n, data<T>(scores));
  to_inputs(m, blocks, r, left.of[0], data<T>(slopes));
  return {scores, slopes};
}

std::tuple<Tensor, Tensor> critic_slope(Tensor rows, std::vector<Tensor> weights, std::vector<Tensor> biases,
                                        std::optional<Tensor> active, int64_t tail) {
  const auto run = rows.scalar_type() == ScalarType::Double ? run_slope<double> : run_slope<float>;
  return run(rows, weights, biases, active, tail);
}

}  // namespace
}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CPU, m) {
  m.impl("critic", TORCH_BOX(&dgsynth::critic));
  m.impl("critic_backward", TORCH_BOX(&dgsynth::critic_backward));
  m.impl("critic_loss", TORCH_BOX(&dgsynth::critic_loss));
  m.impl("critic_slope", TORCH_BOX(&dgsynth::critic_slope));
}
