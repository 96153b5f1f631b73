// Checks of tensors that an op is given.
#pragma once

#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <string>
#include <vector>

namespace dgsynth {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

inline void check_shape(const Tensor& tensor, const std::vector<int64_t>& shape, ScalarType type, const std::string& name) {
  bool fits = tensor.dim() == static_cast<int64_t>(shape.size());
  std::string wanted;
  for (size_t i = 0; i < shape.size(); i++) {
    fits = fits && tensor.size(i) == shape[i];
    wanted += (i ? ", " : "") + std::to_string(shape[i]);
  }
  STD_TORCH_CHECK(fits, name, " must be of shape (", wanted, ")");
  STD_TORCH_CHECK(tensor.scalar_type() == type, name, " must be ", type == ScalarType::Float ? "float32" : "bfloat16");
  STD_TORCH_CHECK(tensor.is_contiguous(), name, " must be contiguous");
}

inline const float* floats(const Tensor& tensor, const std::vector<int64_t>& shape, const std::string& name) {
  check_shape(tensor, shape, ScalarType::Float, name);
  return static_cast<const float*>(tensor.data_ptr());
}

}  // namespace dgsynth
