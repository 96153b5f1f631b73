"""Errors that dgsynth raises on purpose, subclasses of the builtin a caller would catch, and a check that all share."""

from pathlib import Path


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


def check_place(path: Path) -> None:
    """Raise FileNotFoundError where a file can't be written since there is no such folder, or it is one itself."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}; make it first")
