"""The models that DoppelGANger is compared with (Lin et al. 2020, section 5.1.2): estimators like `DGSynthesizer`."""

from dgsynth.baselines.autoregressive import ARSynthesizer
from dgsynth.baselines.hmm import HMMSynthesizer
from dgsynth.baselines.market_simulator import MarketSimulator
from dgsynth.baselines.naive_gan import NaiveGANSynthesizer
from dgsynth.baselines.rcgan import RCGANSynthesizer
from dgsynth.baselines.rnn import RNNSynthesizer
from dgsynth.baselines.timegan import TimeGANSynthesizer

__all__ = [
    "ARSynthesizer",
    "HMMSynthesizer",
    "MarketSimulator",
    "NaiveGANSynthesizer",
    "RCGANSynthesizer",
    "RNNSynthesizer",
    "TimeGANSynthesizer",
]
