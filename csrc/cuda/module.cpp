// The Python module dgsynth._C_cuda, as empty as dgsynth._C (see ../cpu/module.cpp).

#include <Python.h>

PyMODINIT_FUNC PyInit__C_cuda() {
  static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_C_cuda", nullptr, -1, nullptr};
  return PyModule_Create(&module);
}
