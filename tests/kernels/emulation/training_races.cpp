// A program that runs the ops of training under emulation, to be built with -fsanitize=thread, as races.cpp is for
// generation. Small random operands, three blocks, more columns than threads.

#include <cstdio>

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

}  // namespace

int main() {
  int launches = 0;
  for (const unsigned seed : {1u, 2u}) {
    launches += run_critic_ops(seed) + run_normalized_mlp_ops(seed) + run_adam_op(seed);
  }
  std::printf("%d launches\n", launches);
}
