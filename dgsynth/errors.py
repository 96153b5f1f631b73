"""Errors that dgsynth raises on purpose; each is a subclass of the builtin a caller would catch."""


class DataError(ValueError):
    """The table, schema or condition given can't be used; the message names the column and the remedy."""


class ModelFileError(ValueError):
    """A model or checkpoint file is damaged, foreign, or of a format this version can't read."""


class DivergenceError(ArithmeticError):
    """A loss or a gradient stopped being finite during training; the message names the step."""
