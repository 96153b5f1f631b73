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
#endif

void multiply_anywhere(const Product<float>& p) { multiply_tiles<float, 16, kFewTileRows>(p); }

auto choose() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("x86-64-v4")) return multiply_avx512;
  if (__builtin_cpu_supports("x86-64-v3")) return multiply_avx2;
#endif
  return multiply_anywhere;
}

}  // namespace

void multiply_float(const Product<float>& product) {
  static const auto chosen = choose();
  chosen(product);
}

// In float64 only the kernels' derivatives are checked; speed does not matter.
void multiply_double(const Product<double>& product) { multiply_tiles<double, 16, kFewTileRows>(product); }

}  // namespace dgsynth
