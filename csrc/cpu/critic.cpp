// The ops dgsynth::critic, critic_backward and critic_slope on the CPU: a ReLU MLP's scores, gradients and the gradient
// of its gradient's norm, in closed form. dgsynth/kernels/critic.py has the equations.
//
// A thread takes its samples through all layers, forward, down and up, without waiting for others; then weights' gradients
// are made in tasks that threads take in turn. Padding is skipped: where a block of a row's columns is all zero, the first
// layer neither reads its weights nor adds to their gradient.

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <cmath>
#include <memory>
#include <tuple>
#include <vector>

#include "../checks.h"
#include "multiply.h"
#include "tasks.h"

namespace dgsynth {
namespace {

constexpr double kNormEpsilon = 1e-8;
constexpr int64_t kColumns = 512;  // of the first layer, looked at together for zeros

template <class T>
struct Mlp {
  int64_t layers;
  std::vector<int64_t> width;  // inputs, hidden layers, 1
  std::vector<const T*> weights, biases;
  std::vector<std::unique_ptr<T[]>> transposed;  // (in, out)
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
  }
  STD_TORCH_CHECK(m.width.back() == 1, "the last layer must have one output");
  for (size_t l = 0; l + 1 < weights.size(); l++) {
    const int64_t in = m.width[l], out = m.width[l + 1];
    m.transposed.push_back(std::make_unique_for_overwrite<T[]>(in * out));
    share_rows(in, [&](int64_t begin, int64_t end) {
      transpose(m.weights[l], in, out, begin, end, m.transposed[l].get(), out);
    });
  }
  return m;
}

// Rows that hold a number other than zero in columns `begin` to `end - 1`.
template <class T>
void find_active(const T* rows, int64_t n, int64_t row, int64_t begin, int64_t end, std::vector<int64_t>& active) {
  active.clear();
  for (int64_t i = 0; i < n; i++) {
    const T* const x = rows + i * row;
    bool any = false;
    for (int64_t j = begin; j < end && !any; j += 16) {
      for (int64_t k = j; k < std::min(j + 16, end); k++) any = any || x[k] != T{0};
    }
    if (any) active.push_back(i);
  }
}

// Columns `begin` to `end - 1` of those rows, one row after another.
template <class T>
std::vector<T> gather(const T* rows, const std::vector<int64_t>& active, int64_t row, int64_t begin, int64_t end) {
  std::vector<T> some(active.size() * (end - begin));
  T* to = some.data();
  for (const int64_t i : active) to = std::copy(rows + i * row + begin, rows + i * row + end, to);
  return some;
}

// z (n, out) = bias + x W^T, of a row's columns only the blocks that are not all zero.
template <class T>
void first_layer(const Mlp<T>& m, const T* x, int64_t n, T* z) {
  const int64_t inputs = m.width[0], outputs = m.width[1];
  for (int64_t i = 0; i < n; i++) std::copy_n(m.biases[0], outputs, z + i * outputs);
  std::vector<int64_t> active;
  for (int64_t begin = 0; begin < inputs; begin += kColumns) {
    const int64_t end = std::min(begin + kColumns, inputs), count = end - begin;
    const T* const weights = m.transposed[0].get() + begin * outputs;
    find_active(x, n, inputs, begin, end, active);
    const int64_t rows = active.size();
    if (rows == n) {
      multiply<T>({n, outputs, count, x + begin, inputs, 1, weights, outputs, z, outputs, nullptr, true});
      continue;
    }
    const std::vector<T> some = gather(x, active, inputs, begin, end);
    std::vector<T> sums = gather(z, active, outputs, int64_t{0}, outputs);
    multiply<T>({rows, outputs, count, some.data(), count, 1, weights, outputs, sums.data(), outputs, nullptr, true});
    for (int64_t r = 0; r < rows; r++) std::copy_n(sums.data() + r * outputs, outputs, z + active[r] * outputs);
  }
}

template <class T>
void relu(T* x, int64_t count) {
  for (int64_t i = 0; i < count; i++) x[i] = x[i] > T{0} ? x[i] : T{0};
}

// x = where(like > 0, x, 0)
template <class T>
void mask(T* x, const T* like, int64_t count) {
  for (int64_t i = 0; i < count; i++) x[i] = like[i] > T{0} ? x[i] : T{0};
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

// The hidden layers of n rows; the first is in activations[0] before its ReLU.
template <class T>
void forward(const Mlp<T>& m, int64_t n, const std::vector<T*>& activations) {
  for (int64_t l = 1; l < m.layers; l++) {
    const int64_t in = m.width[l], out = m.width[l + 1];
    relu(activations[l - 1], n * in);
    if (l + 1 == m.layers) break;
    multiply<T>({n, out, in, activations[l - 1], in, 1, m.transposed[l].get(), out, activations[l], out, m.biases[l],
                 false});
  }
}

// Scores of n rows, from their last hidden layer, or from themselves where there is none.
template <class T>
void score(const Mlp<T>& m, int64_t n, const T* x, const std::vector<T*>& activations, T* scores) {
  const int64_t last = m.layers - 1, in = m.width[last];
  const T* const inputs = last > 0 ? activations[last - 1] : x;
  for (int64_t i = 0; i < n; i++) scores[i] = m.biases[last][0] + dot(inputs + i * in, m.weights[last], in);
}

// d score / d pre-activation of every layer, from the masks that `activations` are; left[layers - 1] is ones.
template <class T>
void down(const Mlp<T>& m, int64_t n, const std::vector<T*>& activations, const std::vector<T*>& left) {
  std::fill_n(left[m.layers - 1], n, T{1});
  for (int64_t l = m.layers - 2; l >= 0; l--) {
    const int64_t width = m.width[l + 1], above = m.width[l + 2];
    multiply<T>({n, width, above, left[l + 1], above, 1, m.weights[l + 1], width, left[l], width, nullptr, false});
    mask(left[l], activations[l], n * width);
  }
}

// slopes (n, in) = left W of the first layer: in blocks of columns, since rows of W may be far apart in memory.
template <class T>
void to_inputs(const Mlp<T>& m, const T* left, int64_t n, T* slopes) {
  const int64_t inputs = m.width[0], out = m.width[1];
  std::vector<T> some(out * std::min(kColumns, inputs));
  for (int64_t begin = 0; begin < inputs; begin += kColumns) {
    const int64_t count = std::min(kColumns, inputs - begin);
    for (int64_t k = 0; k < out; k++) std::copy_n(m.weights[0] + k * inputs + begin, count, some.data() + k * count);
    multiply<T>({n, count, out, left, out, 1, some.data(), count, slopes + begin, inputs, nullptr, false});
  }
}

template <class T>
struct Critic {
  Mlp<T> mlp;
  int64_t n;
  const T *real, *fake, *mixing;
  T *scores, *norms, *direction;
  std::vector<T*> left, right;  // right[l] is what layer l + 1 reads
};

// Pointers to row `row` of each matrix.
template <class T>
std::vector<T*> at_row(const std::vector<T*>& matrices, const int64_t* width, int64_t row) {
  std::vector<T*> places;
  for (size_t l = 0; l < matrices.size(); l++) places.push_back(matrices[l] + row * width[l]);
  return places;
}

// Everything of samples `begin` to `end - 1`.
template <class T>
void run_samples(const Critic<T>& c, int64_t begin, int64_t end) {
  const Mlp<T>& m = c.mlp;
  const int64_t n = end - begin, inputs = m.width[0];
  const int64_t* const widths = m.width.data() + 1;
  const auto right = [&](int64_t kind) { return at_row(c.right, widths, kind * c.n + begin); };
  const auto left = [&](int64_t kind) { return at_row(c.left, widths, kind * c.n + begin); };
  const T* const x[2] = {c.real + begin * inputs, c.fake + begin * inputs};
  if (m.layers > 1) {
    T* const z[3] = {right(0)[0], right(1)[0], right(2)[0]};
    for (int kind = 0; kind < 2; kind++) first_layer(m, x[kind], n, z[kind]);
    for (int64_t i = 0; i < n; i++) {
      const T share = c.mixing[begin + i];
      for (int64_t j = i * widths[0]; j < (i + 1) * widths[0]; j++) z[2][j] = z[1][j] + share * (z[0][j] - z[1][j]);
    }
  }
  for (int kind = 0; kind < 3; kind++) {
    forward(m, n, right(kind));
    if (kind < 2) score(m, n, x[kind], right(kind), c.scores + kind * c.n + begin);
    down(m, n, right(kind), left(kind));
  }
  T* const direction = c.direction + begin * inputs;
  to_inputs(m, left(2)[0], n, direction);
  for (int64_t i = 0; i < n; i++) {
    T* const g = direction + i * inputs;
    const T norm = std::sqrt(dot(g, g, inputs) + T(kNormEpsilon));
    c.norms[begin + i] = norm;
    for (int64_t j = 0; j < inputs; j++) g[j] /= norm;
  }
  std::vector<T> up;
  for (int64_t l = 0; l + 1 < m.layers; l++) {
    const int64_t in = m.width[l], out = m.width[l + 1];
    up.resize(n * out);
    const T* const below = l == 0 ? direction : right(2)[l - 1];
    multiply<T>({n, out, in, below, in, 1, m.transposed[l].get(), out, up.data(), out, nullptr, false});
    mask(up.data(), right(2)[l], n * out);
    std::copy_n(up.data(), n * out, right(2)[l]);
  }
}

using Factors = std::tuple<Tensor, Tensor, Tensor, std::vector<Tensor>, std::vector<Tensor>>;

template <class T>
Factors run_critic(const Tensor& real, const Tensor& fake, const Tensor& mixing, const std::vector<Tensor>& weights,
                   const std::vector<Tensor>& biases) {
  const int64_t n = real.size(0), inputs = real.size(1);
  Critic<T> c{read_mlp<T>(weights, biases, inputs), n};
  c.real = numbers<T>(real, {n, inputs}, "real");
  c.fake = numbers<T>(fake, {n, inputs}, "fake");
  c.mixing = numbers<T>(mixing, {n, 1}, "mixing");
  std::vector<Tensor> left, right;
  for (int64_t l = 0; l < c.mlp.layers; l++) {
    left.push_back(torch::stable::new_empty(real, {3 * n, c.mlp.width[l + 1]}));
    c.left.push_back(static_cast<T*>(left[l].data_ptr()));
    if (l + 1 == c.mlp.layers) continue;
    right.push_back(torch::stable::new_empty(real, {3 * n, c.mlp.width[l + 1]}));
    c.right.push_back(static_cast<T*>(right[l].data_ptr()));
  }
  Tensor scores = torch::stable::new_empty(real, {2 * n}), norms = torch::stable::new_empty(real, {n});
  Tensor direction = torch::stable::new_empty(real, {n, inputs});
  c.scores = static_cast<T*>(scores.data_ptr());
  c.norms = static_cast<T*>(norms.data_ptr());
  c.direction = static_cast<T*>(direction.data_ptr());
  share_rows(n, [&](int64_t begin, int64_t end) { run_samples(c, begin, end); });
  return {scores, norms, direction, left, right};
}

Factors critic(Tensor real, Tensor fake, Tensor mixing, std::vector<Tensor> weights, std::vector<Tensor> biases) {
  STD_TORCH_CHECK(real.dim() == 2, "real must be of shape (B, F)");
  if (real.scalar_type() == ScalarType::Double) return run_critic<double>(real, fake, mixing, weights, biases);
  return run_critic<float>(real, fake, mixing, weights, biases);
}

// gradient (out, columns) += left^T x for the rows whose columns are not all zero.
template <class T>
void add_active(const T* left, int64_t out, const T* x, int64_t n, int64_t inputs, int64_t begin, int64_t end,
                T* gradient) {
  std::vector<int64_t> active;
  find_active(x, n, inputs, begin, end, active);
  const int64_t rows = active.size(), count = end - begin;
  if (rows == n) {
    multiply<T>({out, count, n, left, 1, out, x + begin, inputs, gradient + begin, inputs, nullptr, true});
    return;
  }
  const std::vector<T> some = gather(x, active, inputs, begin, end);
  const std::vector<T> factors = gather(left, active, out, int64_t{0}, out);
  multiply<T>({out, count, rows, factors.data(), 1, out, some.data(), count, gradient + begin, inputs, nullptr, true});
}

using Gradients = std::tuple<std::vector<Tensor>, std::vector<Tensor>>;

template <class T>
Gradients run_backward(const Tensor& real, const Tensor& fake, const Tensor& direction, const std::vector<Tensor>& left,
                       const std::vector<Tensor>& right, const Tensor& scale) {
  const int64_t n = real.size(0), inputs = real.size(1), layers = left.size();
  const T* const x[3] = {numbers<T>(real, {n, inputs}, "real"), numbers<T>(fake, {n, inputs}, "fake"),
                         numbers<T>(direction, {n, inputs}, "direction")};
  const T* const scales = numbers<T>(scale, {3 * n}, "scale");
  STD_TORCH_CHECK(layers > 0 && static_cast<int64_t>(right.size()) == layers - 1, "right must have a layer less than left");
  std::vector<Tensor> weights, biases;
  std::vector<std::unique_ptr<T[]>> scaled(layers);
  for (int64_t l = 0; l < layers; l++) {
    const int64_t out = left[l].size(1), in = l == 0 ? inputs : right[l - 1].size(1);
    weights.push_back(torch::stable::new_empty(real, {out, in}));
    biases.push_back(torch::stable::new_empty(real, {out}));
    const T* const rows = numbers<T>(left[l], {3 * n, out}, "left");
    scaled[l] = std::make_unique_for_overwrite<T[]>(3 * n * out);
    share_rows(3 * n, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        for (int64_t j = 0; j < out; j++) scaled[l][i * out + j] = scales[i] * rows[i * out + j];
      }
    });
  }
  Tasks tasks;
  for (int64_t begin = 0; begin < inputs; begin += kColumns / 4) {
    tasks.add([&, begin] {
      const int64_t end = std::min(begin + kColumns / 4, inputs), out = left[0].size(1);
      T* const gradient = static_cast<T*>(weights[0].data_ptr());
      multiply<T>({out, end - begin, n, scaled[0].get() + 2 * n * out, 1, out, x[2] + begin, inputs, gradient + begin,
                   inputs, nullptr, false});
      for (int kind = 0; kind < 2; kind++) {
        add_active(scaled[0].get() + kind * n * out, out, x[kind], n, inputs, begin, end, gradient);
      }
    });
  }
  for (int64_t l = 0; l < layers; l++) {
    tasks.add([&, l] {
      const int64_t out = left[l].size(1);
      T* const bias = static_cast<T*>(biases[l].data_ptr());
      std::fill_n(bias, out, T{0});
      for (int64_t i = 0; i < 2 * n; i++) {
        for (int64_t j = 0; j < out; j++) bias[j] += scaled[l][i * out + j];
      }
    });
  }
  for (int64_t l = 1; l < layers; l++) {
    const int64_t out = left[l].size(1), in = right[l - 1].size(1);
    const T* const rows = numbers<T>(right[l - 1], {3 * n, in}, "right");
    for (int64_t begin = 0; begin < out; begin += 50) {
      tasks.add([&, l, out, in, rows, begin] {
        multiply<T>({std::min<int64_t>(50, out - begin), in, 3 * n, scaled[l].get() + begin, 1, out, rows, in,
                     static_cast<T*>(weights[l].data_ptr()) + begin * in, in, nullptr, false});
      });
    }
  }
  tasks.run();
  return {weights, biases};
}

Gradients critic_backward(Tensor real, Tensor fake, Tensor direction, std::vector<Tensor> left, std::vector<Tensor> right,
                          Tensor scale) {
  STD_TORCH_CHECK(real.dim() == 2, "real must be of shape (B, F)");
  if (real.scalar_type() == ScalarType::Double) return run_backward<double>(real, fake, direction, left, right, scale);
  return run_backward<float>(real, fake, direction, left, right, scale);
}

template <class T>
std::tuple<Tensor, Tensor> run_slope(const Tensor& rows, const std::vector<Tensor>& weights,
                                     const std::vector<Tensor>& biases) {
  const int64_t n = rows.size(0), inputs = rows.size(1);
  const Mlp<T> m = read_mlp<T>(weights, biases, inputs);
  const T* const x = numbers<T>(rows, {n, inputs}, "rows");
  Tensor scores = torch::stable::new_empty(rows, {n}), slopes = torch::stable::new_empty(rows, {n, inputs});
  T* const all_scores = static_cast<T*>(scores.data_ptr());
  T* const all_slopes = static_cast<T*>(slopes.data_ptr());
  share_rows(n, [&](int64_t begin, int64_t end) {
    const int64_t count = end - begin;
    std::vector<std::vector<T>> memory;
    std::vector<T*> activations, left;
    for (int64_t l = 0; l < m.layers; l++) {
      for (std::vector<T*>* places : {&activations, &left}) {
        memory.emplace_back(count * m.width[l + 1]);
        places->push_back(memory.back().data());
      }
    }
    if (m.layers > 1) first_layer(m, x + begin * inputs, count, activations[0]);
    forward(m, count, activations);
    score(m, count, x + begin * inputs, activations, all_scores + begin);
    down(m, count, activations, left);
    to_inputs(m, left[0], count, all_slopes + begin * inputs);
  });
  return {scores, slopes};
}

std::tuple<Tensor, Tensor> critic_slope(Tensor rows, std::vector<Tensor> weights, std::vector<Tensor> biases) {
  STD_TORCH_CHECK(rows.dim() == 2, "rows must be of shape (B, F)");
  if (rows.scalar_type() == ScalarType::Double) return run_slope<double>(rows, weights, biases);
  return run_slope<float>(rows, weights, biases);
}

}  // namespace
}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CPU, m) {
  m.impl("critic", TORCH_BOX(&dgsynth::critic));
  m.impl("critic_backward", TORCH_BOX(&dgsynth::critic_backward));
  m.impl("critic_slope", TORCH_BOX(&dgsynth::critic_slope));
}
