// As much of CUDA as the kernels use, on threads of the host: every CUDA thread is a thread, every barrier a barrier.
//
// A seed shuffles the order in which threads start and makes them give way at random before barriers and atomics.
// Shared memory begins as NaN, so that what is read before it is written shows.
#pragma once

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#define __device__
#define __host__
#define __forceinline__ inline

struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

namespace emulation {

struct Index {
  int x = 0;
};

struct EndOfPhase {
  std::atomic<int>* vote;
  int* result;
  void operator()() noexcept { *result = vote->exchange(0); }
};

// What the threads of a warp exchange. Two places for each take turns, so that one barrier is enough: who writes to a
// place again has met the others since they read it.
struct WarpState {
  std::barrier<> barrier{32};
  float given[2][32];
};

struct BlockState {
  BlockState(int threads, int shared_bytes)
      : barrier(threads, EndOfPhase{&vote, &result}), shared(shared_bytes / sizeof(float4) + 1) {
    std::memset(shared.data(), 0xff, shared.size() * sizeof(float4));
    for (int i = 0; i < threads / 32; i++) warps.push_back(std::make_unique<WarpState>());
  }
  std::atomic<int> vote = 0;
  int result = 0;
  std::barrier<EndOfPhase> barrier;
  std::vector<float4> shared;
  std::vector<std::unique_ptr<WarpState>> warps;
};

inline thread_local BlockState* block = nullptr;
inline thread_local std::minstd_rand random;
inline thread_local int turn;  // of a warp's exchanges

inline void give_way() {
  for (unsigned turns = random() % 3; turns > 0; turns--) std::this_thread::yield();
}

}  // namespace emulation

inline thread_local emulation::Index threadIdx, blockIdx;
inline emulation::Index blockDim, gridDim;

inline void __syncthreads() {
  emulation::give_way();
  emulation::block->barrier.arrive_and_wait();
}

inline int __syncthreads_or(int predicate) {
  if (predicate) emulation::block->vote = 1;
  __syncthreads();
  return emulation::block->result;
}

// Of all threads of a warp.
inline float __shfl_xor_sync(unsigned, float value, int mask) {
  emulation::WarpState& warp = *emulation::block->warps[threadIdx.x / 32];
  float* const given = warp.given[emulation::turn ^= 1];
  given[threadIdx.x % 32] = value;
  warp.barrier.arrive_and_wait();
  return given[threadIdx.x % 32 ^ mask];
}

template <class T>
T atomicAdd(T* address, T value) {
  emulation::give_way();
  return std::atomic_ref<T>(*address).fetch_add(value);
}

inline int atomicMin(int* address, int value) {
  emulation::give_way();
  std::atomic_ref<int> stored(*address);
  int before = stored;
  while (value < before && !stored.compare_exchange_weak(before, value)) {
  }
  return before;
}

template <class T>
T __ldg(const T* address) { return *address; }

using std::max;
using std::min;

inline uint32_t __umulhi(uint32_t a, uint32_t b) { return static_cast<uint64_t>(a) * b >> 32; }
inline uint32_t __float_as_uint(float x) { return std::bit_cast<uint32_t>(x); }
inline float __uint_as_float(uint32_t x) { return std::bit_cast<float>(x); }
inline float __expf(float x) { return std::exp(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline void sincospif(float x, float* sine, float* cosine) {
  *sine = static_cast<float>(std::sin(M_PI * x));
  *cosine = static_cast<float>(std::cos(M_PI * x));
}

namespace emulation {

// Runs kernel(shared memory) for each thread of each block, all at the same time.
inline void launch(int blocks, int threads, int shared_bytes, unsigned seed, const std::function<void(char*)>& kernel) {
  gridDim.x = blocks;
  blockDim.x = threads;
  std::vector<std::unique_ptr<BlockState>> states;
  for (int i = 0; i < blocks; i++) states.push_back(std::make_unique<BlockState>(threads, shared_bytes));
  std::vector<int> order(blocks * threads);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::minstd_rand(seed));
  std::vector<std::thread> running;
  for (const int i : order) {
    running.emplace_back([&, i] {
      blockIdx.x = i / threads;
      threadIdx.x = i % threads;
      random.seed(seed + 7919 * i + 1);
      block = states[blockIdx.x].get();
      turn = 0;
      kernel(reinterpret_cast<char*>(block->shared.data()));
    });
  }
  for (std::thread& thread : running) thread.join();
}

}  // namespace emulation
