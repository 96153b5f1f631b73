// The op dgsynth::philox_normal on the CPU: normal numbers, 16 blocks of four at a time.

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <algorithm>

#include "../vector_math.h"

#ifdef __x86_64__
#define DGSYNTH_TARGETS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DGSYNTH_TARGETS
#endif

namespace dgsynth {
namespace {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

struct Draws {
  const int64_t* samples;  // (n,)
  const int64_t* draws;    // (n, per_sample)
  float* normal;           // (n, per_sample, dim)
  int64_t per_sample, dim, blocks;
  uint64_t seed;
  uint32_t stream;
};

// Fills blocks number `begin` to `end - 1` of all draws.
DGSYNTH_TARGETS void fill_normal(const Draws& d, int64_t begin, int64_t end) {
  for (int64_t start = begin; start < end; start += kWidth) {
    Words counter[4] = {};
    const int64_t count = std::min<int64_t>(kWidth, end - start);
    for (int64_t i = 0; i < count; i++) {
      const int64_t draw = (start + i) / d.blocks;
      const uint64_t sample = static_cast<uint64_t>(d.samples[draw / d.per_sample]);
      counter[0][i] = static_cast<uint32_t>(sample);
      counter[1][i] = static_cast<uint32_t>(sample >> 32);
      counter[2][i] = static_cast<uint32_t>(d.draws[draw]);
      counter[3][i] = static_cast<uint32_t>((start + i) % d.blocks) | d.stream << 24;
    }
    Floats normal[4];
    philox_normal(counter, d.seed, normal);
    for (int64_t i = 0; i < count; i++) {
      const int64_t first = (start + i) % d.blocks * 4;
      float* const out = d.normal + (start + i) / d.blocks * d.dim + first;
      for (int64_t j = 0; j < std::min<int64_t>(4, d.dim - first); j++) out[j] = normal[j][i];
    }
  }
}

Tensor normal_numbers(int64_t seed, Tensor samples, int64_t stream, Tensor draws, int64_t dim) {
  for (const Tensor& tensor : {samples, draws}) {
    STD_TORCH_CHECK(tensor.scalar_type() == ScalarType::Long && tensor.is_contiguous(),
                    "samples and draws must be contiguous and int64");
  }
  STD_TORCH_CHECK(samples.dim() == 1 && draws.dim() == 2 && draws.size(0) == samples.size(0),
                  "draws must be of shape (n, P) for n samples");
  STD_TORCH_CHECK(dim >= 0 && dim <= 1 << 26, "dim must be at most 2**26");
  Tensor normal = torch::stable::new_empty(draws, {draws.size(0), draws.size(1), dim}, ScalarType::Float);
  const Draws d{static_cast<const int64_t*>(samples.data_ptr()),
                static_cast<const int64_t*>(draws.data_ptr()),
                static_cast<float*>(normal.data_ptr()),
                draws.size(1),
                dim,
                (dim + 3) / 4,
                static_cast<uint64_t>(seed),
                static_cast<uint32_t>(stream)};
  torch::stable::parallel_for(0, draws.numel() * d.blocks, 4096,
                              [&](int64_t begin, int64_t end) { fill_normal(d, begin, end); });
  return normal;
}

}  // namespace
}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CPU, m) { m.impl("philox_normal", TORCH_BOX(&dgsynth::normal_numbers)); }
