// Compiles the matrix product for each instruction set.

#include "multiply.h"

namespace dgsynth {
namespace {

#ifdef __x86_64__
__attribute__((target("arch=x86-64-v4,avx512bf16"))) void pairs_bf16(const Product<float>& p) {
  multiply_tiles<OfPairs, float, 64, kTileRows>(p);
}

__attribute__((target("arch=x86-64-v4"))) void pairs_avx512(const Product<float>& p) {
  multiply_tiles<OfSplitPairs, float, 64, kTileRows>(p);
}

__attribute__((target("arch=x86-64-v3"))) void pairs_avx2(const Product<float>& p) {
  multiply_tiles<OfSplitPairs, float, 32, kFewTileRows>(p);
}

__attribute__((target("arch=x86-64-v4"))) void columns_avx512(const Unpacked& m, float* to) { pack_columns(m, to); }

__attribute__((target("arch=x86-64-v4"))) void rows_packed_avx512(const Unpacked& m, float* to) { pack_rows(m, to); }

__attribute__((target("arch=x86-64-v4"))) void multiply_avx512(const Product<float>& p) {
  multiply_tiles<OfNumbers, float, 64, kTileRows>(p);
}

__attribute__((target("arch=x86-64-v3"))) void multiply_avx2(const Product<float>& p) {
  multiply_tiles<OfNumbers, float, 32, kFewTileRows>(p);
}

__attribute__((target("arch=x86-64-v4"))) void rows_avx512(const RowProduct<float>& p) { multiply_row_tiles<float, 64>(p); }

__attribute__((target("arch=x86-64-v3"))) void rows_avx2(const RowProduct<float>& p) { multiply_row_tiles<float, 32>(p); }
#endif

void multiply_anywhere(const Product<float>& p) { multiply_tiles<OfNumbers, float, 16, kFewTileRows>(p); }

void pairs_anywhere(const Product<float>& p) { multiply_tiles<OfSplitPairs, float, 16, kFewTileRows>(p); }

void columns_anywhere(const Unpacked& m, float* to) { pack_columns(m, to); }

void rows_packed_anywhere(const Unpacked& m, float* to) { pack_rows(m, to); }

void rows_anywhere(const RowProduct<float>& p) { multiply_row_tiles<float, 16>(p); }

struct Chosen {
  void (*multiply)(const Product<float>&);
  void (*rows)(const RowProduct<float>&);
  void (*pairs)(const Product<float>&);
  void (*pack_columns)(const Unpacked&, float*);
  void (*pack_rows)(const Unpacked&, float*);
};

Chosen choose() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("x86-64-v4")) {
    const auto pairs = __builtin_cpu_supports("avx512bf16") ? pairs_bf16 : pairs_avx512;
    return {multiply_avx512, rows_avx512, pairs, columns_avx512, rows_packed_avx512};
  }
  if (__builtin_cpu_supports("x86-64-v3")) {
    return {multiply_avx2, rows_avx2, pairs_avx2, columns_anywhere, rows_packed_anywhere};
  }
#endif
  return {multiply_anywhere, rows_anywhere, pairs_anywhere, columns_anywhere, rows_packed_anywhere};
}

const Chosen& chosen() {
  static const Chosen functions = choose();
  return functions;
}

}  // namespace

void multiply_float(const Product<float>& product) { chosen().multiply(product); }

void multiply_pairs(const Product<float>& product) {
  if (product.m > 0 && product.n > 0) chosen().pairs(product);
}

void pack_left(const Unpacked& matrix, float* to) { chosen().pack_columns(matrix, to); }

void pack_right(const Unpacked& matrix, float* to) { chosen().pack_rows(matrix, to); }

void multiply_rows_float(const RowProduct<float>& product) { chosen().rows(product); }

// In float64 only the kernels' derivatives are checked; speed does not matter.
void multiply_double(const Product<double>& product) { multiply_tiles<OfNumbers, double, 16, kFewTileRows>(product); }

void multiply_rows_double(const RowProduct<double>& product) { multiply_row_tiles<double, 16>(product); }

}  // namespace dgsynth
