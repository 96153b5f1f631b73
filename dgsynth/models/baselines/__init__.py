"""The models that DoppelGANger is compared with (Lin et al. 2020, section 5.1.2): estimators like `DGSynthesizer`."""

from dgsynth.models.baselines.autoregressive import ARSynthesizer
from dgsynth.models.baselines.hmm import HMMSynthesizer
from dgsynth.models.baselines.market_simulator import MarketSimulator
from dgsynth.models.baselines.naive_gan import NaiveGANSynthesizer
from dgsynth.models.baselines.rcgan import RCGANSynthesizer
from dgsynth.models.baselines.rnn import RNNSynthesizer
from dgsynth.models.baselines.timegan import TimeGANSynthesizer

__all__ = [
    "ARSynthesizer",
    "HMMSynthesizer",
    "MarketSimulator",
    "NaiveGANSynthesizer",
    "RCGANSynthesizer",
    "RNNSynthesizer",
    "TimeGANSynthesizer",
]
