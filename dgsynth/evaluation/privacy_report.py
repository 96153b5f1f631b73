"""The privacy report: attacks on the training data, copies, advice, and a page."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pandas as pd

from dgsynth.data.schema import Label
from dgsynth.errors import DataError
from dgsynth.evaluation import privacy_page
from dgsynth.evaluation.neighbours import duplicate_share, memorized_share, nearest_ratio
from dgsynth.evaluation.output import json_text, plain, write
from dgsynth.evaluation.privacy_attacks import (
    attribute_inference,
    membership_inference,
    membership_inference_from_samples,
)
from dgsynth.evaluation.privacy_findings import PrivacyFindings
from dgsynth.evaluation.tables import check_same_columns, read_alike, read_like

if TYPE_CHECKING:
    from dgsynth.evaluation.figures import Figure


def privacy_report(
    real: Any,
    synthetic: Any,
    holdout: Any,
    *,
    model: Any = None,
    sensitive: Sequence[Label] | None = None,
    random_state: int = 0,
    progress: Callable[[str], None] | None = None,
    **reading: Any,
) -> PrivacyReport:
    """Attack the training data by the synthetic ones, and by the model if given, and return how well that went.

    Parameters
    ----------
    real : DataFrame, array, list, Table or Sequences
        What the model was trained on.
    synthetic : likewise
        What it made; as many as will be handed out.
    holdout : likewise
        Other real samples of the same law, which it was not trained on.
    model : fitted Synthesizer, default=None
        For an attacker who holds the whole model; None, or one without discriminators, is attacked by samples alone.
    sensitive : sequence of labels, default=None
        Metadata columns that an attacker would like to know; by default all with categories.
    random_state : int, default=0
    progress : callable, default=None
        Called with a text before each attack.
    **reading
        Keywords of `Sequences.from_any`, that say how tables are read.

    Returns
    -------
    PrivacyReport

    Raises
    ------
    DataError
        The tables can't be compared, or a sample is both in `real` and in `holdout`.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, synthetic, holdout = (make_web_traffic(40, 30, random_state=seed) for seed in range(3))
    >>> report = privacy_report(real, synthetic, holdout, **columns)
    >>> report.n_training
    40
    """
    real, synthetic = read_alike(real, synthetic, **reading)
    holdout = read_like(holdout, real.schema, "holdout", **reading)
    check_same_columns(real, holdout, "holdout")
    shared = duplicate_share(real, holdout)
    if real.schema.measurements and shared > 0.5:
        raise DataError(
            f"{shared:.0%} of the samples of holdout are in the training data too; give samples that were not trained "
            "on"
        )

    def say(text: str) -> None:
        if progress is not None:
            progress(text)

    attacks = []
    if getattr(getattr(model, "networks_", None), "discriminator", None) is not None:
        say("Attack with the discriminator")
        attacks.append(membership_inference(model, real, holdout, random_state=random_state))
    elif model is not None:
        say("The model has no discriminator to attack with: samples alone have to do")
    for method in ("nearest", "density"):
        say(f"Attack with samples alone: {method}")
        attacks.append(membership_inference_from_samples(synthetic, real, holdout, method, random_state=random_state))
    if sensitive is None:
        sensitive = [column.name for column in real.schema.metadata if column.has_categories]
        sensitive = sensitive if len(real.schema.names) > 1 else []
    attributes = []
    for column in sensitive:
        say(f"Attack on the attribute {column}")
        attributes.append(attribute_inference(synthetic, real, holdout, column, random_state=random_state))
    say("Copies")
    copies = {
        "exact copies of training samples": duplicate_share(real, synthetic),
        "exact copies of training samples among unseen real ones": shared,
        "distance to the nearest training sample, relative to unseen real ones": nearest_ratio(
            real, synthetic, holdout=holdout, random_state=random_state
        ),
        "samples too near to training samples": memorized_share(real, synthetic, holdout, random_state=random_state),
    }
    privacy, spent = getattr(model, "privacy", None), getattr(model, "epsilon_", None)
    guarantee = None if spent is None or privacy is None else (float(spent), float(privacy.delta))
    return PrivacyReport(tuple(attacks), tuple(attributes), copies, len(real), guarantee)


class PrivacyReport(PrivacyFindings):
    """What `privacy_report` found.

    Attributes
    ----------
    attacks : tuple of AttackResult
    attributes : tuple of AttributeInference
    copies : dict of str to float
    n_training : int
    guarantee : tuple of float or None
        Epsilon and delta, where the model was trained with privacy.
    """

    @property
    def verdict(self) -> str:
        """The result in a few sentences."""
        return " ".join(privacy_page.verdict(self))

    @property
    def table(self) -> pd.DataFrame:
        """One row for each attack on membership."""
        return pd.DataFrame([asdict(attack) for attack in self.attacks])

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the numbers as JSON, and write them to `path` if given."""

        def entries(results: Sequence[Any]) -> list[dict[str, Any]]:
            return [{key: plain(value) for key, value in asdict(result).items()} for result in results]

        content = {
            "verdict": self.verdict,
            "n_training": self.n_training,
            "guarantee": None
            if self.guarantee is None
            else dict(zip(("epsilon", "delta"), self.guarantee, strict=True)),
            "membership": entries(self.attacks),
            "attributes": entries(self.attributes),
            "copies": {key: plain(value) for key, value in self.copies.items()},
        }
        return json_text(content, path)

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return one self-contained page, and write it to `path` if given. Needs matplotlib."""
        text = privacy_page.page(self)
        return text if path is None else write(path, text)

    def plot(self) -> Figure:
        """Return how well the attacks went, and which attributes they told, in one figure. Needs matplotlib."""
        from dgsynth.evaluation.figures import together

        return together(list(privacy_page.drawings(self)))

    def __str__(self) -> str:
        lines = [self.verdict, "", self.table.round(3).to_string(index=False), ""]
        if self.attributes:
            table = pd.DataFrame([{**asdict(a), "difference": a.difference} for a in self.attributes])
            lines += [table.round(3).to_string(index=False), ""]
        lines += [f"{name}: {value:.3g}" for name, value in self.copies.items()]
        return "\n".join([*lines, "", *privacy_page.ADVICE, "", privacy_page.RULE])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return privacy_page.summary(self)
