"""Synthetic time series with metadata: DoppelGANger as a scikit-learn estimator on PyTorch."""

from dgsynth.data import Schema, Sequences
from dgsynth.loading import load
from dgsynth.synthesizer import DGSynthesizer
from dgsynth.versions import __version__, show_versions

__all__ = ["DGSynthesizer", "Schema", "Sequences", "__version__", "load", "show_versions"]
