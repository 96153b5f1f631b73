"""Differential privacy: clipped gradients, noise, accounting, and what must be declared."""
