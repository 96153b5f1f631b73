// dgsynth::generate under emulation, for Python: the op's arguments as numpy arrays (bfloat16 as its bits in uint16),
// and the device that is emulated.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "emulated_device.h"

namespace py = pybind11;

namespace {

const void* checked(const py::array& array, const std::string& name, const std::vector<int64_t>& shape, char kind) {
  const bool fits = array.ndim() == static_cast<py::ssize_t>(shape.size()) &&
                    std::equal(shape.begin(), shape.end(), array.shape());
  if (!fits || array.dtype().kind() != kind || !(array.flags() & py::array::c_style)) {
    throw py::value_error(name + " has the wrong shape or type");
  }
  return array.data();
}

py::tuple generate(py::array condition, py::array condition_weight, std::vector<py::array> gates,
                   std::vector<py::array> biases, py::array head_weight, py::array head_bias,
                   std::optional<py::array> learned_state, std::optional<py::array> lengths, int64_t seed,
                   int64_t first, int64_t noise_dim, bool feedback, bool random_state, std::vector<int64_t> dims,
                   std::vector<int64_t> activations, int64_t sample_len, int64_t max_length, bool has_flags,
                   int shared_bytes, int multiprocessors, int64_t arena_bytes, int blocks, unsigned schedule) {
  using namespace dgsynth;
  const Settings settings{seed, first, noise_dim, feedback, random_state, dims, activations, sample_len, max_length,
                          has_flags};
  const auto kind = [](char letter) {
    return [letter](const py::array& array, const std::string& name, const std::vector<int64_t>& shape) {
      return checked(array, name, shape, letter);
    };
  };
  const bool bfloat16 = gates[0].dtype().kind() == 'u';
  const std::vector<Output> outputs = list_outputs(settings);
  Model m = describe(settings, condition_weight.shape(1), condition.shape(1));
  set_weights(m, condition_weight, gates, biases, head_weight, head_bias, learned_state, bfloat16, kind('f'),
              kind('u'));
  m.outputs = outputs.data();
  Work work{};
  work.n = condition.shape(0);
  work.condition = static_cast<const float*>(checked(condition, "condition", {work.n, m.condition_dim}, 'f'));
  if (lengths) work.forced = static_cast<const int64_t*>(checked(*lengths, "lengths", {work.n}, 'i'));
  py::array_t<int64_t> made(work.n);
  work.lengths = made.mutable_data();
  std::fill_n(work.lengths, work.n, 0);

  emulation::Device device({shared_bytes, multiprocessors, arena_bytes}, blocks, schedule);
  {
    py::gil_scoped_release release;
    if (!generate_on(device, m, work, bfloat16)) throw std::runtime_error("it does not fit into shared memory");
  }
  py::array_t<float> records({static_cast<py::ssize_t>(device.records.size()) / std::max(m.record_dim, 1),
                              static_cast<py::ssize_t>(m.record_dim)});
  std::copy(device.records.begin(), device.records.end(), records.mutable_data());
  py::dict facts;
  facts["lanes"] = device.plan.lanes;
  facts["threads"] = device.plan.threads;
  facts["shared_bytes"] = device.plan.shared_bytes;
  facts["resident_units"] = device.resident_units;
  facts["rounds"] = device.rounds;
  return py::make_tuple(records, made, facts);
}

}  // namespace

PYBIND11_MODULE(emulated, m) { m.def("generate", &generate); }
