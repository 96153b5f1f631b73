// The host's part of the critic: its matrix products, and the kernels between them, in the order of
// dgsynth/kernels/critic.py.
//
// `Device` is what memory, products and kernels come from: a GPU through torch in torch_device.h, threads of the host in
// the tests. The first layer's padding is read as the zeros that it is: how much of it there is the host does not know,
// and asking would make it wait. For the same reason nothing here reads what has been made, so that a CUDA graph can
// hold it.
#pragma once

#include <algorithm>
#include <vector>

#include "critic_kernels.h"
#include "matrix_view.h"

namespace dgsynth {

constexpr double kCriticEpsilon = 1e-8;  // added to the squared norm

template <class T>
struct CriticLayers {
  std::vector<int64_t> width;  // inputs, hidden layers, 1
  std::vector<const T*> weights, biases;

  int64_t last() const { return static_cast<int64_t>(weights.size()) - 1; }
  MatrixView<const T> weight(int64_t l) const { return {weights[l], width[l + 1], width[l]}; }
};

// What is made of some rows.
template <class T>
struct CriticTrace {
  int64_t rows, scored;
  std::vector<T*> hidden;  // (rows, out) of each hidden layer, after its ReLU
  std::vector<T*> left;    // (rows, out) of each layer: the score's gradient to its sums
  T* scores;               // (scored)
};

// The layers behind the first, whose outputs are there, and back to its sums.
template <class T, class Device>
void forward_and_down(Device& device, const CriticLayers<T>& m, const CriticTrace<T>& trace) {
  const int64_t last = m.last(), rows = trace.rows;
  for (int64_t l = 1; l < last; l++) {
    const int64_t in = m.width[l], out = m.width[l + 1];
    device.multiply(read_only(trace.hidden[l - 1], rows, in), m.weight(l).transposed(),
                    MatrixView(trace.hidden[l], rows, out));
    if (l + 1 < last) device.run(AddBiasAndRelu<T>{trace.hidden[l], m.biases[l], rows, out});
  }
  device.run(Score<T>{last > 0 ? trace.hidden[last - 1] : nullptr, last > 1 ? m.biases[last - 1] : nullptr,
                      m.weights[last], m.biases[last], trace.scores, last > 0 ? trace.left[last - 1] : nullptr,
                      trace.left[last], rows, trace.scored, m.width[last]});
  for (int64_t l = last - 2; l >= 0; l--) {
    const int64_t out = m.width[l + 1], above = m.width[l + 2];
    device.multiply(read_only(trace.left[l + 1], rows, above), m.weight(l + 1), MatrixView(trace.left[l], rows, out));
    device.run(MaskRows<T>{trace.left[l], trace.hidden[l], nullptr, trace.left[l], rows, out});
  }
}

// Rows to judge, of which the trace has three kinds.
template <class T>
struct CriticRows {
  int64_t n;
  const T *real, *fake, *mixing;  // (n, inputs), (n, inputs), (n)
};

// Scores, norms, and the factors of their gradients: trace.hidden of interpolated rows are t on return. The slopes at
// these (n, inputs) are divided by their norms where `divides` says so.
template <class T, class Device>
void run_critic(Device& device, const CriticLayers<T>& m, const CriticRows<T>& rows, const CriticTrace<T>& trace,
                T* norms, T* slopes, bool divides) {
  const int64_t n = rows.n, inputs = m.width[0], first = m.width[1], last = m.last();
  T* const sums = last > 0 ? trace.hidden[0] : trace.scores;
  device.multiply(read_only(rows.real, n, inputs), m.weight(0).transposed(), MatrixView(sums, n, first));
  device.multiply(read_only(rows.fake, n, inputs), m.weight(0).transposed(), MatrixView(sums + n * first, n, first));
  if (last > 0) device.run(InterpolateFirstLayer<T>{sums, m.biases[0], rows.mixing, n, first});
  forward_and_down(device, m, trace);

  device.multiply(read_only(trace.left[0] + 2 * n * first, n, first), m.weight(0), MatrixView(slopes, n, inputs));
  device.run(TakeNorms<T>{slopes, norms, static_cast<T>(kCriticEpsilon), divides, n, inputs});
  T* const sums_up = device.template make<T>(n * *std::max_element(m.width.begin() + 1, m.width.end()));
  const T* below = slopes;
  for (int64_t l = 0; l < last; l++) {
    const int64_t out = m.width[l + 1];
    T* const t = trace.hidden[l] + 2 * n * out;
    device.multiply(read_only(below, n, m.width[l]), m.weight(l).transposed(), MatrixView(sums_up, n, out));
    device.run(MaskRows<T>{sums_up, t, l == 0 && !divides ? norms : nullptr, t, n, out});
    below = t;
  }
}

// The gradients' factors, whichever op they come from.
template <class T>
struct CriticFactors {
  int64_t n;
  std::vector<int64_t> width;
  const T *real, *fake, *slopes;      // (n, inputs)
  std::vector<const T*> left, right;  // (3n, out) of each layer, and of each but the last
  std::vector<T*> scaled;             // where the scaled `left` go, maybe where they are
  const T *scale, *first_scale;       // (3n)
};

template <class T>
struct CriticGradients {
  std::vector<T*> weights, biases;
};

template <class T, class Device>
void make_gradients(Device& device, const CriticFactors<T>& f, const CriticGradients<T>& made) {
  const int64_t n = f.n, layers = static_cast<int64_t>(f.left.size()), inputs = f.width[0], first = f.width[1];
  for (int64_t begin = 0; begin < layers; begin += kMaxFactors) {
    ScaleFactors<T> kernel{};
    kernel.rows = 3 * n;
    kernel.with_bias = 2 * n;
    for (int64_t l = begin; l < std::min<int64_t>(begin + kMaxFactors, layers); l++) {
      const T* const scale = l == 0 ? f.first_scale : f.scale;
      kernel.factors[kernel.count++] = {f.left[l], scale, f.scaled[l], made.biases[l], f.width[l + 1]};
    }
    device.run(kernel);
  }
  const T* const kinds[] = {f.real, f.fake, f.slopes};
  for (int64_t kind = 0; kind < 3; kind++) {
    device.multiply(read_only(f.scaled[0] + kind * n * first, n, first).transposed(), read_only(kinds[kind], n, inputs),
                    MatrixView(made.weights[0], first, inputs), kind > 0);
  }
  for (int64_t l = 1; l < layers; l++) {
    const int64_t in = f.width[l], out = f.width[l + 1];
    device.multiply(read_only(f.scaled[l], 3 * n, out).transposed(), read_only(f.right[l - 1], 3 * n, in),
                    MatrixView(made.weights[l], out, in));
  }
}

// Room for what is made of rows and not handed out.
template <class T, class Device>
CriticTrace<T> make_trace(Device& device, const CriticLayers<T>& m, int64_t rows, int64_t scored) {
  CriticTrace<T> trace{rows, scored};
  for (int64_t l = 0; l <= m.last(); l++) {
    if (l < m.last()) trace.hidden.push_back(device.template make<T>(rows * m.width[l + 1]));
    trace.left.push_back(device.template make<T>(rows * m.width[l + 1]));
  }
  return trace;
}

template <class T, class Device>
void run_critic_loss(Device& device, const CriticLayers<T>& m, const CriticRows<T>& rows, double penalty_weight,
                     T* losses, const CriticGradients<T>& made) {
  const int64_t n = rows.n;
  CriticTrace<T> trace = make_trace(device, m, 3 * n, 2 * n);
  trace.scores = device.template make<T>(2 * n);
  T *const norms = device.template make<T>(n), *const slopes = device.template make<T>(n * m.width[0]);
  T *const scale = device.template make<T>(3 * n), *const first_scale = device.template make<T>(3 * n);
  run_critic(device, m, rows, trace, norms, slopes, false);
  device.run(WeighLosses<T>{trace.scores, norms, losses, scale, first_scale, static_cast<T>(penalty_weight), n});
  CriticFactors<T> f{n, m.width, rows.real, rows.fake, slopes};
  f.left.assign(trace.left.begin(), trace.left.end());
  f.right.assign(trace.hidden.begin(), trace.hidden.end());
  f.scaled = trace.left;
  f.scale = scale;
  f.first_scale = first_scale;
  make_gradients(device, f, made);
}

template <class T, class Device>
void run_critic_slope(Device& device, const CriticLayers<T>& m, const T* rows, int64_t n, T* scores, T* slopes) {
  CriticTrace<T> trace = make_trace(device, m, n, n);
  trace.scores = scores;
  const int64_t inputs = m.width[0], first = m.width[1];
  T* const sums = m.last() > 0 ? trace.hidden[0] : scores;
  device.multiply(read_only(rows, n, inputs), m.weight(0).transposed(), MatrixView(sums, n, first));
  if (m.last() > 0) device.run(AddBiasAndRelu<T>{sums, m.biases[0], n, first});
  forward_and_down(device, m, trace);
  device.multiply(read_only(trace.left[0], n, first), m.weight(0), MatrixView(slopes, n, inputs));
}

}  // namespace dgsynth
