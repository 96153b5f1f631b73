"""Readers of the paper's data sets: the raw public files, and those of the original project.

Nothing is downloaded. Each reader takes files that are on this machine, applies the filters of the paper's Appendix A
and gives `Sequences`; where the files are to be had, its docstring says, and its error where one is not there.
"""

from dgsynth.data.paper.cluster_tasks import read_cluster_tasks
from dgsynth.data.paper.mba import read_mba
from dgsynth.data.paper.original import read_original
from dgsynth.data.paper.wikipedia import read_wikipedia

__all__ = ["read_cluster_tasks", "read_mba", "read_original", "read_wikipedia"]
