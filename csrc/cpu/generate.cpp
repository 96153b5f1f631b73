// The op dgsynth::generate on the CPU: checks its arguments, and gives threads and instruction sets their work.

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <numeric>
#include <optional>
#include <tuple>

#include "../checks.h"
#include "generate_worker.h"

namespace dgsynth {

template <class S>
using Work = void (*)(const Model&, const Task&, Worker<S>&);

#ifdef __x86_64__
template <class S>
__attribute__((target("arch=x86-64-v4,avx512bf16"))) void work_bfloat16(const Model& m, const Task& task, Worker<S>& w) {
  carry(m, task, w);
}

template <class S>
__attribute__((target("arch=x86-64-v4"))) void work_avx512(const Model& m, const Task& task, Worker<S>& w) {
  carry(m, task, w);
}

__attribute__((target("arch=x86-64-v3"))) void work_avx2(const Model& m, const Task& task, Worker<Avx2>& w) {
  carry(m, task, w);
}
#endif

void work_anywhere(const Model& m, const Task& task, Worker<Anywhere>& w) { carry(m, task, w); }

bool has_bfloat16() {
#ifdef __x86_64__
  return __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

// Lets threads carry all samples. Where lengths are not known before, the records are put in order at the end.
template <class S>
void run_workers(Work<S> work, const Model& m, Task& task, Tensor& records, const Tensor& like) {
  const int64_t n_threads = torch::stable::get_num_threads();
  const int64_t n_workers = std::clamp<int64_t>((task.n_samples + S::kLanes - 1) / S::kLanes, 1, n_threads);
  std::vector<std::unique_ptr<Worker<S>>> workers;
  for (int64_t i = 0; i < n_workers; i++) {
    workers.push_back(std::make_unique<Worker<S>>(m, task.records == nullptr));
  }
  torch::stable::parallel_for(0, n_workers, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) work(m, task, *workers[i]);
  });
  if (task.records) return;
  std::vector<int64_t> offsets(task.n_samples + 1, 0);
  std::partial_sum(task.lengths, task.lengths + task.n_samples, offsets.begin() + 1);
  records = torch::stable::new_empty(like, {offsets.back(), m.record_dim});
  float* const all = static_cast<float*>(records.data_ptr());
  torch::stable::parallel_for(0, task.n_samples, 1024, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      std::copy_n((*task.made)[i], task.lengths[i] * m.record_dim, all + offsets[i] * m.record_dim);
    }
  });
}

// Runs the workers that this machine and the number of samples ask for.
void run(const Model& m, Task& task, Tensor& records, const Tensor& like) {
#ifdef __x86_64__
  const bool is_few = task.n_samples <= Avx512::kLanes * static_cast<int64_t>(torch::stable::get_num_threads());
  if (m.precision == Precision::kPairs) {
    if (is_few) return run_workers<FewBfloat16>(work_bfloat16, m, task, records, like);
    return run_workers<Bfloat16>(work_bfloat16, m, task, records, like);
  }
  if (__builtin_cpu_supports("x86-64-v4")) {
    if (is_few) return run_workers<FewAvx512>(work_avx512, m, task, records, like);
    return run_workers<Avx512>(work_avx512, m, task, records, like);
  }
  if (__builtin_cpu_supports("x86-64-v3")) return run_workers<Avx2>(work_avx2, m, task, records, like);
#endif
  run_workers<Anywhere>(work_anywhere, m, task, records, like);
}

// Pairs of bfloat16, [group][pair][4][2], as float32 numbers [group][input][4]; an odd last input is left out.
std::vector<float> expand(const Tensor& packed, int64_t groups, int64_t inputs) {
  const uint16_t* const pairs = static_cast<const uint16_t*>(packed.data_ptr());
  std::vector<float> weights(groups * inputs * kGroup);
  for (int64_t group = 0; group < groups; group++) {
    for (int64_t k = 0; k < inputs; k++) {
      for (int64_t j = 0; j < kGroup; j++) {
        const int64_t pair = group * ((inputs + 1) / 2) + k / 2;
        const uint32_t bits = static_cast<uint32_t>(pairs[(pair * kGroup + j) * 2 + k % 2]) << 16;
        std::memcpy(&weights[(group * inputs + k) * kGroup + j], &bits, sizeof bits);
      }
    }
  }
  return weights;
}

std::tuple<Tensor, Tensor> generate(Tensor condition, Tensor condition_weight, std::vector<Tensor> gates,
                                    std::vector<Tensor> biases, Tensor head_weight, Tensor head_bias,
                                    std::optional<Tensor> learned_state, std::optional<Tensor> lengths, int64_t seed,
                                    int64_t first, int64_t noise_dim, bool feedback, bool random_state,
                                    std::vector<int64_t> dims, std::vector<int64_t> activations, int64_t sample_len,
                                    int64_t max_length, bool has_flags) {
  check_generator(condition, condition_weight, gates, biases, noise_dim, dims, activations, sample_len, max_length,
                  has_flags);
  Model m{};
  m.units = condition_weight.size(1);
  m.noise_dim = noise_dim;
  m.sample_len = sample_len;
  m.step_dim = std::accumulate(dims.begin(), dims.end(), int64_t{0});
  m.record_dim = m.step_dim - 2 * has_flags;
  m.feedback_dim = feedback ? sample_len * m.step_dim : 0;
  m.condition_dim = condition.size(1);
  m.max_length = max_length;
  m.passes = (max_length + sample_len - 1) / sample_len;
  m.has_flags = has_flags;
  m.random_state = random_state;
  m.seed = static_cast<uint64_t>(seed);
  m.first = first;
  m.dims = dims;
  m.activations = activations;
  m.condition_weight = numbers<float>(condition_weight, {m.condition_dim, m.units, kGroup}, "condition_weight");
  const int64_t n_layers = gates.size(), groups = (sample_len * m.step_dim + kGroup - 1) / kGroup;
  m.head = {groups, m.units, numbers<float>(head_weight, {groups, m.units, kGroup}, "head_weight"),
            numbers<float>(head_bias, {groups, kGroup}, "head_bias")};
  if (learned_state) m.learned_state = numbers<float>(*learned_state, {2, n_layers, 1, m.units}, "learned_state");
  const bool rounds = gates[0].scalar_type() == ScalarType::BFloat16;
  m.precision = !rounds ? Precision::kFloat : has_bfloat16() ? Precision::kPairs : Precision::kRounded;
  std::vector<std::vector<float>> expanded;
  for (int64_t l = 0; l < n_layers; l++) {
    const std::string name = "gates[" + std::to_string(l) + "]";
    const int64_t x_dim = l == 0 ? noise_dim + m.feedback_dim : m.units, inputs = x_dim + m.units;
    const float* weights = nullptr;
    if (rounds) {
      check_shape(gates[l], {m.units, (inputs + 1) / 2, kGroup, 2}, ScalarType::BFloat16, name);
      weights = static_cast<const float*>(gates[l].data_ptr());
    } else {
      weights = numbers<float>(gates[l], {m.units, inputs, kGroup}, name);
    }
    if (m.precision == Precision::kRounded) {
      expanded.push_back(expand(gates[l], m.units, inputs));
      weights = expanded.back().data();
    }
    const float* const bias = numbers<float>(biases[l], {m.units, kGroup}, "biases[" + std::to_string(l) + "]");
    m.layers.push_back({x_dim, {m.units, inputs, weights, bias}});
  }

  const int64_t n_samples = condition.size(0);
  Tensor made = torch::stable::new_empty(condition, {n_samples}, ScalarType::Long);
  std::atomic<int64_t> next{0};
  std::vector<const float*> places;
  std::vector<int64_t> offsets;
  Tensor records;
  Task task{numbers<float>(condition, {n_samples, m.condition_dim}, "condition"), nullptr, n_samples,
            static_cast<int64_t*>(made.data_ptr()), nullptr, nullptr, &places, &next};
  if (lengths) {
    STD_TORCH_CHECK(lengths->scalar_type() == ScalarType::Long && lengths->is_contiguous() &&
                        lengths->numel() == n_samples,
                    "lengths must be int64, one per sample");
    task.forced_lengths = static_cast<const int64_t*>(lengths->data_ptr());
    STD_TORCH_CHECK(std::all_of(task.forced_lengths, task.forced_lengths + n_samples, [](int64_t l) { return l > 0; }),
                    "lengths must be at least 1");
  }
  if (lengths || !has_flags) {
    offsets.assign(n_samples + 1, 0);
    for (int64_t i = 0; i < n_samples; i++) {
      offsets[i + 1] = offsets[i] + (lengths ? task.forced_lengths[i] : max_length);
    }
    records = torch::stable::new_empty(condition, {offsets.back(), m.record_dim});
    task.records = static_cast<float*>(records.data_ptr());
    task.offsets = offsets.data();
  } else {
    places.resize(n_samples);
  }
  run(m, task, records, condition);
  return {records, made};
}

}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CPU, m) { m.impl("generate", TORCH_BOX(&dgsynth::generate)); }
