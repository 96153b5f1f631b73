// A program that generates under emulation, to be built with -fsanitize=thread: that finds every access to memory which
// no barrier orders, also where the order happened to be right. Small random models, two blocks.

#include <cstdio>
#include <cstdlib>

#include "emulated_device.h"

namespace {

std::vector<float> draw(int64_t count) {
  static std::minstd_rand random(1);
  std::vector<float> values(count + 4);
  for (float& value : values) value = std::uniform_real_distribution<float>(-1.0f, 1.0f)(random);
  return values;
}

// Returns how many records were made.
int64_t generate(int layers, bool feedback, bool bfloat16, bool has_flags, int multiprocessors, int shared_bytes) {
  using namespace dgsynth;
  const Settings settings{7, 5, 5, feedback, true, {1, 3, 2}, {2, 0, 0}, 2, 8, has_flags};
  const int units = 9, condition_dim = 3, n_samples = 150;
  const std::vector<Output> outputs = list_outputs(settings);
  const auto drawn = [](const std::vector<float>& array, const std::string&, const std::vector<int64_t>&) {
    return static_cast<const void*>(array.data());
  };
  const int words = units * (5 + 2 * 12 + 2 * units + 1) * 4;
  std::vector<std::vector<float>> gates, biases;
  for (int l = 0; l < layers; l++) gates.push_back(draw(words)), biases.push_back(draw(4 * units));
  const auto condition_weight = draw(condition_dim * units * 4), condition = draw(n_samples * condition_dim);
  const auto head_weight = draw(3 * units * 4), head_bias = draw(12);
  Model m = describe(settings, units, condition_dim);
  set_weights(m, condition_weight, gates, biases, head_weight, head_bias, std::optional<std::vector<float>>(), bfloat16,
              drawn, drawn);
  m.outputs = outputs.data();
  std::vector<int64_t> lengths(n_samples, 0);
  Work work{};
  work.n = n_samples;
  work.condition = condition.data();
  work.lengths = lengths.data();
  emulation::Device device({shared_bytes, multiprocessors, 2048}, 2, 3);
  if (!generate_on(device, m, work, bfloat16)) std::exit(2);
  return static_cast<int64_t>(device.records.size()) / m.record_dim;
}

}  // namespace

int main() {
  int64_t made = generate(1, false, false, true, 100, 1 << 16);
  made += generate(2, true, false, true, 1, 1 << 16);
  made += generate(2, true, true, true, 2, 1 << 16);
  made += generate(1, true, false, false, 1, 13000);
  std::printf("%lld records\n", static_cast<long long>(made));
}
