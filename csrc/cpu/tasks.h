// How threads share the work of training.
#pragma once

#include <torch/csrc/stable/ops.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

namespace dgsynth {

// Calls work(begin, end) on one stretch of 0..n-1 for each thread.
template <class Work>
void share_rows(int64_t n, const Work& work) {
  const int64_t parts = std::min<int64_t>(torch::stable::get_num_threads(), n);
  torch::stable::parallel_for(0, parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; part++) work(n * part / parts, n * (part + 1) / parts);
  });
}

// Independent tasks, which threads take one after the other.
class Tasks {
 public:
  void add(std::function<void()> task) { tasks_.push_back(std::move(task)); }

  void run() const {
    std::atomic<size_t> next{0};
    torch::stable::parallel_for(0, torch::stable::get_num_threads(), 1, [&](int64_t first, int64_t last) {
      for (int64_t part = first; part < last; part++) {
        for (size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < tasks_.size();) tasks_[i]();
      }
    });
  }

 private:
  std::vector<std::function<void()>> tasks_;
};

}  // namespace dgsynth
