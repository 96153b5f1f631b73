// What the kernels of training share: sums over a block's threads, in an order that does not depend on chance, and
// elementary functions in both types of numbers.
//
// A kernel of training is a struct: its members are the arguments, `items` says how many blocks would find work, and
// operator() is what one thread does. It takes any number of blocks, and any power of two from 32 on as their threads.
#pragma once

#include <cmath>
#include <cstdint>

#include "device_math.h"

namespace dgsynth {

constexpr int kTileColumns = 32;  // of a matrix, side by side in a block: a warp reads whole sectors

__device__ __forceinline__ int thread_index() { return static_cast<int>(threadIdx.x); }
__device__ __forceinline__ int thread_count() { return static_cast<int>(blockDim.x); }

__device__ __forceinline__ float square_root(float x) { return sqrtf(x); }
__device__ __forceinline__ double square_root(double x) { return sqrt(x); }
__device__ __forceinline__ float exponential(float x) { return expf(x); }
__device__ __forceinline__ double exponential(double x) { return exp(x); }
__device__ __forceinline__ double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }
__device__ __forceinline__ double tanh_of(double x) { return tanh(x); }

// Keeps a NaN, so that training which has diverged is seen to have.
template <class T>
__device__ __forceinline__ T relu(T x) {
  return x < T{0} ? T{0} : x;
}

// combine() over the values of a block's threads, for all of them. `shared` has a number for each thread.
template <class T, class Combine>
__device__ __forceinline__ T combine_block(T value, T* shared, Combine combine) {
  __syncthreads();  // what was combined before may still be read
  shared[thread_index()] = value;
  for (int half = thread_count() / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread_index() < half) shared[thread_index()] = combine(shared[thread_index()], shared[thread_index() + half]);
  }
  __syncthreads();
  return shared[0];
}

template <class T>
__device__ __forceinline__ T sum_block(T value, T* shared) {
  return combine_block(value, shared, [](T a, T b) { return a + b; });
}

// Calls use(i, read(i)) for i = begin, begin + step, ... below end. Four numbers are read before the first is used: the
// compiler does not know that what `use` writes lies apart, and would wait for each.
template <class Read, class Use>
__device__ __forceinline__ void read_ahead(int64_t begin, int64_t end, int64_t step, Read read, Use use) {
  for (int64_t first = begin; first < end; first += 4 * step) {
    decltype(read(first)) values[4];
#pragma unroll
    for (int k = 0; k < 4; k++) {
      if (first + k * step < end) values[k] = read(first + k * step);
    }
#pragma unroll
    for (int k = 0; k < 4; k++) {
      if (first + k * step < end) use(first + k * step, values[k]);
    }
  }
}

// Columns of a matrix that a block owns, whose warps share the rows.
struct ColumnTile {
  int64_t column, first_row, row_step;

  __device__ explicit __forceinline__ ColumnTile(int64_t index)
      : column(index * kTileColumns + thread_index() % kTileColumns),
        first_row(thread_index() / kTileColumns),
        row_step(thread_count() / kTileColumns) {}

  __host__ __device__ static int64_t count(int64_t columns) { return (columns + kTileColumns - 1) / kTileColumns; }
};

// The sum of a column's values over its warps. All of a block's threads have to come here.
template <class T>
__device__ __forceinline__ T sum_column(T value, T* shared) {
  __syncthreads();
  shared[thread_index()] = value;
  __syncthreads();
  T total{0};
  for (int k = thread_index() % kTileColumns; k < thread_count(); k += kTileColumns) total += shared[k];
  return total;
}

}  // namespace dgsynth
