"""Synthetic time series with metadata: DoppelGANger as a scikit-learn estimator on PyTorch."""

from dgsynth.data import Schema, Sequences
from dgsynth.synthesizer import DGSynthesizer

__version__ = "0.1.0.dev0"

load = DGSynthesizer.load

__all__ = ["DGSynthesizer", "Schema", "Sequences", "__version__", "load"]
