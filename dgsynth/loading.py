"""Loading a model without knowing which synthesizer wrote it."""

from __future__ import annotations

import os
from pathlib import Path

from dgsynth.errors import ModelFileError
from dgsynth.models.autoregressive.estimator import AutoregressiveSynthesizer
from dgsynth.models.doppelganger.estimator import DGSynthesizer
from dgsynth.models.model_file import synthesizer_of
from dgsynth.models.synthesizer import Synthesizer
from dgsynth.tensor_file import read_header


def load(path: str | os.PathLike[str]) -> Synthesizer:
    """Return the model in a file that `save` of any synthesizer wrote; nothing in the file is executed.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    DGSynthesizer, AutoregressiveSynthesizer, or one of `dgsynth.baselines`

    Raises
    ------
    FileNotFoundError
    ModelFileError
        The file is damaged, foreign, or of another format version.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> table = np.random.default_rng(0).normal(size=(60, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/model.safetensors"
    ...     AutoregressiveSynthesizer(max_steps=10, random_state=0).fit(table).save(path)
    ...     model = load(path)
    >>> model.sample(3, random_state=7).shape
    (3, 2)
    """
    name = synthesizer_of(read_header(path, "model"))
    for kind in (DGSynthesizer, AutoregressiveSynthesizer):
        if name == kind.__name__:
            return kind.load(path)
    from dgsynth.models import baselines  # whoever has no baseline does not wait for the import

    if name not in baselines.__all__:
        raise ModelFileError(f"{Path(path).name} holds a {name!r}, which this dgsynth does not know")
    synthesizer: type[Synthesizer] = getattr(baselines, name)
    return synthesizer.load(path)
