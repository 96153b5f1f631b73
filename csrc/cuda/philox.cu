// The op dgsynth::philox_normal on a GPU. The device code is in philox_kernels.h.

#include <torch/csrc/stable/library.h>

#include "philox_kernels.h"
#include "torch_device.h"

namespace dgsynth {
namespace {

Tensor normal_numbers(int64_t seed, Tensor samples, int64_t stream, Tensor draws, int64_t dim) {
  STD_TORCH_CHECK(draws.dim() == 2, "draws must be of shape (n, P) for n samples");
  STD_TORCH_CHECK(dim >= 0 && dim <= 1 << 26, "dim must be at most 2**26");
  TorchDevice device(draws);
  const int64_t n = draws.size(0), per_sample = draws.size(1);
  const Tensor normal = torch::stable::new_empty(draws, {n, per_sample, dim}, ScalarType::Float);
  device.run(FillNormal{device.at<int64_t>(samples, {n}, "samples"),
                        device.at<int64_t>(draws, {n, per_sample}, "draws"), static_cast<float*>(normal.data_ptr()), n,
                        per_sample, dim, static_cast<uint64_t>(seed), static_cast<uint32_t>(stream)});
  return normal;
}

}  // namespace
}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CUDA, m) { m.impl("philox_normal", TORCH_BOX(&dgsynth::normal_numbers)); }
