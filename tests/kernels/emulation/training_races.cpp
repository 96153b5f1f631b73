// A program that runs the ops of training under emulation, to be built with -fsanitize=thread, as races.cpp is for
// generation. Small random operands, three blocks, more columns than threads.

#include <cstdio>
#include <cstdlib>

#include "training_device.h"

namespace {

using namespace dgsynth;
using emulation::TrainingDevice;
using Numbers = std::vector<float>;

Numbers draw(int64_t count) {
  static std::minstd_rand random(1);
  Numbers values(count);
  for (float& value : values) value = std::uniform_real_distribution<float>(-1.0f, 1.0f)(random);
  return values;
}

// Vectors or matrices, and where they lie.
struct Lists {
  std::vector<Numbers> numbers;

  std::vector<float*> written() {
    std::vector<float*> places;
    for (Numbers& list : numbers) places.push_back(list.data());
    return places;
  }
  std::vector<const float*> read() const {
    std::vector<const float*> places;
    for (const Numbers& list : numbers) places.push_back(list.data());
    return places;
  }
};

struct Parameters {
  Lists weights, biases;

  explicit Parameters(const std::vector<int64_t>& width) {
    for (size_t l = 1; l < width.size(); l++) {
      weights.numbers.push_back(draw(width[l] * width[l - 1]));
      biases.numbers.push_back(draw(width[l]));
    }
  }
};

int run_critic_ops(unsigned seed) {
  const std::vector<int64_t> width{70, 37, 33, 1};
  const int64_t n = 7;
  const Parameters parameters(width);
  Parameters made(width);
  const Numbers real = draw(n * width[0]), fake = draw(n * width[0]), mixing = draw(n);
  Numbers losses(3), scores(n), slopes(n * width[0]);
  TrainingDevice device(3, 64, seed);
  const CriticLayers<float> m{width, parameters.weights.read(), parameters.biases.read()};
  run_critic_loss(device, m, CriticRows<float>{n, real.data(), fake.data(), mixing.data()}, 10.0, losses.data(),
                  CriticGradients<float>{made.weights.written(), made.biases.written()});
  run_critic_slope(device, m, real.data(), n, scores.data(), slopes.data());
  const CriticTrace<float> trace = [&] {
    CriticTrace<float> made = make_trace(device, m, 3 * n, 2 * n);
    made.scores = device.make<float>(2 * n);
    return made;
  }();
  run_critic(device, m, CriticRows<float>{n, real.data(), fake.data(), mixing.data()}, trace, device.make<float>(n),
             slopes.data(), true);
  return device.launches;
}

int run_normalized_mlp_ops(unsigned seed) {
  const std::vector<int64_t> width{5, 40, 33, 83};
  const int64_t n = 9;
  const Parameters parameters(width), norms({1, 40, 33});
  Parameters made(width), of_norms({1, 40, 33}), kept({n, 40, 33});
  Lists means{{Numbers(40), Numbers(33)}}, variances = means;
  const Numbers inputs = draw(n * width[0]), gradient = draw(n * width.back());
  Numbers outputs(n * width.back());
  TrainingDevice device(3, 64, seed);
  NormalizedLayers<float> m{n, width, parameters.weights.read(), norms.biases.read(), norms.biases.read()};
  m.outputs = group_outputs({1, 1, 80, 1}, {1, 1, 0, 2});
  run_normalized_mlp<float>(device, m, parameters.biases.read(), inputs.data(),
                            {kept.weights.written(), means.written(), variances.written()}, outputs.data());
  run_normalized_mlp_backward<float>(device, m, gradient.data(), outputs.data(), inputs.data(),
                                     {kept.weights.read(), means.read(), variances.read()},
                                     {made.weights.written(), made.biases.written(), of_norms.weights.written(),
                                      of_norms.biases.written()});
  return device.launches;
}

int run_adam_op(unsigned seed) {
  std::vector<Numbers> numbers;
  for (const int64_t count : {5000, 3, 1, 100}) {
    for (int i = 0; i < 4; i++) numbers.push_back(draw(count));
    for (float& square : numbers[numbers.size() - 2]) square = std::abs(square);
  }
  std::vector<AdamTensor<float>> tensors;
  for (size_t k = 0; k < numbers.size(); k += 4) {
    tensors.push_back({numbers[k].data(), numbers[k + 1].data(), numbers[k + 2].data(), numbers[k + 3].data(),
                       static_cast<int64_t>(numbers[k].size())});
  }
  int64_t step = 0;
  TrainingDevice device(3, 64, seed);
  run_adam(device, tensors, &step, 1e-3, 0.5, 0.999);
  return device.launches;
}

// Two layers with feedback, flags that end samples in different passes, more samples than blocks have lanes.
int run_sequence_ops(unsigned seed, int processors, int shared_bytes, bool bfloat16) {
  const std::vector<int64_t> dims{1, 3, 2}, activations{2, 0, 0};
  const int64_t n = 13, passes = 4, layers = 2, known = 3, noise_dim = 5;
  SequenceOperands o{describe_sequence(n, passes, 9, layers, known, noise_dim, true, dims, 2),
                     group_outputs(dims, activations)};
  Sequence& s = o.s;
  s.max_length = 7;
  const Numbers condition = draw(n * known), noise = draw(n * passes * noise_dim);
  const Numbers hidden = draw(layers * n * s.units), cell = draw(layers * n * s.units);
  const Numbers head = draw(s.block_dim() * s.units), head_bias = draw(s.block_dim());
  Lists weights, biases;
  for (int l = 0; l < layers; l++) {
    weights.numbers.push_back(draw(s.gates() * o.columns(l)));
    biases.numbers.push_back(draw(s.gates()));
  }
  Lists of_weights = weights, of_biases = biases;
  Numbers of_head = head, of_head_bias = head_bias, of_hidden = hidden, of_cell = cell;
  o.condition = condition.data(), o.noise = noise.data(), o.hidden = hidden.data(), o.cell = cell.data();
  o.weights = weights.read(), o.head_weight = head.data(), o.bfloat16 = bfloat16;
  const int64_t rows = passes * layers * n;
  Numbers steps(n * passes * s.block_dim()), gates(rows * s.gates()), cells(rows * s.units), hiddens(rows * s.units);
  std::vector<int64_t> lengths(n);
  const SequenceMade made{steps.data(), gates.data(), cells.data(), hiddens.data(), lengths.data()};
  TrainingDevice device(2, 64, seed);
  device.processors = processors, device.shared = shared_bytes;
  if (!run_lstm_sequence(device, o, biases.read(), head_bias.data(), true, made)) std::exit(2);
  const Numbers gradient = draw(n * passes * s.block_dim());
  const bool fits = run_lstm_sequence_backward(device, o, gradient.data(), passes * s.block_dim(), made,
                                               {of_weights.written(), of_biases.written(), of_head.data(),
                                                of_head_bias.data(), of_hidden.data(), of_cell.data()});
  if (!fits) std::exit(2);
  return device.launches;
}

}  // namespace

int main() {
  int launches = 0;
  for (const unsigned seed : {1u, 2u}) {
    launches += run_critic_ops(seed) + run_normalized_mlp_ops(seed) + run_adam_op(seed);
  }
  launches += run_sequence_ops(3, 100, 1 << 16, false) + run_sequence_ops(4, 1, 12000, true);
  std::printf("%d launches\n", launches);
}
