"""Samples by the million in one file: made chunk by chunk, each chunk a part on disk until all are there."""
