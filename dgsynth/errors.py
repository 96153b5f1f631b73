"""Errors that dgsynth raises on purpose; each is a subclass of the builtin a caller would catch."""


class DataError(ValueError):
    """The table, schema or condition given can't be used; the message names the column and the remedy.

    Parameters
    ----------
    message : str
    command : str, optional
        What the command says instead, where the remedy is a line of Python: there it is an option. Parameters that
        a message names are called by their options anyway.
    """

    def __init__(self, message: str, *, command: str | None = None) -> None:
        super().__init__(message)
        self.command = command


class ModelFileError(ValueError):
    """A model or checkpoint file is damaged, foreign, or of a format this version can't read."""


class DivergenceError(ArithmeticError):
    """A loss or a gradient stopped being finite during training; the message names the step."""
