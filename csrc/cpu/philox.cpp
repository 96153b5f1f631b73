// The op dgsynth::philox_normal on the CPU: normal numbers, several blocks of four at a time.

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <algorithm>
#include <cstring>

#include "../vector_math.h"

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
template <int kWidth>
DGSYNTH_INLINE void fill_normal(const Draws& d, int64_t begin, int64_t end) {
  int64_t draw = begin / d.blocks, block = begin % d.blocks;
  for (int64_t start = begin; start < end; start += kWidth) {
    uint32_t words[4][kWidth] = {};
    float* out[kWidth];
    int64_t room[kWidth];
    const int64_t count = std::min<int64_t>(kWidth, end - start);
    for (int64_t i = 0; i < count; i++) {
      const uint64_t sample = static_cast<uint64_t>(d.samples[draw / d.per_sample]);
      words[0][i] = static_cast<uint32_t>(sample);
      words[1][i] = static_cast<uint32_t>(sample >> 32);
      words[2][i] = static_cast<uint32_t>(d.draws[draw]);
      words[3][i] = static_cast<uint32_t>(block) | d.stream << 24;
      out[i] = d.normal + draw * d.dim + block * 4;
      room[i] = std::min<int64_t>(4, d.dim - block * 4);
      if (++block == d.blocks) block = 0, draw++;
    }
    typename Vectors<kWidth>::Words counter[4];
    typename Vectors<kWidth>::Floats normal[4];
    std::memcpy(counter, words, sizeof(counter));
    philox_normal(counter, d.seed, normal);
    float numbers[4][kWidth];
    std::memcpy(numbers, normal, sizeof(numbers));
    for (int64_t i = 0; i < count; i++) {
      for (int64_t j = 0; j < room[i]; j++) out[i][j] = numbers[j][i];
    }
  }
}

#ifdef __x86_64__
__attribute__((target("arch=x86-64-v4"))) void fill_avx512(const Draws& d, int64_t begin, int64_t end) {
  fill_normal<16>(d, begin, end);
}

__attribute__((target("arch=x86-64-v3"))) void fill_avx2(const Draws& d, int64_t begin, int64_t end) {
  fill_normal<8>(d, begin, end);
}
#endif

void fill_anywhere(const Draws& d, int64_t begin, int64_t end) { fill_normal<4>(d, begin, end); }

auto choose_fill() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("x86-64-v4")) return fill_avx512;
  if (__builtin_cpu_supports("x86-64-v3")) return fill_avx2;
#endif
  return fill_anywhere;
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
  const auto fill = choose_fill();
  torch::stable::parallel_for(0, draws.numel() * d.blocks, 4096,
                              [&](int64_t begin, int64_t end) { fill(d, begin, end); });
  return normal;
}

}  // namespace
}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CPU, m) { m.impl("philox_normal", TORCH_BOX(&dgsynth::normal_numbers)); }
