"""Columns to tensors and back; pandas goes no further than here."""
