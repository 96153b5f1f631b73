// Products of a small batch's inputs with a matrix, for a block of threads that carries 4 or 8 lanes.
//
// A thread makes 4 outputs for all lanes, of every kSlices-th input; the sums of the slices lie in one warp, and are
// added up by shuffles, which leave each thread its share of the results. So a matrix of 400 x 105 busies 13 warps
// where there are but 4 lanes to make it for. Words lie in the order in which a warp reads them: in shared memory no
// two threads meet in a bank, and what is read from L2 is read in whole lines.
//
// The sums are made in the same order for every lane and any number of them.
#pragma once

#include "block_math.h"
#include "lane_math.h"

namespace dgsynth {

// Groups of 4 outputs, in tiles of 32 / slices groups. Padding, of groups and of inputs, is zero.
struct SlicedMatrix {
  const void* words;  // (tiles, rounds, 32) of 16 bytes: 4 weights of one input, or in bfloat16 of two
  int groups, tiles;
  int rounds;         // inputs / slices
  int resident;       // leading tiles that lie in shared memory
  int shared_at;      // where, in words
};

// A matrix as it is given, and where it goes. Output j of a group is row `group_step * group + row_step * j`.
struct Packing {
  const float* from;
  int64_t row_stride, column_stride;
  int rows, columns, row_step, group_step;
  int groups, tiles, rounds, slices;
  bool bfloat16;
  void* to;

  int64_t words() const { return static_cast<int64_t>(tiles) * rounds * 32; }
};

constexpr int kMaxPackings = 16;  // of one launch

template <class T>
struct PackWeights {
  typedef T Number;
  static constexpr int kThreads = 256;
  Packing list[kMaxPackings];
  int count;

  int64_t items() const {
    int64_t words = 0;
    for (int k = 0; k < count; k++) words += list[k].words();
    return (words + kThreads - 1) / kThreads;
  }

  __device__ __forceinline__ void operator()(T*) const {
    for (int k = 0; k < count; k++) {
      const int64_t words = static_cast<int64_t>(list[k].tiles) * list[k].rounds * 32;
      const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
      for (int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + thread_index(); i < words; i += step) {
        pack(list[k], i);
      }
    }
  }

  __device__ static __forceinline__ float weight_at(const Packing& p, int group, int j, int input) {
    const int row = p.group_step * group + p.row_step * j;
    if (group >= p.groups || row >= p.rows || input >= p.columns) return 0.0f;
    return p.from[row * p.row_stride + input * p.column_stride];
  }

  __device__ static __forceinline__ void pack(const Packing& p, int64_t index) {
    const int across = 32 / p.slices, thread = static_cast<int>(index % 32);
    const int group = static_cast<int>(index / 32 / p.rounds) * across + thread % across;
    const int step = static_cast<int>(index / 32 % p.rounds) * p.slices + thread / across;
    if (!p.bfloat16) {
      float values[4];
      for (int j = 0; j < 4; j++) values[j] = weight_at(p, group, j, step);
      store4(static_cast<float*>(p.to) + 4 * index, values);
      return;
    }
    uint32_t pairs[4];
    for (int j = 0; j < 4; j++) {
      const uint32_t low = __float_as_uint(round_to_bfloat16(weight_at(p, group, j, 2 * step)));
      const uint32_t high = __float_as_uint(round_to_bfloat16(weight_at(p, group, j, 2 * step + 1)));
      pairs[j] = low >> 16 | (high & 0xffff0000u);
    }
    static_cast<uint4*>(p.to)[index] = uint4{pairs[0], pairs[1], pairs[2], pairs[3]};
  }
};

__device__ __forceinline__ void make_resident(const SlicedMatrix& matrix, float4* shared) {
  const float4* const words = static_cast<const float4*>(matrix.words);
  const int count = matrix.resident * matrix.rounds * 32;
  for (int i = thread_index(); i < count; i += blockDim.x) shared[matrix.shared_at + i] = __ldg(words + i);
}

// What a thread makes of a tile: kOwn values, those of lane `first / 4 + i / 4` and output `(first + i) % 4`.
template <int kLanes, int kSlices>
struct Slice {
  static constexpr int kAcross = 32 / kSlices, kOwn = 4 * kLanes / kSlices;
  int group_in_tile, number;
  __device__ __forceinline__ Slice()
      : group_in_tile(thread_index() % 32 % kAcross), number(thread_index() % 32 / kAcross) {}
  __device__ __forceinline__ int group(int tile) const { return tile * kAcross + group_in_tile; }
  __device__ __forceinline__ int lane(int i) const { return (number * kOwn + i) / 4; }
  __device__ __forceinline__ int output(int i) const { return (number * kOwn + i) % 4; }
};

// sum[4 lane + j] += output j of the words times the lane's inputs, over the rounds.
template <class Weight, int kLanes, int kSlices, class Read>
__device__ __forceinline__ void add_slice(const typename Weight::Word* words, Read read, int rounds,
                                          const float* inputs, float (&sum)[4 * kLanes]) {
#pragma unroll 4
  for (int round = 0; round < rounds; round++, words += 32, inputs += kSlices * Weight::kDepth * kLanes) {
    const typename Weight::Word packed = read(words);
#pragma unroll
    for (int depth = 0; depth < Weight::kDepth; depth++) {
      float weight[4];
      Weight::unpack(packed, depth, weight);
#pragma unroll
      for (int quad = 0; quad < kLanes / 4; quad++) {
        float x[4];
        load4(inputs + depth * kLanes + 4 * quad, x);
#pragma unroll
        for (int i = 0; i < 4; i++) {
#pragma unroll
          for (int j = 0; j < 4; j++) {
            float& to = sum[4 * (4 * quad + i) + j];
            to = fmaf(weight[j], x[i], to);
          }
        }
      }
    }
  }
}

// Adds up the slices of a warp: threads whose numbers differ in one bit exchange halves, then halves of halves. Half is
// a parameter, so that all sums stay in registers.
template <int kSlices, int kHalf, int kCount>
__device__ __forceinline__ void add_up_slices(float (&sum)[kCount]) {
  if constexpr (kHalf > 0 && kHalf * kSlices >= kCount) {
    constexpr int kMask = 32 * kHalf / kCount;
    const bool upper = (thread_index() & kMask) != 0;
#pragma unroll
    for (int i = 0; i < kHalf; i++) {
      const float kept = upper ? sum[i + kHalf] : sum[i], given = upper ? sum[i] : sum[i + kHalf];
      sum[i] = kept + __shfl_xor_sync(0xffffffffu, given, kMask);
    }
    add_up_slices<kSlices, kHalf / 2>(sum);
  }
}

// The product of one tile with rows of inputs, [input][lane]; made[i] is what Slice says of i. All threads of a warp
// have to come here.
template <class Weight, int kLanes, int kSlices>
__device__ __forceinline__ void multiply_tile(const SlicedMatrix& matrix, const float4* shared, int tile,
                                              const float* inputs, float (&made)[4 * kLanes / kSlices]) {
  typedef typename Weight::Word Word;
  const Slice<kLanes, kSlices> slice;
  const int at = tile * matrix.rounds * 32 + thread_index() % 32;
  float sum[4 * kLanes] = {};
  inputs += slice.number * Weight::kDepth * kLanes;
  if (tile < matrix.resident) {
    const Word* const words = reinterpret_cast<const Word*>(shared + matrix.shared_at) + at;
    add_slice<Weight, kLanes, kSlices>(words, [](const Word* from) { return *from; }, matrix.rounds, inputs, sum);
  } else {
    const Word* const words = static_cast<const Word*>(matrix.words) + at;
    add_slice<Weight, kLanes, kSlices>(words, [](const Word* from) { return __ldg(from); }, matrix.rounds, inputs, sum);
  }
  add_up_slices<kSlices, 2 * kLanes>(sum);
#pragma unroll
  for (int i = 0; i < 4 * kLanes / kSlices; i++) made[i] = sum[i];
}

}  // namespace dgsynth
