"""What `import dgsynth` offers; loaded when something of it is first asked for, since torch takes seconds."""

from dgsynth.constraints import FixedCombinations, Inequality, Monotonic, Range, Sum
from dgsynth.data import Schema, Sequences, stitch, windows
from dgsynth.loading import load
from dgsynth.models.auto.estimator import AutoSynthesizer
from dgsynth.models.autoregressive.estimator import AutoregressiveSynthesizer
from dgsynth.models.doppelganger.estimator import DGSynthesizer
from dgsynth.privacy.config import PrivacyConfig
from dgsynth.versions import __version__, show_versions

__all__ = [
    "AutoSynthesizer",
    "AutoregressiveSynthesizer",
    "DGSynthesizer",
    "FixedCombinations",
    "Inequality",
    "Monotonic",
    "PrivacyConfig",
    "Range",
    "Schema",
    "Sequences",
    "Sum",
    "__version__",
    "load",
    "show_versions",
    "stitch",
    "windows",
]
