// The op dgsynth::adam_ on a GPU: checks of the arguments. The rest is in adam_kernels.h.

#include <torch/csrc/stable/library.h>

#include "adam_kernels.h"
#include "torch_device.h"

namespace dgsynth {
namespace {

using Tensors = std::vector<Tensor>;

template <class T>
void run(const Tensors& weights, const Tensors& first, const Tensors& second, const Tensor& step,
         const Tensors& gradients, double learning_rate, double beta_1, double beta_2) {
  TorchDevice device(weights[0]);
  std::vector<AdamTensor<T>> tensors;
  for (size_t k = 0; k < weights.size(); k++) {
    std::vector<int64_t> shape;
    for (int64_t d = 0; d < weights[k].dim(); d++) shape.push_back(weights[k].size(d));
    const std::string number = "[" + std::to_string(k) + "]";
    const auto at = [&](const Tensor& tensor, const char* name) { return device.at<T>(tensor, shape, name + number); };
    tensors.push_back({at(weights[k], "weights"), at(first[k], "first"), at(second[k], "second"),
                       at(gradients[k], "gradients"), weights[k].numel()});
  }
  run_adam(device, tensors, device.at<int64_t>(step, {}, "step"), learning_rate, beta_1, beta_2);
}

void adam_(Tensors weights, Tensors first, Tensors second, Tensor step, Tensors gradients, double learning_rate,
           double beta_1, double beta_2) {
  const size_t count = weights.size();
  STD_TORCH_CHECK(first.size() == count && second.size() == count && gradients.size() == count,
                  "every weight needs two moments and a gradient");
  if (weights.empty()) {
    TorchDevice device(step);
    run_adam<float>(device, {}, device.at<int64_t>(step, {}, "step"), learning_rate, beta_1, beta_2);
    return;
  }
  const auto take = weights[0].scalar_type() == ScalarType::Double ? run<double> : run<float>;
  take(weights, first, second, step, gradients, learning_rate, beta_1, beta_2);
}

}  // namespace
}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CUDA, m) { m.impl("adam_", TORCH_BOX(&dgsynth::adam_)); }
