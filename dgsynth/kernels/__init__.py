"""Operations of the hot paths, defined by their plain PyTorch references; importing it loads the compiled kernels."""

from dgsynth.kernels._library import library_status, load_libraries

load_libraries()

__all__ = ["library_status"]
