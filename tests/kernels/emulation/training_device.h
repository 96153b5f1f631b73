// A device for the host's part of the ops of training, whose memory, products and threads are the host's.
#pragma once

#include "cuda_emulation.h"
// The emulation has to come first.
#include "adam_kernels.h"
#include "critic_host.h"
#include "lstm_sequence_host.h"
#include "normalized_mlp_host.h"
#include "philox_kernels.h"

namespace emulation {

class TrainingDevice {
 public:
  TrainingDevice(int blocks, int threads, unsigned seed) : blocks_(blocks), threads_(threads), seed_(seed) {}

  // Memory begins as NaN, so that what is read before it is written shows.
  template <class T>
  T* make(int64_t count) {
    const size_t bytes = std::max<size_t>(count * sizeof(T), 1);
    kept_.emplace_back(std::malloc(bytes), std::free);
    std::memset(kept_.back().get(), 0xff, bytes);
    return static_cast<T*>(kept_.back().get());
  }

  template <class T>
  void multiply(dgsynth::MatrixView<const T> a, dgsynth::MatrixView<const T> b, dgsynth::MatrixView<T> c,
                bool adds = false) {
    if (a.rows != c.rows || a.columns != b.rows || b.columns != c.columns) throw std::logic_error("shapes do not fit");
    for (int64_t i = 0; i < c.rows; i++) {
      for (int64_t j = 0; j < c.columns; j++) {
        double sum = 0.0;
        for (int64_t k = 0; k < a.columns; k++) {
          sum += static_cast<double>(a.at[i * a.row_stride + k * a.column_stride]) *
                 b.at[k * b.row_stride + j * b.column_stride];
        }
        T& to = c.at[i * c.row_stride + j * c.column_stride];
        to = static_cast<T>(adds ? to + sum : sum);
      }
    }
  }

  template <class Kernel>
  void run(const Kernel& kernel) {
    static_assert(sizeof(Kernel) <= 4096, "the arguments of a kernel take 4 KB at most");
    typedef typename Kernel::Number Number;
    const int blocks = static_cast<int>(std::min<int64_t>(kernel.items(), blocks_));
    const int threads = std::min(threads_, Kernel::kThreads);
    if (blocks == 0) return;
    launches++;
    launch(blocks, threads, threads * static_cast<int>(sizeof(Number)), seed_ + launches,
           [&](char* shared) { kernel(reinterpret_cast<Number*>(shared)); });
  }

  template <class Kernel>
  void run_tiles(const Kernel& kernel, int64_t tiles, int threads, int shared_bytes) {
    static_assert(sizeof(Kernel) <= 4096, "the arguments of a kernel take 4 KB at most");
    launches++;
    launch(static_cast<int>(std::min<int64_t>(tiles, blocks_)), threads, shared_bytes, seed_ + launches,
           [&](char* shared) { kernel(shared); });
  }

  int shared_bytes() const { return shared; }
  int multiprocessors() const { return processors; }

  int launches = 0;
  int shared = 227 << 10, processors = 1;

 private:
  int blocks_, threads_;
  unsigned seed_;
  std::vector<std::unique_ptr<void, void (*)(void*)>> kept_;
};

}  // namespace emulation
