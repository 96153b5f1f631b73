"""Shapes of the data sets that speed is measured on: those of the paper."""

SHAPES = {
    "wwt": (550, 10, 1, (9, 3, 2)),
    "mba": (56, 1, 2, (15, 5, 53)),
    "gcut": (2500, 50, 9, (4,)),
}
"""T, S, measurements, and the categories of each metadata column."""
