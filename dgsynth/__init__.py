"""Synthetic time series with metadata: DoppelGANger as a scikit-learn estimator on PyTorch."""

from dgsynth.config import PrivacyConfig
from dgsynth.data import Schema, Sequences
from dgsynth.loading import load
from dgsynth.synthesizer import DGSynthesizer
from dgsynth.versions import __version__, show_versions

__all__ = ["DGSynthesizer", "PrivacyConfig", "Schema", "Sequences", "__version__", "load", "show_versions"]
