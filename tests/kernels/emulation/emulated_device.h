// A device for generate_host.h whose memory and threads are the host's.
#pragma once

#include "cuda_emulation.h"
// The emulation has to come first.
#include "generate_arguments.h"
#include "generate_host.h"

namespace emulation {

using dgsynth::Model;
using dgsynth::Plan;
using dgsynth::Work;

class Device {
 public:
  Device(dgsynth::Limits limits, int blocks, unsigned seed) : limits_(limits), blocks_(blocks), seed_(seed) {}

  const dgsynth::Limits& limits() const { return limits_; }

  template <class T>
  T* make(int64_t count) {
    const size_t bytes = std::max<size_t>(count * sizeof(T), 1);
    void* const memory = std::aligned_alloc(16, (bytes + 15) / 16 * 16);
    kept_.emplace_back(memory, std::free);
    std::memset(memory, 0xff, bytes);
    return static_cast<T*>(memory);
  }

  template <class T>
  T* make_zeros(int64_t count) { return make_filled<T>(count, 0); }

  template <class T>
  T* make_filled(int64_t count, T value) {
    T* const values = make<T>(count);
    std::fill_n(values, count, value);
    return values;
  }

  std::vector<int64_t> read(const std::vector<const int64_t*>& places) const {
    std::vector<int64_t> values;
    for (const int64_t* place : places) values.push_back(*place);
    return values;
  }

  const int64_t* cumulate(const int64_t* values, int64_t count) {
    int64_t* const sums = make<int64_t>(count);
    std::partial_sum(values, values + count, sums);
    return sums;
  }

  std::pair<const int64_t*, int64_t> find_zeros(const int64_t* values, int64_t count) {
    int64_t* const places = make<int64_t>(count);
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++) {
      if (values[i] == 0) places[found++] = i;
    }
    return {places, found};
  }

  float* make_records(int64_t total, int64_t width) {
    records.resize(total * width, NAN);
    return records.data();
  }

  int blocks_at_once(const Plan&) const { return blocks_; }

  void run(const Model& m, const Plan& plan, const Work& work, int blocks) {
    rounds++;
    this->plan = plan;
    resident_units = m.layer[0].gates.resident;
    launch(blocks, plan.threads, plan.shared_bytes, seed_ + rounds, [&](char* shared) {
      using namespace dgsynth;
      const auto run = plan.bfloat16 ? (plan.lanes == 64   ? run_block<Bfloat16, 64>
                                        : plan.lanes == 32 ? run_block<Bfloat16, 32>
                                                           : run_block<Bfloat16, 16>)
                                     : (plan.lanes == 64   ? run_block<Float32, 64>
                                        : plan.lanes == 32 ? run_block<Float32, 32>
                                                           : run_block<Float32, 16>);
      run(m, work, shared);
    });
  }

  void gather(const Model& m, const Work& work, float* records, const int64_t* ends) {
    launch(2, 64, 0, seed_, [&](char*) { dgsynth::gather_chunks(m, work, records, ends); });
  }

  std::vector<float> records;
  // How it was run, for the tests to see.
  int rounds = 0, resident_units = 0;
  Plan plan;

 private:
  dgsynth::Limits limits_;
  int blocks_;
  unsigned seed_;
  std::vector<std::unique_ptr<void, void (*)(void*)>> kept_;
};

}  // namespace emulation
