// What the host tells the kernels of lstm_sequence and lstm_sequence_backward, for which see lstm_sequence_forward.h and
// lstm_sequence_backward.h.
#pragma once

#include "sliced_product.h"

namespace dgsynth {

constexpr int kSequenceThreads = 512;  // of a block at most: 128 registers for each
constexpr int kGateSlices = 4;         // of the gates: a thread is left with the 4 gates of one unit
constexpr int kOtherSlices = 16;       // of other products, which have fewer groups of outputs

// One call's samples and sizes. Arrays are contiguous.
struct Sequence {
  int64_t n;  // samples
  int passes, units, layers, condition_dim, noise_dim, sample_len, step_dim;
  int feedback_dim;        // S * D with feedback, else 0
  int64_t max_length;
  const Output* outputs;   // (n_outputs,) of a record; neighbours of the same elementwise activation are one
  int n_outputs;

  __host__ __device__ int block_dim() const { return sample_len * step_dim; }
  __host__ __device__ int gates() const { return 4 * units; }
  // Inputs of a layer that change from pass to pass, beside its own hidden state.
  __host__ __device__ int x_dim(int layer) const { return layer == 0 ? noise_dim + feedback_dim : units; }
  // Row of (P, layers, B, *), and of (layers, B, *).
  __device__ int64_t row(int64_t pass, int layer, int64_t sample) const { return (pass * layers + layer) * n + sample; }
  __device__ int64_t row(int layer, int64_t sample) const { return layer * n + sample; }
};

// The state of a block of threads lies in rows of shared memory, [row][lane], behind the resident weights.
struct SequenceForward {
  Sequence s;
  bool has_flags;
  SlicedMatrix gates[kMaxLayers];  // (H groups) by [inputs; own hidden state]
  SlicedMatrix head;               // (S * D outputs in fours) by hidden state
  const float* biases[kMaxLayers];
  const float* head_bias;
  const float* known;              // (B, 4H) the condition's share of the first layer's gates
  const float *noise, *hidden, *cell;
  float *steps, *gate_values, *cells, *hiddens;
  int64_t* lengths;
  // Rows. Inputs are there twice, since a pass makes those of the next.
  int input_row[kMaxLayers], inputs;  // of each layer, and of all of them
  int cell_row, top_row, output_row, rows;
  int rows_at;                        // bytes before the rows
};

struct SequenceBackward {
  Sequence s;
  SlicedMatrix recurrent[kMaxLayers];  // (inputs that have a gradient, in fours) by (4H): feedback or the hidden state
                                       // below, then the own hidden state
  SlicedMatrix head;                   // (units in fours) by (S * D)
  const float* grad_steps;
  int64_t grad_row;                    // how far apart its samples lie
  const float *steps, *gate_values, *cells, *cell;
  const int64_t* lengths;
  float *grad_gates, *grad_logits;     // (layers, P, B, 4H), (P, B, S * D)
  float *grad_hidden, *grad_cell;      // (layers, B, H)
  int logit_row, gate_row, hidden_row, cell_row, fed_row, rows;
  int rows_at;
};

// Inputs of a layer that have a gradient, beside its own hidden state.
__host__ __device__ __forceinline__ int below_dim(const Sequence& s, int layer) {
  return layer == 0 ? s.feedback_dim : s.units;
}

}  // namespace dgsynth
