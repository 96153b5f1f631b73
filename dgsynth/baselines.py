"""The seven models that the paper compares with, as estimators: the face of `dgsynth.models.baselines`."""

from dgsynth.models.baselines import (
    ARSynthesizer,
    HMMSynthesizer,
    MarketSimulator,
    NaiveGANSynthesizer,
    RCGANSynthesizer,
    RNNSynthesizer,
    TimeGANSynthesizer,
)

__all__ = [
    "ARSynthesizer",
    "HMMSynthesizer",
    "MarketSimulator",
    "NaiveGANSynthesizer",
    "RCGANSynthesizer",
    "RNNSynthesizer",
    "TimeGANSynthesizer",
]
