"""Data as samples of metadata and measurements: the schema, reading and writing."""

from dgsynth.data.io import read_table, write_table
from dgsynth.data.schema import Column, Schema
from dgsynth.data.sequences import Sequences
from dgsynth.data.windows import stitch, windows

__all__ = ["Column", "Schema", "Sequences", "read_table", "stitch", "windows", "write_table"]
