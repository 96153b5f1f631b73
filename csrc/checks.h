// Checks of tensors that an op is given.
#pragma once

#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace dgsynth {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

inline void check_size(const Tensor& tensor, const std::vector<int64_t>& shape, ScalarType type, const std::string& name) {
  bool fits = tensor.dim() == static_cast<int64_t>(shape.size());
  std::string wanted;
  for (size_t i = 0; i < shape.size(); i++) {
    fits = fits && tensor.size(i) == shape[i];
    wanted += (i ? ", " : "") + std::to_string(shape[i]);
  }
  STD_TORCH_CHECK(fits, name, " must be of shape (", wanted, ")");
  STD_TORCH_CHECK(tensor.scalar_type() == type, name, " must be ",
                  type == ScalarType::Float    ? "float32"
                  : type == ScalarType::Double ? "float64"
                  : type == ScalarType::Long   ? "int64"
                                               : "bfloat16");
}

inline void check_shape(const Tensor& tensor, const std::vector<int64_t>& shape, ScalarType type, const std::string& name) {
  check_size(tensor, shape, type, name);
  STD_TORCH_CHECK(tensor.is_contiguous(), name, " must be contiguous");
}

template <class T>  // float or double
constexpr ScalarType kNumber = sizeof(T) == 4 ? ScalarType::Float : ScalarType::Double;

// Where the numbers of a tensor of that shape lie.
template <class T>
const T* numbers(const Tensor& tensor, const std::vector<int64_t>& shape, const std::string& name) {
  check_shape(tensor, shape, kNumber<T>, name);
  return static_cast<const T*>(tensor.data_ptr());
}

// The same for samples, the first dimension, that may lie apart: tensor.stride(0).
template <class T>
const T* sample_numbers(const Tensor& tensor, const std::vector<int64_t>& shape, const std::string& name) {
  check_size(tensor, shape, kNumber<T>, name);
  int64_t stride = 1;
  for (int64_t i = tensor.dim() - 1; i > 0; stride *= tensor.size(i), i--) {
    STD_TORCH_CHECK(tensor.size(i) == 1 || tensor.stride(i) == stride, "each sample of ", name, " must be contiguous");
  }
  return static_cast<const T*>(tensor.data_ptr());
}

inline void check_outputs(const std::vector<int64_t>& dims, const std::vector<int64_t>& activations,
                          bool has_flags = false) {
  STD_TORCH_CHECK(std::all_of(dims.begin(), dims.end(), [](int64_t dim) { return dim > 0; }), "dims must be positive");
  STD_TORCH_CHECK(dims.size() == activations.size(), "every output needs a dim and an activation");
  STD_TORCH_CHECK(!has_flags || (!dims.empty() && dims.back() == 2), "the last output must be the generation flag");
}

// What an LSTM generator's arguments must be before their shapes can be compared.
inline void check_generator(const Tensor& condition, const Tensor& condition_weight, const std::vector<Tensor>& gates,
                            const std::vector<Tensor>& biases, int64_t noise_dim, const std::vector<int64_t>& dims,
                            const std::vector<int64_t>& activations, int64_t sample_len, int64_t max_length,
                            bool has_flags) {
  STD_TORCH_CHECK(condition.dim() == 2 && condition_weight.dim() == 3, "condition must be of shape (n, C)");
  STD_TORCH_CHECK(sample_len > 0 && max_length > 0 && noise_dim >= 0, "sample_len and max_length must be positive");
  check_outputs(dims, activations, has_flags);
  STD_TORCH_CHECK(!gates.empty() && biases.size() == gates.size(), "every LSTM layer needs gates and a bias");
}

}  // namespace dgsynth
