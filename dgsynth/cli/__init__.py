"""The `dgsynth` command: fit, sample, info, evaluate, privacy, compare, tune, demo, doctor; one file for each.

Modules of dgsynth, and with them torch and pandas, are imported inside the functions, so that `--help` is quick. What a
user can get wrong is checked before training, since a training run lost to a misspelt file name is a long time lost.
"""

from dgsynth.cli.app import main

__all__ = ["main"]
