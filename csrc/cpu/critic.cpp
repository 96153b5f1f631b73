// The ops dgsynth::critic, critic_backward, critic_loss, critic_step_ and critic_slope on the CPU: a ReLU MLP's scores,
// gradients and the gradient of its gradient's norm, in closed form. dgsynth/kernels/critic.py has the equations.
//
// The first layer, which may be a hundred times as wide as the others, is worked through in blocks of columns: a block of
// its weights is copied, once on the way up and once for the gradients, for all products that read it. Threads share
// groups of blocks, whose sums are added up in their order; the other layers they share by rows. So the result does not
// depend on the threads. Of a row's padding neither weights are read nor gradients made.

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <optional>
#include <tuple>
#include <vector>

#include "../checks.h"
#include "adam.h"
#include "critic_gradients.h"
#include "critic_layers.h"

namespace dgsynth {
namespace {

constexpr int64_t kKinds = 3;  // of each sample a real, a fake and an interpolated row, one after another

template <class T>
T* data(const Tensor& tensor) {
  return static_cast<T*>(tensor.data_ptr());
}

// What the ops are given of n samples.
struct Arguments {
  const Tensor &real, &fake, &mixing;
  const std::vector<Tensor>&weights, &biases;
  const std::optional<Tensor>&real_active, &fake_active;
  int64_t tail;
};

// Everything that scores, norms and their gradients are made of.
template <class T>
struct Critic {
  Mlp<T> mlp;
  Blocks blocks;
  Rows<T> real, fake;
  const T* mixing;
  int64_t n;
  Matrices<T> sums, left;  // of each layer; sums of hidden layers become the next layer's factors: its inputs, and t
  std::vector<T> norms;

  explicit Critic(const Arguments& a)
      : mlp(read_mlp<T>(a.weights, a.biases, a.real.dim() == 2 ? a.real.size(1) : 0)),
        blocks(mlp.width[0]),
        real(read_rows<T>(a.real, a.real_active, a.tail, "real")),
        fake(read_rows<T>(a.fake, a.fake_active, a.tail, "fake")),
        n(real.n),
        sums(mlp, kKinds * n),
        left(mlp, kKinds * n),
        norms(n) {
    STD_TORCH_CHECK(fake.n == n && fake.inputs == real.inputs, "real and fake must be of one shape");
    mixing = numbers<T>(a.mixing, {n, 1}, "mixing");
  }

  const T* interpolated() const { return left.of(0) + 2 * mlp.width[1]; }
};

// Calls finish(begin, end) for samples whose rows have gone all the way.
template <class T, class Finish>
void run_layers(Critic<T>& c, const Finish& finish) {
  Mlp<T>& m = c.mlp;
  const int64_t out = m.width[1];
  const FirstLayer<T> first = run_first_layer(m, c.blocks, {c.real, c.fake}, true);
  const Buffer<T> gram(out * out);
  add_symmetric(first.grams, out, gram.get());
  share_rows(c.n, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      T *const real = c.sums.of(0) + kKinds * i * out, *const fake = real + out, *const between = fake + out;
      add_groups(m, first, i, real);
      add_groups(m, first, c.n + i, fake);
      // The sums at an interpolated row are those of its ends, interpolated: one product less.
      for (int64_t j = 0; j < out; j++) between[j] = fake[j] + c.mixing[i] * (real[j] - fake[j]);
    }
    forward_and_down(m, c.sums, c.left, kKinds * begin, kKinds * end);
    up(m, gram.get(), c.sums, c.left, kKinds * begin + 2, kKinds, end - begin, c.norms.data() + begin);
    finish(begin, end);
  });
}

using MadeFactors = std::tuple<Tensor, Tensor, Tensor, std::vector<Tensor>, std::vector<Tensor>>;

// Rows by kind, as the factors are given out.
template <class T>
Tensor sort_by_kind(const T* rows, int64_t n, int64_t width) {
  Tensor sorted = make_tensor<T>({kKinds * n, width});
  for (int64_t kind = 0; kind < kKinds; kind++) {
    for (int64_t i = 0; i < n; i++) {
      std::copy_n(rows + (kKinds * i + kind) * width, width, data<T>(sorted) + (kind * n + i) * width);
    }
  }
  return sorted;
}

// slopes (n, F) = left W of the first layer in the columns that a row uses; the others are undefined.
template <class T>
void to_inputs(const Mlp<T>& m, const Blocks& blocks, const Rows<T>& rows, const T* left, int64_t left_row, T* slopes) {
  const int64_t out = m.width[1], inputs = rows.inputs;
  Tasks tasks;
  for (int64_t block = 0; block < blocks.count; block++) {
    tasks.add([&, block] {
      const int64_t begin = blocks.begin(block), size = blocks.size(block);
      const Buffer<T> some(rows.n * out), made(rows.n * size);
      T* to = some.get();
      for (int64_t i = 0; i < rows.n; i++) {
        if (rows.uses(i, begin, begin + size)) to = std::copy_n(left + i * left_row, out, to);
      }
      const int64_t count = (to - some.get()) / out;
      if (count > 0) {
        const Buffer<T> weight(out * size);
        copy_block<T>(m.weights[0], out, blocks, block, weight.get());
        multiply<T>({count, size, out, some.get(), out, 1, weight.get(), size, made.get(), size, nullptr, false});
      }
      const T* from = made.get();
      for (int64_t i = 0; i < rows.n; i++) {
        if (!rows.uses(i, begin, begin + size)) continue;
        std::copy_n(from, size, slopes + i * inputs + begin);
        from += size;
      }
    });
  }
  tasks.run();
}

template <class T>
MadeFactors run_critic(const Arguments& arguments) {
  Critic<T> c(arguments);
  const int64_t n = c.n, inputs = c.real.inputs, last = c.mlp.layers - 1, out = c.mlp.width[1];
  run_layers(c, [](int64_t, int64_t) {});
  Tensor direction = make_tensor<T>({n, inputs}), norms = make_tensor<T>({n}), scores = make_tensor<T>({2 * n});
  to_inputs(c.mlp, c.blocks, Rows<T>{nullptr, n, inputs, nullptr, 1, 0}, c.interpolated(), kKinds * out, data<T>(direction));
  for (int64_t i = 0; i < n; i++) {
    T* const row = data<T>(direction) + i * inputs;
    for (int64_t j = 0; j < inputs; j++) row[j] /= c.norms[i];
    data<T>(norms)[i] = c.norms[i];
    for (int64_t kind = 0; kind < 2; kind++) data<T>(scores)[kind * n + i] = c.sums.of(last)[kKinds * i + kind];
  }
  std::vector<Tensor> left, right;
  for (int64_t l = 0; l <= last; l++) {
    left.push_back(sort_by_kind(c.left.of(l), n, c.mlp.width[l + 1]));
    if (l < last) right.push_back(sort_by_kind(c.sums.of(l), n, c.mlp.width[l + 1]));
  }
  return {scores, norms, direction, left, right};
}

MadeFactors critic(Tensor real, Tensor fake, Tensor mixing, std::vector<Tensor> weights, std::vector<Tensor> biases,
                   std::optional<Tensor> real_active, std::optional<Tensor> fake_active, int64_t tail) {
  const auto run = real.scalar_type() == ScalarType::Double ? run_critic<double> : run_critic<float>;
  return run({real, fake, mixing, weights, biases, real_active, fake_active, tail});
}

using Gradients = std::tuple<std::vector<Tensor>, std::vector<Tensor>>;

// Stores gradients in tensors.
template <class T>
struct Store {
  std::vector<Tensor> weights, biases;

  explicit Store(const std::vector<int64_t>& width) {
    for (size_t l = 1; l < width.size(); l++) {
      weights.push_back(make_tensor<T>({width[l], width[l - 1]}));
      biases.push_back(make_tensor<T>({width[l]}));
    }
  }
  void take(const Piece<T>& p) const {
    const int64_t inputs = weights[p.layer].size(1);
    T* const to = data<T>(weights[p.layer]) + p.row * inputs + p.column;
    for (int64_t k = 0; k < p.rows; k++) std::copy_n(p.gradient + k * p.size, p.size, to + k * inputs);
  }
  void take_bias(int64_t layer, int64_t count, const T* gradient) const {
    std::copy_n(gradient, count, data<T>(biases[layer]));
  }
};

template <class T>
Gradients run_backward(const Tensor& real, const Tensor& fake, const Tensor& direction, const std::vector<Tensor>& left,
                       const std::vector<Tensor>& right, const Tensor& scale, const std::optional<Tensor>& real_active,
                       const std::optional<Tensor>& fake_active, int64_t tail) {
  Factors<T> f{real.size(0), {real.size(1)}, read_rows<T>(real, real_active, tail, "real"),
               read_rows<T>(fake, fake_active, tail, "fake"), 1, real.size(0)};
  const int64_t n = f.n, inputs = f.width[0];
  STD_TORCH_CHECK(!left.empty() && right.size() + 1 == left.size(), "right must have a layer less than left");
  STD_TORCH_CHECK(f.fake.n == n && f.fake.inputs == inputs, "real and fake must be of one shape");
  const T* const scales = numbers<T>(scale, {kKinds * n}, "scale");
  std::vector<Buffer<T>> scaled;
  for (size_t l = 0; l < left.size(); l++) {
    STD_TORCH_CHECK(left[l].dim() == 2, "left must be of shape (3 B, out)");
    const int64_t width = left[l].size(1);
    f.width.push_back(width);
    const T* const from = numbers<T>(left[l], {kKinds * n, width}, "left");
    scaled.emplace_back(kKinds * n * width);
    for (int64_t i = 0; i < kKinds * n; i++) {
      for (int64_t j = i * width; j < (i + 1) * width; j++) scaled[l].get()[j] = scales[i] * from[j];
    }
    f.left.push_back(scaled[l].get());
    if (l + 1 < left.size()) f.right.push_back(numbers<T>(right[l], {kKinds * n, width}, "right"));
  }
  f.penalty_left = f.left[0] + 2 * n * f.width[1];
  f.penalty_right = numbers<T>(direction, {n, inputs}, "direction");
  f.depth = n;
  const Store<T> made(f.width);
  make_gradients(f, made);
  return {made.weights, made.biases};
}

Gradients critic_backward(Tensor real, Tensor fake, Tensor direction, std::vector<Tensor> left, std::vector<Tensor> right,
                          Tensor scale, std::optional<Tensor> real_active, std::optional<Tensor> fake_active,
                          int64_t tail) {
  STD_TORCH_CHECK(real.dim() == 2, "real must be of shape (B, F)");
  const auto run = real.scalar_type() == ScalarType::Double ? run_backward<double> : run_backward<float>;
  return run(real, fake, direction, left, right, scale, real_active, fake_active, tail);
}

// Makes the loss and gives its gradients to a taker.
template <class T, class Taker>
Tensor run_loss(const Arguments& arguments, T penalty_weight, const Taker& taker) {
  Critic<T> c(arguments);
  const Mlp<T>& m = c.mlp;
  const int64_t n = c.n, out = m.width[1], last = m.layers - 1;
  const Buffer<T> shared(n * out), penalty_weights(out * out);
  run_layers(c, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const T share = T{1} / n, scale[kKinds] = {-share, share, 2 * penalty_weight * share * (c.norms[i] - T{1})};
      T* const slopes = c.left.of(0) + (kKinds * i + 2) * out;
      for (int64_t j = 0; j < out; j++) shared.get()[i * out + j] = scale[2] / c.norms[i] * slopes[j];
      for (int64_t l = 0; l <= last; l++) {
        const int64_t width = m.width[l + 1];
        for (int64_t kind = 0; kind < (l == 0 ? 2 : kKinds); kind++) {
          T* const row = c.left.of(l) + (kKinds * i + kind) * width;
          for (int64_t j = 0; j < width; j++) row[j] *= scale[kind];
        }
      }
    }
  });
  T distance = 0, penalty = 0;
  for (int64_t i = 0; i < n; i++) {
    distance += (c.sums.of(last)[kKinds * i] - c.sums.of(last)[kKinds * i + 1]) / n;
    penalty += (c.norms[i] - T{1}) * (c.norms[i] - T{1}) / n;
  }
  // What the penalty adds to the first layer's gradient, a sum over rows of left^T (left W), is (left^T left) W.
  share_rows(out, [&](int64_t begin, int64_t end) {
    multiply<T>({end - begin, out, n, shared.get() + begin, 1, out, c.interpolated(), kKinds * out,
                 penalty_weights.get() + begin * out, out, nullptr, false});
  });
  Factors<T> f{n, m.width, c.real, c.fake, kKinds, 1};
  for (int64_t l = 0; l <= last; l++) {
    f.left.push_back(c.left.of(l));
    f.right.push_back(c.sums.of(l));
  }
  f.penalty_left = penalty_weights.get();
  f.penalty_right = m.weights[0];
  f.depth = out;
  make_gradients(f, taker);
  Tensor losses = make_tensor<T>({3});
  data<T>(losses)[0] = penalty_weight * penalty - distance;
  data<T>(losses)[1] = distance;
  data<T>(losses)[2] = penalty;
  return losses;
}

using Loss = std::tuple<Tensor, std::vector<Tensor>, std::vector<Tensor>>;

template <class T>
Loss run_stored_loss(const Arguments& arguments, double penalty_weight) {
  std::vector<int64_t> width = {arguments.real.dim() == 2 ? arguments.real.size(1) : 0};
  for (const Tensor& bias : arguments.biases) width.push_back(bias.numel());
  const Store<T> made(width);
  const Tensor losses = run_loss<T>(arguments, penalty_weight, made);
  return {losses, made.weights, made.biases};
}

Loss critic_loss(Tensor real, Tensor fake, Tensor mixing, std::vector<Tensor> weights, std::vector<Tensor> biases,
                 double penalty_weight, std::optional<Tensor> real_active, std::optional<Tensor> fake_active, int64_t tail) {
  const auto run = real.scalar_type() == ScalarType::Double ? run_stored_loss<double> : run_stored_loss<float>;
  return run({real, fake, mixing, weights, biases, real_active, fake_active, tail}, penalty_weight);
}

// Takes a step of Adam with every piece of the gradients, while it is in the cache.
template <class T>
struct Step {
  std::vector<int64_t> inputs;
  std::vector<T*> weights, biases;  // of each layer; so are the moments, weights and biases in turn
  std::vector<T*> first, second;
  Rates<T> rates;

  void take(const Piece<T>& p) const {
    const int64_t across = inputs[p.layer];
    const bool whole = p.size == across;
    for (int64_t k = 0; k < (whole ? 1 : p.rows); k++) {
      const int64_t at = (p.row + k) * across + p.column, count = whole ? p.rows * p.size : p.size;
      adam_step({count, weights[p.layer] + at, first[2 * p.layer] + at, second[2 * p.layer] + at, p.gradient + k * p.size},
                rates);
    }
  }
  void take_bias(int64_t layer, int64_t count, const T* gradient) const {
    adam_step({count, biases[layer], first[2 * layer + 1], second[2 * layer + 1], gradient}, rates);
  }
};

template <class T>
Tensor run_step(const Arguments& arguments, const std::vector<Tensor>& first, const std::vector<Tensor>& second,
                int64_t step, double penalty_weight, double learning_rate, double beta_1, double beta_2) {
  const std::vector<Tensor>&weights = arguments.weights, &biases = arguments.biases;
  STD_TORCH_CHECK(first.size() == 2 * weights.size() && second.size() == first.size(),
                  "every weight and every bias needs two moments");
  const Mlp<T> m = read_mlp<T>(weights, biases, arguments.real.dim() == 2 ? arguments.real.size(1) : 0);
  Step<T> taker{m.width, m.weights, m.biases, {}, {}, Rates<T>(learning_rate, beta_1, beta_2, step)};
  const auto own = [](const Tensor& moment, const Tensor& like, const std::string& name) {
    std::vector<int64_t> shape;
    for (int64_t d = 0; d < like.dim(); d++) shape.push_back(like.size(d));
    return const_cast<T*>(numbers<T>(moment, shape, name));
  };
  for (size_t i = 0; i < first.size(); i++) {
    const Tensor& like = i % 2 == 0 ? weights[i / 2] : biases[i / 2];
    taker.first.push_back(own(first[i], like, "first[" + std::to_string(i) + "]"));
    taker.second.push_back(own(second[i], like, "second[" + std::to_string(i) + "]"));
  }
  return run_loss<T>(arguments, penalty_weight, taker);
}

Tensor critic_step_(Tensor real, Tensor fake, Tensor mixing, std::vector<Tensor> weights, std::vector<Tensor> biases,
                    std::vector<Tensor> first, std::vector<Tensor> second, Tensor step, double penalty_weight,
                    double learning_rate, double beta_1, double beta_2, std::optional<Tensor> real_active,
                    std::optional<Tensor> fake_active, int64_t tail) {
  check_shape(step, {}, ScalarType::Long, "step");
  const int64_t number = ++*data<int64_t>(step);
  const auto run = real.scalar_type() == ScalarType::Double ? run_step<double> : run_step<float>;
  return run({real, fake, mixing, weights, biases, real_active, fake_active, tail}, first, second, number, penalty_weight,
             learning_rate, beta_1, beta_2);
}

template <class T>
std::tuple<Tensor, Tensor> run_slope(const Tensor& rows, const std::vector<Tensor>& weights,
                                     const std::vector<Tensor>& biases, const std::optional<Tensor>& active, int64_t tail) {
  const Rows<T> r = read_rows<T>(rows, active, tail, "rows");
  Mlp<T> m = read_mlp<T>(weights, biases, r.inputs);
  const Blocks blocks(r.inputs);
  const int64_t out = m.width[1];
  const Matrices<T> sums(m, r.n), left(m, r.n);
  const FirstLayer<T> first = run_first_layer(m, blocks, {r}, false);
  share_rows(r.n, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) add_groups(m, first, i, sums.of(0) + i * out);
    forward_and_down(m, sums, left, begin, end);
  });
  Tensor scores = make_tensor<T>({r.n}), slopes = make_tensor<T>({r.n, r.inputs});
  std::copy_n(sums.of(m.layers - 1), r.n, data<T>(scores));
  to_inputs(m, blocks, r, left.of(0), out, data<T>(slopes));
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
  m.impl("critic_step_", TORCH_BOX(&dgsynth::critic_step_));
  m.impl("critic_slope", TORCH_BOX(&dgsynth::critic_slope));
}
