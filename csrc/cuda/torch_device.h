// A GPU, as the host's part of the ops of training uses it: memory and matrix products are torch's, kernels are launched
// on its current stream. Nothing waits for the GPU.
//
// The products go through torch's C interface, so that its settings hold (TF32, deterministic algorithms, workspaces).
#pragma once

#include <cuda_runtime.h>
#include <torch/csrc/inductor/aoti_torch/generated/c_shim_cuda.h>
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <algorithm>
#include <array>
#include <string>
#include <type_traits>
#include <vector>

#include "../checks.h"
#include "matrix_view.h"

namespace dgsynth {

// A kernel is a struct of its arguments, see block_math.h.
template <class Kernel>
__global__ void __launch_bounds__(Kernel::kThreads) run_kernel(const __grid_constant__ Kernel kernel) {
  __shared__ typename Kernel::Number shared[Kernel::kThreads];
  kernel(shared);
}

// The same for a kernel whose blocks stay with their work, and use as much shared memory as there is.
template <class Kernel>
__global__ void __launch_bounds__(Kernel::kThreads, 1) run_tiles_kernel(const __grid_constant__ Kernel kernel) {
  extern __shared__ __align__(16) char tiles_shared[];
  kernel(tiles_shared);
}

// Memory lives as long as this does, or on the stream.
class TorchDevice {
 public:
  explicit TorchDevice(const Tensor& like)
      : like_(like), index_(index_of(like)), guard_(index_) {
    void* stream = nullptr;
    TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(index_, &stream));
    stream_ = static_cast<cudaStream_t>(stream);
  }

  template <class T>
  T* make(int64_t count) {
    kept_.push_back(torch::stable::new_empty(like_, {count}, kNumber<T>));
    return static_cast<T*>(kept_.back().data_ptr());
  }

  // c = a b, or c += a b.
  template <class T>
  void multiply(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c, bool adds = false) {
    if (c.rows == 0 || c.columns == 0) return;
    if (a.columns == 0) {
      if (!adds) STD_CUDA_CHECK(cudaMemsetAsync(c.at, 0, c.rows * c.columns * sizeof(T), stream_));
      return;
    }
    const Tensor left = view(a), right = view(b), made = view(c);
    if (adds) {
      TORCH_ERROR_CODE_CHECK(aoti_torch_cuda_addmm_out(made.get(), made.get(), left.get(), right.get(), 1.0, 1.0));
    } else {
      TORCH_ERROR_CODE_CHECK(aoti_torch_cuda_mm_out(made.get(), left.get(), right.get()));
    }
  }

  template <class Kernel>
  void run(const Kernel& kernel) {
    static_assert(sizeof(Kernel) <= 4096, "the arguments of a kernel take 4 KB at most");
    constexpr int64_t kMaxBlocks = 1 << 16;
    const int64_t blocks = std::min(kernel.items(), kMaxBlocks);
    if (blocks == 0) return;
    run_kernel<<<static_cast<int>(blocks), Kernel::kThreads, 0, stream_>>>(kernel);
    STD_CUDA_KERNEL_LAUNCH_CHECK();
  }

  // A block takes one tile, and the device the next as soon as a block has ended.
  template <class Kernel>
  void run_tiles(const Kernel& kernel, int64_t tiles, int threads, int shared_bytes) {
    static_assert(sizeof(Kernel) <= 4096, "the arguments of a kernel take 4 KB at most");
    const auto run = run_tiles_kernel<Kernel>;
    STD_CUDA_CHECK(cudaFuncSetAttribute(run, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
    run<<<static_cast<int>(tiles), threads, shared_bytes, stream_>>>(kernel);
    STD_CUDA_KERNEL_LAUNCH_CHECK();
  }

  int shared_bytes() const { return attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin); }
  int multiprocessors() const { return attribute(cudaDevAttrMultiProcessorCount); }

  // Where the numbers of a tensor lie that has this shape and is on this device.
  template <class T>
  T* at(const Tensor& tensor, const std::vector<int64_t>& shape, const std::string& name) const {
    check_shape(tensor, shape, std::is_same_v<T, int64_t> ? ScalarType::Long : kNumber<T>, name);
    STD_TORCH_CHECK(tensor.is_cuda() && tensor.get_device_index() == index_, name, " must be on cuda:", index_);
    return static_cast<T*>(tensor.data_ptr());
  }

 private:
  static int32_t index_of(const Tensor& like) {
    STD_TORCH_CHECK(like.is_cuda(), "all operands must be on one GPU");
    return like.get_device_index();
  }

  int attribute(cudaDeviceAttr which) const {
    int value = 0;
    STD_CUDA_CHECK(cudaDeviceGetAttribute(&value, which, index_));
    return value;
  }

  template <class T>
  Tensor view(const MatrixView<T>& m) const {
    const std::array<int64_t, 2> sizes{m.rows, m.columns}, strides{m.row_stride, m.column_stride};
    return torch::stable::from_blob(const_cast<std::remove_const_t<T>*>(m.at), sizes, strides, like_.device(),
                                    kNumber<std::remove_const_t<T>>);
  }

  Tensor like_;
  int32_t index_;
  torch::stable::accelerator::DeviceGuard guard_;
  cudaStream_t stream_ = nullptr;
  std::vector<Tensor> kept_;
};

}  // namespace dgsynth
