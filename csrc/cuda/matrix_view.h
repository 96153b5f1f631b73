// A matrix in memory, as products read and write it: the host's word for what cuBLAS, or the tests, multiply.
#pragma once

#include <cstdint>

namespace dgsynth {

template <class T>  // a number, const or not
struct MatrixView {
  T* at;
  int64_t rows, columns;
  int64_t row_stride, column_stride;

  // A contiguous one.
  MatrixView(T* at, int64_t rows, int64_t columns)
      : at(at), rows(rows), columns(columns), row_stride(columns), column_stride(1) {}

  MatrixView transposed() const {
    MatrixView other(at, columns, rows);
    other.row_stride = column_stride;
    other.column_stride = row_stride;
    return other;
  }
};

template <class T>
MatrixView<const T> read_only(const T* at, int64_t rows, int64_t columns) {
  return {at, rows, columns};
}

}  // namespace dgsynth
