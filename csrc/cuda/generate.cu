// Generation of measurements on a GPU: checks of the arguments, and launches on torch's stream.
//
// The device code is in generate_kernels.h, what the host does around it in generate_host.h; the tests compile both for
// the host as well. The definition is the reference in dgsynth/kernels/generate.py.

#include <cuda_runtime.h>
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/Exception.h>

#include <array>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "../checks.h"
#include "generate_arguments.h"
#include "generate_host.h"

namespace dgsynth {

template <class Weight, int kLanes>
__global__ void __launch_bounds__(kMaxThreads, 1)
    generate_kernel(const __grid_constant__ Model m, const __grid_constant__ Work work) {
  extern __shared__ __align__(16) char shared[];
  run_block<Weight, kLanes>(m, work, shared);
}

__global__ void gather_kernel(const __grid_constant__ Model m, const __grid_constant__ Work work, float* records,
                              const int64_t* ends) {
  gather_chunks(m, work, records, ends);
}

namespace {

using Kernel = void (*)(Model, Work);

template <class Weight>
Kernel kernel_of(int lanes) {
  if (lanes == 64) return generate_kernel<Weight, 64>;
  return lanes == 32 ? generate_kernel<Weight, 32> : generate_kernel<Weight, 16>;
}

Kernel kernel_of(const Plan& plan) {
  return plan.bfloat16 ? kernel_of<Bfloat16>(plan.lanes) : kernel_of<Float32>(plan.lanes);
}

Tensor call(const char* name, const char* overload, const Tensor& self) {
  std::array<StableIValue, 1> stack{torch::stable::detail::from(self)};
  STABLE_TORCH_ERROR_CODE_CHECK(torch_call_dispatcher(name, overload, stack.data(), TORCH_ABI_VERSION));
  return torch::stable::detail::to<Tensor>(stack[0]);
}

// A GPU, as generate_host.h uses it. Memory lives as long as this does, or on the stream.
class Gpu {
 public:
  explicit Gpu(const Tensor& like) : like_(like), index_(like.get_device_index()) {
    void* stream = nullptr;
    TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(index_, &stream));
    stream_ = static_cast<cudaStream_t>(stream);
  }

  Limits limits() const {
    constexpr int64_t kArenaBytes = 256 << 20;
    return {attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin), attribute(cudaDevAttrMultiProcessorCount), kArenaBytes};
  }

  template <class T>
  T* make(int64_t count) {
    const Tensor bytes = torch::stable::new_empty(like_, {count * static_cast<int64_t>(sizeof(T))}, ScalarType::Byte);
    kept_.push_back(bytes);
    return static_cast<T*>(bytes.data_ptr());
  }

  template <class T>
  T* make_zeros(int64_t count) {
    return set_bytes(make<T>(count), 0, count);
  }

  template <class T>
  T* make_filled(int64_t count, T value) {  // 0 or -1, all of whose bytes are the same
    return set_bytes(make<T>(count), static_cast<int>(value), count);
  }

  template <class T>
  const T* upload(const std::vector<T>& values) {
    T* const there = make<T>(static_cast<int64_t>(values.size()));
    STD_CUDA_CHECK(cudaMemcpyAsync(there, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice, stream_));
    return there;
  }

  std::vector<int64_t> read(const std::vector<const int64_t*>& places) const {
    std::vector<int64_t> values(places.size());
    for (size_t i = 0; i < places.size(); i++) {
      STD_CUDA_CHECK(cudaMemcpyAsync(&values[i], places[i], sizeof(int64_t), cudaMemcpyDeviceToHost, stream_));
    }
    STD_CUDA_CHECK(cudaStreamSynchronize(stream_));
    return values;
  }

  const int64_t* cumulate(const int64_t* values, int64_t count) {
    std::array<StableIValue, 3> stack{torch::stable::detail::from(view(values, count)),
                                      torch::stable::detail::from(int64_t{0}),
                                      torch::stable::detail::from(std::optional<ScalarType>())};
    STABLE_TORCH_ERROR_CODE_CHECK(torch_call_dispatcher("aten::cumsum", "", stack.data(), TORCH_ABI_VERSION));
    return keep(torch::stable::detail::to<Tensor>(stack[0]));
  }

  std::pair<const int64_t*, int64_t> find_zeros(const int64_t* values, int64_t count) {
    const Tensor places = torch::stable::contiguous(
        call("aten::nonzero", "", call("aten::logical_not", "", view(values, count))));
    return {keep(places), places.size(0)};
  }

  const int64_t* least(const int64_t* values, int64_t count) {
    return keep(call("aten::min", "", view(values, count)));
  }

  float* make_records(int64_t total, int64_t width) {
    records_ = torch::stable::new_empty(like_, {total, width});
    return static_cast<float*>(records_.data_ptr());
  }

  const Tensor& records() const { return records_; }

  int blocks_at_once(const Plan& plan) const {
    const Kernel kernel = kernel_of(plan);
    STD_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, plan.shared_bytes));
    int blocks = 0;
    STD_CUDA_CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, plan.threads, plan.shared_bytes));
    STD_TORCH_CHECK(blocks > 0, "the generation kernel does not fit this device");
    return blocks * attribute(cudaDevAttrMultiProcessorCount);
  }

  void run(const Model& m, const Plan& plan, const Work& work, int blocks) const {
    kernel_of(plan)<<<blocks, plan.threads, plan.shared_bytes, stream_>>>(m, work);
    STD_CUDA_KERNEL_LAUNCH_CHECK();
  }

  void gather(const Model& m, const Work& work, float* records, const int64_t* ends) const {
    constexpr int kThreads = 256;
    const int64_t blocks = std::min<int64_t>((work.n + kThreads / 32 - 1) / (kThreads / 32), 1 << 16);
    gather_kernel<<<static_cast<int>(blocks), kThreads, 0, stream_>>>(m, work, records, ends);
    STD_CUDA_KERNEL_LAUNCH_CHECK();
  }

 private:
  int attribute(cudaDeviceAttr which) const {
    int value = 0;
    STD_CUDA_CHECK(cudaDeviceGetAttribute(&value, which, index_));
    return value;
  }

  template <class T>
  T* set_bytes(T* values, int byte, int64_t count) const {
    STD_CUDA_CHECK(cudaMemsetAsync(values, byte, count * sizeof(T), stream_));
    return values;
  }

  Tensor view(const int64_t* values, int64_t count) const {
    return torch::stable::from_blob(const_cast<int64_t*>(values), {count}, {1}, like_.device(), ScalarType::Long);
  }

  const int64_t* keep(const Tensor& tensor) {
    kept_.push_back(tensor);
    return static_cast<const int64_t*>(tensor.data_ptr());
  }

  Tensor like_, records_;
  int index_;
  cudaStream_t stream_ = nullptr;
  std::vector<Tensor> kept_;
};

const void* checked(const Tensor& tensor, const std::string& name, const std::vector<int64_t>& shape, ScalarType type,
                    const Tensor& beside) {
  check_shape(tensor, shape, type, name);
  STD_TORCH_CHECK(tensor.is_cuda() && tensor.get_device_index() == beside.get_device_index(), name,
                  " must be on the device of condition");
  return tensor.data_ptr();
}

std::tuple<Tensor, Tensor> generate(Tensor condition, Tensor condition_weight, std::vector<Tensor> gates,
                                    std::vector<Tensor> biases, Tensor head_weight, Tensor head_bias,
                                    std::optional<Tensor> learned_state, std::optional<Tensor> lengths, int64_t seed,
                                    int64_t first, int64_t noise_dim, bool feedback, bool random_state,
                                    std::vector<int64_t> dims, std::vector<int64_t> activations, int64_t sample_len,
                                    int64_t max_length, bool has_flags) {
  check_generator(condition, condition_weight, gates, biases, noise_dim, dims, activations, sample_len, max_length,
                  has_flags);
  STD_TORCH_CHECK(gates.size() <= kMaxLayers, "on a GPU an LSTM may have ", kMaxLayers, " layers at most");
  const torch::stable::accelerator::DeviceGuard guard(condition.get_device_index());
  Gpu gpu(condition);
  const auto checked_as = [&](ScalarType type) {
    return [&condition, type](const Tensor& tensor, const std::string& name, const std::vector<int64_t>& shape) {
      return checked(tensor, name, shape, type, condition);
    };
  };
  const auto floats = checked_as(ScalarType::Float);
  const Settings settings{seed, first, noise_dim, feedback, random_state, dims, activations, sample_len, max_length,
                          has_flags};
  const bool bfloat16 = gates[0].scalar_type() == ScalarType::BFloat16;
  const int64_t n_samples = condition.size(0);
  Model m = describe(settings, condition_weight.size(1), condition.size(1));
  set_weights(m, condition_weight, gates, biases, head_weight, head_bias, learned_state, bfloat16, floats,
              checked_as(ScalarType::BFloat16));
  m.outputs = gpu.upload(list_outputs(settings));

  Tensor made = torch::stable::new_zeros(condition, {n_samples}, ScalarType::Long);
  if (n_samples == 0) return {torch::stable::new_empty(condition, {0, m.record_dim}), made};
  Work work{};
  work.n = n_samples;
  work.condition = static_cast<const float*>(floats(condition, "condition", {n_samples, m.condition_dim}));
  work.lengths = static_cast<int64_t*>(made.data_ptr());
  if (lengths) {
    work.forced = static_cast<const int64_t*>(checked_as(ScalarType::Long)(*lengths, "lengths", {n_samples}));
    STD_TORCH_CHECK(gpu.read({gpu.least(work.forced, n_samples)})[0] > 0, "lengths must be at least 1");
  }
  STD_TORCH_CHECK(generate_on(gpu, m, work, bfloat16),
                  "the state of this model does not fit into the device's shared memory; take fewer units or "
                  "layers, or generate on the CPU");
  return {gpu.records(), made};
}

}  // namespace

}  // namespace dgsynth

STABLE_TORCH_LIBRARY_IMPL(dgsynth, CUDA, m) { m.impl("generate", TORCH_BOX(&dgsynth::generate)); }
