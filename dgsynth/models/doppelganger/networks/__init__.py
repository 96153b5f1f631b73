"""The networks of DoppelGANger (Figure 7 of the paper) as plain PyTorch modules."""

from dgsynth.models.doppelganger.networks.doppelganger import DoppelGANger, Fake, Noise

__all__ = ["DoppelGANger", "Fake", "Noise"]
