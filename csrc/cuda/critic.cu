// The ops dgsynth::critic, critic_backward, critic_loss and critic_slope on a GPU: checks of the arguments, and the
// tensors that are handed out.
//
// The device code is in critic_kernels.h, what the host does with it in critic_host.h; the tests compile both for the
// host as well. The definition is the reference in dgsynth/kernels/critic.py.

#include <torch/csrc/stable/library.h>

#include <optional>
#include <tuple>

#include "critic_host.h"
#include "torch_device.h"

namespace dgsynth {
namespace {

using Tensors = std::vector<Tensor>;

template <class T>
T* data(const Tensor& tensor) {
  return static_cast<T*>(tensor.data_ptr());
}

template <class T>
CriticLayers<T> read_layers(const TorchDevice& device, const Tensors& weights, const Tensors& biases, int64_t inputs) {
  STD_TORCH_CHECK(!weights.empty() && weights.size() == biases.size(), "every layer needs weights and a bias");
  CriticLayers<T> m;
  m.width = {inputs};
  for (size_t l = 0; l < weights.size(); l++) {
    const std::string number = "[" + std::to_string(l) + "]";
    STD_TORCH_CHECK(weights[l].dim() == 2, "weights", number, " must be of shape (out, in)");
    m.width.push_back(weights[l].size(0));
    m.weights.push_back(device.at<T>(weights[l], {m.width[l + 1], m.width[l]}, "weights" + number));
    m.biases.push_back(device.at<T>(biases[l], {m.width[l + 1]}, "biases" + number));
  }
  STD_TORCH_CHECK(m.width.back() == 1, "the last layer must have one output");
  return m;
}

template <class T>
CriticRows<T> read_rows(const TorchDevice& device, const Tensor& real, const Tensor& fake, const Tensor& mixing) {
  const int64_t n = real.size(0);
  const std::vector<int64_t> shape{n, real.size(1)};
  return {n, device.at<T>(real, shape, "real"), device.at<T>(fake, shape, "fake"),
          device.at<T>(mixing, {n, 1}, "mixing")};
}

// Gradients of layers of such widths.
struct Room {
  Tensors weights, biases;

  Room(const Tensor& like, const std::vector<int64_t>& width) {
    for (size_t l = 1; l < width.size(); l++) {
      weights.push_back(torch::stable::new_empty(like, {width[l], width[l - 1]}));
      biases.push_back(torch::stable::new_empty(like, {width[l]}));
    }
  }

  template <class T>
  CriticGradients<T> places() const {
    CriticGradients<T> made;
    for (const Tensor& weight : weights) made.weights.push_back(data<T>(weight));
    for (const Tensor& bias : biases) made.biases.push_back(data<T>(bias));
    return made;
  }
};

using MadeFactors = std::tuple<Tensor, Tensor, Tensor, Tensors, Tensors>;

template <class T>
MadeFactors make_factors(const Tensor& real, const Tensor& fake, const Tensor& mixing, const Tensors& weights,
                         const Tensors& biases) {
  TorchDevice device(real);
  const CriticRows<T> rows = read_rows<T>(device, real, fake, mixing);
  const CriticLayers<T> m = read_layers<T>(device, weights, biases, real.size(1));
  const int64_t n = rows.n;
  const Tensor scores = torch::stable::new_empty(real, {2 * n}), norms = torch::stable::new_empty(real, {n});
  const Tensor direction = torch::stable::new_empty(real, {n, m.width[0]});
  Tensors left, right;
  CriticTrace<T> trace{3 * n, 2 * n};
  trace.scores = data<T>(scores);
  for (int64_t l = 0; l <= m.last(); l++) {
    left.push_back(torch::stable::new_empty(real, {3 * n, m.width[l + 1]}));
    trace.left.push_back(data<T>(left.back()));
    if (l == m.last()) break;
    right.push_back(torch::stable::new_empty(real, {3 * n, m.width[l + 1]}));
    trace.hidden.push_back(data<T>(right.back()));
  }
  run_critic(device, m, rows, trace, data<T>(norms), data<T>(direction), true);
  return {scores, norms, direction, left, right};
}

MadeFactors critic(Tensor real, Tensor fake, Tensor mixing, Tensors weights, Tensors biases, std::optional<Tensor>,
                   std::optional<Tensor>, int64_t) {
  STD_TORCH_CHECK(real.dim() == 2, "real must be of shape (B, F)");
  const auto run = real.scalar_type() == ScalarType::Double ? make_factors<double> : make_factors<float>;
  return run(real, fake, mixing, weights, biases);
}

using Gradients = std::tuple<Tensors, Tensors>;

template <class T>
Gradients make_backward(const Tensor& real, const Tensor& fake, const Tensor& direction, const Tensors& left,
                        const Tensors& right, const Tensor& scale) {
  TorchDevice device(real);
  const int64_t n = real.size(0), inputs = real.size(1);
  CriticFactors<T> f{n, {inputs}, device.at<T>(real, {n, inputs}, "real"), device.at<T>(fake, {n, inputs}, "fake"),
                     device.at<T>(direction, {n, inputs}, "direction")};
  STD_TORCH_CHECK(!left.empty() && right.size() + 1 == left.size(), "right must have a layer less than left");
  for (size_t l = 0; l < left.size(); l++) {
    STD_TORCH_CHECK(left[l].dim() == 2, "left must be of shape (3B, out)");
    const int64_t out = left[l].size(1);
    f.width.push_back(out);
    f.left.push_back(device.at<T>(left[l], {3 * n, out}, "left"));
    f.scaled.push_back(device.make<T>(3 * n * out));
    if (l + 1 < left.size()) f.right.push_back(device.at<T>(right[l], {3 * n, out}, "right"));
  }
  f.scale = f.first_scale = device.at<T>(scale, {3 * n}, "scale");
  const Room made(real, f.width);
  make_gradients(device, f, made.places<T>());
  return {made.weights, made.biases};
}

Gradients critic_backward(Tensor real, Tensor fake, Tensor direction, Tensors left, Tensors right, Tensor scale,
                          std::optional<Tensor>, std::optional<Tensor>, int64_t) {
  STD_TORCH_CHECK(real.dim() == 2, "real must be of shape (B, F)");
  const auto run = real.scalar_type() == ScalarType::Double ? make_backward<double> : make_backward<float>;
  return run(real, fake, direction, left, right, scale);
}

using Loss = std::tuple<Tensor, Tensors, Tensors>;

template <class T>
Loss make_loss(const Tensor& real, const Tensor& fake, const Tensor& mixing, const Tensors& weights,
               const Tensors& biases, double penalty_weight) {
  TorchDevice device(real);
  const CriticRows<T> rows = read_rows<T>(device, real, fake, mixing);
  const CriticLayers<T> m = read_layers<T>(device, weights, biases, real.size(1));
  const Tensor losses = torch::stable::new_empty(real, {3});
  const Room made(real, m.width);
  run_critic_loss(device, m, rows, penalty_weight, data<T>(losses), made.places<T>());
  return {losses, made.weights, made.biases};
}

Loss critic_loss(Tensor real, Tensor fake, Tensor mixing, Tensors weights, Tensors biases, double penalty_weight,
                 std::optional<Tensor>, std::optional<Tensor>, int64_t) {
  STD_TORCH_CHECK(real.dim() == 2, "real must be of shape (B, F)");
  const auto run = real.scalar_type() == ScalarType::Double ? make_loss<double> : make_loss<float>;
  return run(real, fake, mixing, weights, biases, penalty_weight);
}

template <class T>
std::tuple<Tensor, Tensor> make_slopes(const Tensor& rows, const Tensors& weights, const Tensors& biases) {
  TorchDevice device(rows);
  const int64_t n = rows.size(0), inputs = rows.size(1);
  const CriticLayers<T> m = read_layers<T>(device, weights, biases, inputs);
  const Tensor scores = torch::stable::new_empty(rows, {n}), slopes = torch::stable::new_empty(rows, {n, inputs});
  run_critic_slope(device, m, device.at<T>(rows, {n, inputs}, "rows"), n, data<T>(scores), data<T>(slopes));
  return {scores, slopes};
}

std::tuple<Tensor, Tensor> critic_slope(Tensor rows, Tensors weights, Tensors biases, std::optional<Tensor>, int64_t) {
  STD_TORCH_CHECK(rows.dim() == 2, "rows must be of shape (B, F)");
  const auto run = rows.scalar_type() == ScalarType::Double ? make_slopes<double> : make_slopes<float>;
  return run(rows, weights, biases);
}

}  // namespace
}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CUDA, m) {
  m.impl("critic", TORCH_BOX(&dgsynth::critic));
  m.impl("critic_backward", TORCH_BOX(&dgsynth::critic_backward));
  m.impl("critic_loss", TORCH_BOX(&dgsynth::critic_loss));
  m.impl("critic_slope", TORCH_BOX(&dgsynth::critic_slope));
}
