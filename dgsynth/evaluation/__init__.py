"""Judging synthetic data: distances, pictures and a report, for the output of any synthesizer."""

from dgsynth.evaluation.metrics import fidelity_table, floor
from dgsynth.evaluation.report import FidelityReport, evaluate

__all__ = ["FidelityReport", "evaluate", "fidelity_table", "floor"]
