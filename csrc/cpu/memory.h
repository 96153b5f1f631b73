// Memory of the ops of training: large blocks are kept when they are let go, and given out again.
//
// The system maps a large block anew for every allocation, and each of its pages costs a fault when it is first written:
// in a step of training that took as long as a third of the arithmetic. What is kept is bounded, and belongs to the
// process.
#pragma once

#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "../checks.h"

namespace dgsynth {

// Memory of at least so many bytes, aligned to a cache line; its numbers are undefined.
void* take_memory(size_t bytes);
void give_back(void* memory);

// Room for numbers that are written before they are read.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(int64_t size) : numbers_(static_cast<T*>(take_memory(size * sizeof(T)))) {}
  Buffer(Buffer&& other) noexcept : numbers_(std::exchange(other.numbers_, nullptr)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(numbers_, other.numbers_);
    return *this;
  }
  ~Buffer() {
    if (numbers_) give_back(numbers_);
  }
  T* get() const { return numbers_; }

 private:
  T* numbers_ = nullptr;
};

// A contiguous tensor of the type T on the CPU, whose numbers are undefined.
template <class T>
Tensor make_tensor(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t size = 1;
  for (size_t i = shape.size(); i-- > 0; size *= shape[i]) strides[i] = size;
  return torch::stable::from_blob(take_memory(size * sizeof(T)), shape, strides,
                                  torch::stable::Device(torch::headeronly::DeviceType::CPU), kNumber<T>, &give_back);
}

}  // namespace dgsynth
