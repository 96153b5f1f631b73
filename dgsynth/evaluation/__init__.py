"""Judging synthetic data: metrics with their floors, pictures, a report and a score, for any synthesizer's output."""

from dgsynth.evaluation.downstream import classify_metadata, forecast
from dgsynth.evaluation.fidelity import Scorer, fidelity_table, mean_excess, score
from dgsynth.evaluation.fidelity_report import FidelityReport, evaluate
from dgsynth.evaluation.metrics import floor
from dgsynth.evaluation.privacy_report import PrivacyReport, privacy_report
from dgsynth.evaluation.relation_search import find_relations

__all__ = [
    "FidelityReport",
    "PrivacyReport",
    "Scorer",
    "classify_metadata",
    "evaluate",
    "fidelity_table",
    "find_relations",
    "floor",
    "forecast",
    "mean_excess",
    "privacy_report",
    "score",
]
