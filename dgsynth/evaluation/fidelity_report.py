"""A report that says in words, numbers and pictures how close synthetic data come to real ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dgsynth.data.schema import Label
from dgsynth.evaluation import fidelity_page, fidelity_pictures, wording
from dgsynth.evaluation.downstream import classify_metadata
from dgsynth.evaluation.downstream import forecast as forecast_measurement
from dgsynth.evaluation.fidelity import COLUMNS, fidelity_table
from dgsynth.evaluation.fidelity_findings import FidelityFindings
from dgsynth.evaluation.output import json_text, plain, rows, write
from dgsynth.evaluation.tables import check_same_columns, read_alike, read_like

if TYPE_CHECKING:
    from dgsynth.evaluation.figures import Figure


def evaluate(
    real: Any,
    synthetic: Any,
    *,
    holdout: Any = None,
    model: Any = None,
    target: Label | None = None,
    forecast: Label | None = None,
    costly: bool = True,
    random_state: int = 0,
    progress: Callable[[str], None] | None = None,
    **reading: Any,
) -> FidelityReport:
    """Return a report on how close synthetic data come to real ones.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
        Data with the same columns; `real` is what the synthesizer was trained on.
    holdout : Sequences or table, default=None
        Real data that it was not trained on. If given, fidelity is judged by these, and memorisation too.
    model : DGSynthesizer, default=None
        The fitted model, for a picture of its training; anything with a `history_` of losses.
    target : column label, default=None
        A categorical metadata column to predict from the series; see `classify_metadata`.
    forecast : column label, default=None
        A measurement whose next records to predict; see `forecast`.
    costly : bool, default=True
        Whether to train networks for the discriminative and the predictive score, about 20 seconds on two cores.
    random_state : int, default=0
        Seed of everything random: parts of large data, the halves behind the floors, what is trained, the series shown.
    progress : callable, default=None
        Told what is being done.
    **reading
        Keywords of `Sequences.from_any`, such as `sequence_key`, if the data are tables.

    Returns
    -------
    FidelityReport

    Raises
    ------
    DataError
        The synthetic or held-out data lack a column of the real data, a table can't be read, or one has no samples.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(50, 60, random_state=seed) for seed in (0, 1))
    >>> report = evaluate(real, other, costly=False, **columns)
    >>> report.score > 0.8
    True
    """
    real, synthetic = read_alike(real, synthetic, **reading)
    if holdout is not None:
        holdout = read_like(holdout, real.schema, "holdout", **reading)
        check_same_columns(real, holdout, "holdout")
    table = fidelity_table(
        real, synthetic, holdout=holdout, costly=costly, random_state=random_state, progress=progress
    )
    downstream = []
    for task, column in ((classify_metadata, target), (forecast_measurement, forecast)):
        if column is not None:
            if progress is not None:
                progress(f"Downstream: {column}")
            downstream.append(task(real, synthetic, column, holdout=holdout, random_state=random_state))
    history, scores = (getattr(model, name, None) for name in ("history_", "validation_scores_"))
    return FidelityReport(table, real, synthetic, holdout, tuple(downstream), history, scores, random_state)


class FidelityReport(FidelityFindings):
    """What `evaluate` found.

    Attributes
    ----------
    table : DataFrame with columns family, name, column, value, floor, unit, excess, light
        One row per comparison; see `fidelity_table`.
    real, synthetic : Sequences
        The data that were compared.
    holdout : Sequences or None
        Real data that the model was not trained on.
    downstream : tuple of DownstreamResult
    history, validation_scores : DataFrame or None
        Of the training run.
    random_state : int

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(40, 30, random_state=seed) for seed in (0, 1))
    >>> from dgsynth.evaluation import evaluate
    >>> report = evaluate(real, other, costly=False, **columns)
    >>> sorted(report.table["family"].unique())[:3]
    ['combinations', 'copies', 'lengths']
    """

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the report's numbers as JSON, and write them to `path` if given.

        Parameters
        ----------
        path : path, default=None

        Returns
        -------
        str
            ``{"verdict": ..., "score": ..., "mean_excess": ..., "remedy": ..., "compared": [...], "metrics":
            [{"family": ..., "name": ..., "column": ..., "value": ..., "floor": ..., "unit": ..., "excess": ...,
            "light": ...}, ...], "downstream": [...]}``; null for a number that could not be computed.
        """
        content = {
            "verdict": self.verdict,
            "score": plain(self.score),
            "mean_excess": plain(self.mean_excess),
            "remedy": self.remedy,
            "compared": self.sizes,
            "metrics": rows(self.table[COLUMNS]),
            "downstream": [
                {
                    "task": result.task,
                    "score_name": result.score_name,
                    "rank_correlation": {key: plain(value) for key, value in result.rank_correlation.items()},
                    "scores": rows(result.scores),
                }
                for result in self.downstream
            ],
        }
        return json_text(content, path)

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return one self-contained page with verdict, table and pictures, and write it to `path` if given.

        Needs matplotlib.

        Parameters
        ----------
        path : path, default=None

        Returns
        -------
        str
        """
        text = fidelity_page.page(self)
        return text if path is None else write(path, text)

    def plot(self, name: Label | None = None) -> Figure:
        """Return pictures of real beside synthetic data in one figure. Needs matplotlib.

        Parameters
        ----------
        name : column label or str, default=None
            What to show: all about a column; a kind of picture, such as "series", "autocorrelation", "values",
            "lengths", "totals", "metadata", "nearest" or "training"; or a family of the table, such as "time". None
            for an overview.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        DataError
            There is no such picture; the message lists those that there are.
        ImportError
            matplotlib is not installed.
        """
        return fidelity_pictures.pictured(self, name)

    def __str__(self) -> str:
        table = self.table.drop(columns=["family", "excess"]).assign(light=self.table["light"].fillna("-"))
        table["floor"], table["value"] = table["floor"].map(wording.number), table["value"].map(wording.number)
        lines = [
            self.verdict,
            *filter(None, [self.remedy]),
            f"Score: {self.score:.2f} of 1, mean excess: {self.mean_excess:.2f}. {'; '.join(self.sizes)}.",
            "",
            table.to_string(index=False),
        ]
        for result in self.downstream:
            lines += ["", f"{result.task}, {result.score_name}:", result.summary().round(3).to_string()]
        return "\n".join([*lines, "", wording.rule()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return fidelity_page.summary(self)
