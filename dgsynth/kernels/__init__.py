"""Operations of the hot paths, defined by their plain PyTorch references; importing it loads the compiled kernels."""

from dgsynth.kernels._library import library_status, load_libraries
from dgsynth.kernels.instructions import instruction_set

load_libraries()

__all__ = ["instruction_set", "library_status"]
