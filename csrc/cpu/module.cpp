// The Python module dgsynth._C. It is empty: the library is loaded with torch.ops.load_library, and each op registers
// itself with the dispatcher in its own file. setuptools and tools that inspect wheels expect an init function.

#include <Python.h>

PyMODINIT_FUNC PyInit__C() {
  static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_C", nullptr, -1, nullptr};
  return PyModule_Create(&module);
}
