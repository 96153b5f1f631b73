"""What every record must keep: declared by the user, kept by a transform of the columns, or by rejection of samples."""

from dgsynth.constraints.declared import Constraint, FixedCombinations, Inequality, Monotonic, Range, Sum

__all__ = ["Constraint", "FixedCombinations", "Inequality", "Monotonic", "Range", "Sum"]
