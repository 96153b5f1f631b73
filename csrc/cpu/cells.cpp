// Compiles the cells of an LSTM for each instruction set.

#include "cells.h"

namespace dgsynth {
namespace {

#ifdef __x86_64__
using V16 = Vectors<16>::Floats;
using V8 = Vectors<8>::Floats;

__attribute__((target("arch=x86-64-v4"))) void forward_avx512(const CellForward<float>& c) { cell_forward<V16>(c); }
__attribute__((target("arch=x86-64-v4"))) void backward_avx512(const CellBackward<float>& c) { cell_backward<V16>(c); }
__attribute__((target("arch=x86-64-v4"))) void activate_avx512(const std::vector<OutputGroup>& groups, float* row) {
  activate_row<V16>(groups, row);
}

__attribute__((target("arch=x86-64-v3"))) void forward_avx2(const CellForward<float>& c) { cell_forward<V8>(c); }
__attribute__((target("arch=x86-64-v3"))) void backward_avx2(const CellBackward<float>& c) { cell_backward<V8>(c); }
__attribute__((target("arch=x86-64-v3"))) void activate_avx2(const std::vector<OutputGroup>& groups, float* row) {
  activate_row<V8>(groups, row);
}
#endif

using V4 = Vectors<4>::Floats;

Cells<float> choose() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("x86-64-v4")) return {forward_avx512, backward_avx512, activate_avx512};
  if (__builtin_cpu_supports("x86-64-v3")) return {forward_avx2, backward_avx2, activate_avx2};
#endif
  return {cell_forward<V4, float>, cell_backward<V4, float>, activate_row<V4, float>};
}

}  // namespace

template <>
const Cells<float>& cells() {
  static const Cells<float> chosen = choose();
  return chosen;
}

template <>
const Cells<double>& cells() {
  static const Cells<double> plain = {cell_forward<double, double>, cell_backward<double, double>,
                                      activate_row<double, double>};
  return plain;
}

}  // namespace dgsynth
