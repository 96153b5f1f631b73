// Compiles the matrix product for each instruction set.

#include "multiply.h"

namespace dgsynth {
namespace {

#ifdef __x86_64__
__attribute__((target("arch=x86-64-v4"))) void multiply_avx512(const Product<float>& p) {
  multiply_tiles<float, 64, kTileRows>(p);
}

__attribute__((target("arch=x86-64-v3"))) void multiply_avx2(const Product<float>& p) {
  multiply_tiles<float, 32, kFewTileRows>(p);
}

__attribute__((target("arch=x86-64-v4"))) void rows_avx512(const RowProduct<float>& p) { multiply_row_tiles<float, 64>(p); }

__attribute__((target("arch=x86-64-v3"))) void rows_avx2(const RowProduct<float>& p) { multiply_row_tiles<float, 32>(p); }
#endif

void multiply_anywhere(const Product<float>& p) { multiply_tiles<float, 16, kFewTileRows>(p); }

void rows_anywhere(const RowProduct<float>& p) { multiply_row_tiles<float, 16>(p); }

struct Chosen {
  void (*multiply)(const Product<float>&);
  void (*rows)(const RowProduct<float>&);
};

Chosen choose() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("x86-64-v4")) return {multiply_avx512, rows_avx512};
  if (__builtin_cpu_supports("x86-64-v3")) return {multiply_avx2, rows_avx2};
#endif
  return {multiply_anywhere, rows_anywhere};
}

const Chosen& chosen() {
  static const Chosen functions = choose();
  return functions;
}

}  // namespace

void multiply_float(const Product<float>& product) { chosen().multiply(product); }

void multiply_rows_float(const RowProduct<float>& product) { chosen().rows(product); }

// In float64 only the kernels' derivatives are checked; speed does not matter.
void multiply_double(const Product<double>& product) { multiply_tiles<double, 16, kFewTileRows>(product); }

void multiply_rows_double(const RowProduct<double>& product) { multiply_row_tiles<double, 16>(product); }

}  // namespace dgsynth
