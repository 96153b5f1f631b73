// The ops of training under emulation, for Python: their arguments as numpy arrays in float32 or float64, then the
// emulated device's blocks and threads at most, and the seed of its schedule. Shapes are the tests' own care.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "training_device.h"

namespace py = pybind11;

namespace {

using namespace dgsynth;
using emulation::TrainingDevice;
using Arrays = std::vector<py::array>;
using Shape = std::vector<py::ssize_t>;

template <class T>
T* at(const py::array& array) {
  if (!array.dtype().is(py::dtype::of<T>()) || !(array.flags() & py::array::c_style)) {
    throw py::value_error("an array has the wrong type");
  }
  return static_cast<T*>(const_cast<void*>(array.data()));
}

template <class T>
std::vector<T*> all_at(const Arrays& arrays) {
  std::vector<T*> places;
  for (const py::array& array : arrays) places.push_back(at<T>(array));
  return places;
}

template <class T>
std::vector<const T*> read(const Arrays& arrays) {
  const std::vector<T*> places = all_at<T>(arrays);
  return {places.begin(), places.end()};
}

// A new array of that shape, full of NaN.
template <class T>
py::array make(const Shape& shape) {
  py::array_t<T> array(shape);
  std::fill_n(array.mutable_data(), array.size(), static_cast<T>(NAN));
  return std::move(array);
}

bool is_double(const py::array& array) { return array.dtype().is(py::dtype::of<double>()); }

template <class T>
CriticLayers<T> layers_of(const Arrays& weights, const Arrays& biases) {
  CriticLayers<T> m{{weights[0].shape(1)}, read<T>(weights), read<T>(biases)};
  for (const py::array& weight : weights) m.width.push_back(weight.shape(0));
  return m;
}

template <class T>
std::pair<Arrays, Arrays> gradients_of(const std::vector<int64_t>& width) {
  std::pair<Arrays, Arrays> made;
  for (size_t l = 1; l < width.size(); l++) {
    made.first.push_back(make<T>({width[l], width[l - 1]}));
    made.second.push_back(make<T>({width[l]}));
  }
  return made;
}

template <class T>
py::tuple run_critic_op(TrainingDevice& device, const py::array& real, const py::array& fake, const py::array& mixing,
                        const Arrays& weights, const Arrays& biases) {
  const int64_t n = real.shape(0);
  const CriticLayers<T> m = layers_of<T>(weights, biases);
  py::array scores = make<T>({2 * n}), norms = make<T>({n}), direction = make<T>({n, m.width[0]});
  Arrays left, right;
  for (int64_t l = 0; l <= m.last(); l++) {
    left.push_back(make<T>({3 * n, m.width[l + 1]}));
    if (l < m.last()) right.push_back(make<T>({3 * n, m.width[l + 1]}));
  }
  const CriticTrace<T> trace{3 * n, 2 * n, all_at<T>(right), all_at<T>(left), at<T>(scores)};
  run_critic(device, m, CriticRows<T>{n, at<T>(real), at<T>(fake), at<T>(mixing)}, trace, at<T>(norms),
             at<T>(direction), true);
  return py::make_tuple(scores, norms, direction, left, right);
}

template <class T>
py::tuple run_backward_op(TrainingDevice& device, const py::array& real, const py::array& fake,
                          const py::array& direction, const Arrays& left, const Arrays& right, const py::array& scale) {
  CriticFactors<T> f{real.shape(0), {real.shape(1)}, at<T>(real), at<T>(fake), at<T>(direction)};
  f.left = read<T>(left);
  f.right = read<T>(right);
  for (const py::array& rows : left) {
    f.width.push_back(rows.shape(1));
    f.scaled.push_back(device.make<T>(rows.size()));
  }
  f.scale = f.first_scale = at<T>(scale);
  const auto [of_weights, of_biases] = gradients_of<T>(f.width);
  make_gradients(device, f, CriticGradients<T>{all_at<T>(of_weights), all_at<T>(of_biases)});
  return py::make_tuple(of_weights, of_biases);
}

template <class T>
py::tuple run_loss_op(TrainingDevice& device, const py::array& real, const py::array& fake, const py::array& mixing,
                      const Arrays& weights, const Arrays& biases, double penalty_weight) {
  const CriticLayers<T> m = layers_of<T>(weights, biases);
  py::array losses = make<T>({3});
  const auto [of_weights, of_biases] = gradients_of<T>(m.width);
  run_critic_loss(device, m, CriticRows<T>{real.shape(0), at<T>(real), at<T>(fake), at<T>(mixing)}, penalty_weight,
                  at<T>(losses), CriticGradients<T>{all_at<T>(of_weights), all_at<T>(of_biases)});
  return py::make_tuple(losses, of_weights, of_biases);
}

template <class T>
py::tuple run_slope_op(TrainingDevice& device, const py::array& rows, const Arrays& weights, const Arrays& biases) {
  py::array scores = make<T>({rows.shape(0)}), slopes = make<T>({rows.shape(0), rows.shape(1)});
  run_critic_slope<T>(device, layers_of<T>(weights, biases), at<T>(rows), rows.shape(0), at<T>(scores), at<T>(slopes));
  return py::make_tuple(scores, slopes);
}

template <class T>
NormalizedLayers<T> normalized_layers(const py::array& inputs, const Arrays& weights, const Arrays& gains,
                                      const Arrays& shifts, const std::vector<int64_t>& dims,
                                      const std::vector<int64_t>& activations) {
  NormalizedLayers<T> m{inputs.shape(0), {inputs.shape(1)}, read<T>(weights), read<T>(gains), read<T>(shifts),
                        group_outputs(dims, activations)};
  for (const py::array& weight : weights) m.width.push_back(weight.shape(0));
  return m;
}

template <class T>
py::tuple run_mlp_op(TrainingDevice& device, const py::array& inputs, const Arrays& weights, const Arrays& biases,
                     const Arrays& gains, const Arrays& shifts, const std::vector<int64_t>& dims,
                     const std::vector<int64_t>& activations) {
  const NormalizedLayers<T> m = normalized_layers<T>(inputs, weights, gains, shifts, dims, activations);
  Arrays hidden, means, variances;
  for (int64_t l = 0; l < m.hidden(); l++) {
    hidden.push_back(make<T>({m.n, m.width[l + 1]}));
    means.push_back(make<T>({m.width[l + 1]}));
    variances.push_back(make<T>({m.width[l + 1]}));
  }
  py::array outputs = make<T>({m.n, m.width.back()});
  run_normalized_mlp<T>(device, m, read<T>(biases), at<T>(inputs),
                        {all_at<T>(hidden), all_at<T>(means), all_at<T>(variances)}, at<T>(outputs));
  return py::make_tuple(outputs, hidden, means, variances);
}

template <class T>
py::tuple run_mlp_backward_op(TrainingDevice& device, const py::array& gradient, const py::array& outputs,
                              const py::array& inputs, const Arrays& hidden, const Arrays& means,
                              const Arrays& variances, const Arrays& weights, const Arrays& gains,
                              const Arrays& shifts, const std::vector<int64_t>& dims,
                              const std::vector<int64_t>& activations) {
  const NormalizedLayers<T> m = normalized_layers<T>(inputs, weights, gains, shifts, dims, activations);
  const auto [of_weights, of_biases] = gradients_of<T>(m.width);
  Arrays of_gains, of_shifts;
  for (int64_t l = 0; l < m.hidden(); l++) {
    of_gains.push_back(make<T>({m.width[l + 1]}));
    of_shifts.push_back(make<T>({m.width[l + 1]}));
  }
  const NormalizedHidden<const T> kept{read<T>(hidden), read<T>(means), read<T>(variances)};
  run_normalized_mlp_backward<T>(
      device, m, at<T>(gradient), at<T>(outputs), at<T>(inputs), kept,
      {all_at<T>(of_weights), all_at<T>(of_biases), all_at<T>(of_gains), all_at<T>(of_shifts)});
  return py::make_tuple(of_weights, of_biases, of_gains, of_shifts);
}

template <class T>
py::tuple run_adam_op(TrainingDevice& device, const Arrays& weights, const Arrays& first, const Arrays& second,
                      py::array step, const Arrays& gradients, double learning_rate, double beta_1, double beta_2) {
  std::vector<AdamTensor<T>> tensors;
  for (size_t k = 0; k < weights.size(); k++) {
    tensors.push_back({at<T>(weights[k]), at<T>(first[k]), at<T>(second[k]), at<T>(gradients[k]), weights[k].size()});
  }
  run_adam(device, tensors, at<int64_t>(step), learning_rate, beta_1, beta_2);
  return py::make_tuple();
}

py::array normal_numbers(int64_t seed, py::array samples, int64_t stream, py::array draws, int64_t dim, int blocks,
                         int threads, unsigned schedule) {
  py::array normal = make<float>({draws.shape(0), draws.shape(1), dim});
  TrainingDevice device(blocks, threads, schedule);
  device.run(FillNormal{at<int64_t>(samples), at<int64_t>(draws), at<float>(normal), draws.shape(0), draws.shape(1),
                        dim, static_cast<uint64_t>(seed), static_cast<uint32_t>(stream)});
  return normal;
}

SequenceOperands sequence_of(const py::array& condition, const py::array& noise, const py::array& hidden,
                             const py::array& cell, const Arrays& weights, const py::array& head, bool feedback,
                             const std::vector<int64_t>& dims, const std::vector<int64_t>& activations,
                             int64_t sample_len, bool bfloat16) {
  SequenceOperands o{describe_sequence(condition.shape(0), noise.shape(1), hidden.shape(2), weights.size(),
                                       condition.shape(1), noise.shape(2), feedback, dims, sample_len),
                     group_outputs(dims, activations)};
  o.condition = at<float>(condition), o.noise = at<float>(noise);
  o.hidden = at<float>(hidden), o.cell = at<float>(cell);
  o.weights = read<float>(weights), o.head_weight = at<float>(head);
  o.bfloat16 = bfloat16;
  return o;
}

// Facts of the device that is emulated, for the passes of an LSTM: multiprocessors, and bytes of a block's memory.
void set_limits(TrainingDevice& device, int multiprocessors, int shared_bytes) {
  device.processors = multiprocessors;
  device.shared = shared_bytes;
}

py::tuple run_sequence_op(const py::array& condition, const py::array& noise, const py::array& hidden,
                          const py::array& cell, const Arrays& weights, const Arrays& biases, const py::array& head,
                          const py::array& head_bias, bool feedback, const std::vector<int64_t>& dims,
                          const std::vector<int64_t>& activations, int64_t sample_len, int64_t max_length,
                          bool has_flags, bool bfloat16, int multiprocessors, int shared_bytes, int blocks, int threads,
                          unsigned seed) {
  TrainingDevice device(blocks, threads, seed);
  set_limits(device, multiprocessors, shared_bytes);
  SequenceOperands o =
      sequence_of(condition, noise, hidden, cell, weights, head, feedback, dims, activations, sample_len, bfloat16);
  o.s.max_length = max_length;
  const Sequence& s = o.s;
  py::array steps = make<float>({s.n, s.passes * s.sample_len, s.step_dim});
  py::array gates = make<float>({s.passes, s.layers, s.n, s.gates()});
  py::array cells = make<float>({s.passes, s.layers, s.n, s.units}), hiddens = make<float>({s.passes, s.layers, s.n, s.units});
  py::array_t<int64_t> lengths(s.n);
  const SequenceMade made{at<float>(steps), at<float>(gates), at<float>(cells), at<float>(hiddens), at<int64_t>(lengths)};
  if (!run_lstm_sequence(device, o, read<float>(biases), at<float>(head_bias), has_flags, made)) {
    throw std::runtime_error("it does not fit into shared memory");
  }
  return py::make_tuple(steps, lengths, gates, cells, hiddens);
}

// Gradients of steps may lie in wider rows.
py::tuple run_sequence_backward_op(const py::array& gradient, const py::array& steps, const py::array& lengths,
                                   const py::array& gates, const py::array& cells, const py::array& hiddens,
                                   const py::array& condition, const py::array& noise, const py::array& hidden,
                                   const py::array& cell, const Arrays& weights, const py::array& head, bool feedback,
                                   const std::vector<int64_t>& dims, const std::vector<int64_t>& activations,
                                   int64_t sample_len, bool bfloat16, int multiprocessors, int shared_bytes, int blocks,
                                   int threads, unsigned seed) {
  TrainingDevice device(blocks, threads, seed);
  set_limits(device, multiprocessors, shared_bytes);
  const SequenceOperands o =
      sequence_of(condition, noise, hidden, cell, weights, head, feedback, dims, activations, sample_len, bfloat16);
  const Sequence& s = o.s;
  Arrays of_weights, of_biases;
  for (int l = 0; l < s.layers; l++) {
    of_weights.push_back(make<float>({s.gates(), o.columns(l)}));
    of_biases.push_back(make<float>({s.gates()}));
  }
  py::array of_head = make<float>({s.block_dim(), s.units}), of_head_bias = make<float>({s.block_dim()});
  py::array of_hidden = make<float>({s.layers, s.n, s.units}), of_cell = make<float>({s.layers, s.n, s.units});
  const SequenceMade kept{at<float>(steps), at<float>(gates), at<float>(cells), at<float>(hiddens), at<int64_t>(lengths)};
  const bool fits = run_lstm_sequence_backward(
      device, o, static_cast<const float*>(gradient.data()), gradient.strides(0) / sizeof(float), kept,
      {all_at<float>(of_weights), all_at<float>(of_biases), at<float>(of_head), at<float>(of_head_bias),
       at<float>(of_hidden), at<float>(of_cell)});
  if (!fits) throw std::runtime_error("it does not fit into shared memory");
  return py::make_tuple(of_weights, of_biases, of_head, of_head_bias, of_hidden, of_cell);
}

// Makes an op of Python of one for each type of numbers: its arguments, and those of the device behind them.
template <class... Arguments>
auto op(py::tuple (*in_float)(TrainingDevice&, Arguments...), py::tuple (*in_double)(TrainingDevice&, Arguments...)) {
  return [=](std::decay_t<Arguments>... arguments, int blocks, int threads, unsigned seed) {
    TrainingDevice device(blocks, threads, seed);
    const auto& first = std::get<0>(std::tie(arguments...));
    bool doubles;
    if constexpr (std::is_same_v<std::decay_t<decltype(first)>, Arrays>) {
      doubles = !first.empty() && is_double(first[0]);
    } else {
      doubles = is_double(first);
    }
    return (doubles ? in_double : in_float)(device, arguments...);
  };
}

}  // namespace

PYBIND11_MODULE(emulated_training, m) {
  m.def("critic", op(run_critic_op<float>, run_critic_op<double>));
  m.def("critic_backward", op(run_backward_op<float>, run_backward_op<double>));
  m.def("critic_loss", op(run_loss_op<float>, run_loss_op<double>));
  m.def("critic_slope", op(run_slope_op<float>, run_slope_op<double>));
  m.def("normalized_mlp", op(run_mlp_op<float>, run_mlp_op<double>));
  m.def("normalized_mlp_backward", op(run_mlp_backward_op<float>, run_mlp_backward_op<double>));
  m.def("philox_normal", &normal_numbers);
  m.def("lstm_sequence", &run_sequence_op);
  m.def("lstm_sequence_backward", &run_sequence_backward_op);
  m.def("adam_", op(run_adam_op<float>, run_adam_op<double>));
}
