// What the host tells the generation kernel: the model, where it lies in shared memory, and the samples to make.
#pragma once

#include <cstdint>

namespace dgsynth {

constexpr int kMaxLayers = 8;
constexpr int kMaxThreads = 896;  // 28 warps: 72 registers for each thread

enum class Activation : int { kSoftmax = 0, kSigmoid = 1, kTanh = 2 };

// A packed matrix: its rows in groups of four, each group a run of 16-byte words [input][row], or in bfloat16
// [two inputs][row][input]. The leading groups are copied to shared memory as [word][group]; the others are read
// through the L2 cache, in the order in which they lie.
struct Matrix {
  const void* words;   // (groups, steps)
  const float4* bias;  // (groups,)
  int groups, steps;
  int resident;        // leading groups that lie in shared memory
  int shared_at;       // where, in words
};

// Group u of the gates holds unit u's gates input, forget, cell, output.
struct Layer {
  Matrix gates;
  int row;    // where its inputs lie: rows of shared memory, [x; own hidden state]
  int x_dim;  // inputs beside the own hidden state: noise and feedback, or the hidden state of the layer below
};

struct Output {
  int start, dim;  // columns of a record
  Activation activation;
};

struct Model {
  int units, layers, noise_dim, feedback_dim, condition_dim;
  int sample_len, step_dim, record_dim;
  int64_t max_length;
  bool has_flags, random_state;
  uint64_t seed;
  int64_t first;
  Layer layer[kMaxLayers];
  Matrix head;
  const float4* condition_weight;  // (C, H)
  const float* learned_state;      // (2, layers, H) or null
  const Output* outputs;           // (n_outputs,)
  int n_outputs;
  // Shared memory: words of weights, rows of [lane], lanes, lanes that begin a sample.
  int rows, hidden_row, outputs_row;  // outputs_row is -1 where the outputs lie in scratch memory
  int rows_at, lanes_at, started_at;  // in bytes
};

// Records whose number is not known before, in chunks of whole passes; each chunk names the sample's chunk before it.
struct Arena {
  float* values;     // (capacity, chunk_passes * S * record_dim)
  int64_t* previous; // (capacity,)
  int64_t* last;     // (n,) the last chunk of each sample; -1 where it found no room
  unsigned long long* used;
  int64_t capacity;
  int chunk_passes;
};

struct Work {
  int64_t n;                 // samples to make
  const int64_t* todo;       // (n,) their rows in what follows, or null: all of them
  const float* condition;    // (B, C)
  const int64_t* forced;     // (B,) or null
  unsigned long long* next;  // how many have been taken
  int64_t* lengths;          // (B,)
  float* records;            // (sum of lengths, record_dim) where lengths are known before, else null
  const int64_t* ends;       // (B,) where the records of a sample end; null where all lengths are max_length
  Arena arena;
  // Scratch memory, for each block: what one thread reads once a pass.
  float4* known;   // (H, lanes) the first layer's gates, the part that no pass changes
  float* cells;    // (layers, H, lanes)
  float* outputs;  // (4 * head.groups, lanes)
};

}  // namespace dgsynth
