"""What a fit with differential privacy may do: what would void the guarantee is refused, and what is open is bought."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from dgsynth.data.schema import Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.privacy.accountant import need_opacus
from dgsynth.privacy.bounds import buy
from dgsynth.privacy.config import PrivacyConfig
from dgsynth.privacy.declared import check_declared
from dgsynth.privacy.noise import BUYING, draws_of


def check_privacy(
    privacy: PrivacyConfig | None,
    *,
    goes_on: bool,
    epsilon_before: float | None,
    knows_number: bool,
    validates: bool,
    packing: int,
    metadata_generators: Collection[str],
) -> None:
    """Refuse what would void the guarantee of a fit, or that of the training before it.

    Parameters
    ----------
    privacy : PrivacyConfig or None
    goes_on : bool
        Whether a fitted model is trained on.
    epsilon_before : float or None
        What that model has spent; None where it was trained without privacy.
    knows_number : bool
        Whether its number of samples is public already.
    validates : bool
        Whether the fit is stopped early.
    packing : int
    metadata_generators : collection of str
        That of the parameters, and that of the model that is trained on.
    """
    if privacy is None:
        if goes_on and epsilon_before is not None:
            raise DataError(
                f"this model was trained with privacy (epsilon {epsilon_before:.3g}), which training on without "
                "would void; give privacy=, or fit a new model"
            )
        return
    if "autoregressive" in metadata_generators:
        raise DataError(
            "metadata_generator='autoregressive' learns metadata without noise, which voids privacy; fit a new model "
            "with metadata_generator='gan', or leave privacy out"
        )
    need_opacus()
    if validates:
        raise ValueError("early_stopping scores the model by real samples, which voids privacy; leave one of both out")
    if packing > 1:
        raise ValueError(f"packing={packing} mixes samples, whose gradients privacy must clip one by one; take 1")
    if goes_on and epsilon_before is None and not privacy.public_start:
        raise DataError(
            "this model was trained without privacy before, which its guarantee would not cover; if all that it "
            "learned from is public, say so by public_start=True of PrivacyConfig, else fit a new model"
        )
    if privacy.n_samples is None and not (goes_on and knows_number) and (goes_on or not privacy.schema_epsilon):
        raise ValueError(
            "with privacy the number of samples is not read off the data; declare it by n_samples of "
            "PrivacyConfig, or buy it with schema_epsilon"
        )


def given_schema(parameters: Mapping[str, Any]) -> Schema | None:
    """Return the schema that data must obey; with privacy it must say all that would else be read off them."""
    schema: Schema | None = parameters["schema"]
    privacy: PrivacyConfig | None = parameters["privacy"]
    if privacy is None:
        return schema
    if len(parameters["constraints"]):
        raise DataError(
            "constraints learn differences and combinations from the data, which voids privacy; leave one of both out"
        )
    return check_declared(schema, parameters["scaling"], parameters["timestamps"], bought=privacy.schema_epsilon > 0)


def made_public(sequences: Sequences, declared: Schema, privacy: PrivacyConfig, seed: int) -> tuple[Sequences, int]:
    """Return the samples with what their schema leaves open bought from a part of the budget, and their number."""
    if not privacy.schema_epsilon:
        assert privacy.n_samples is not None, "it was checked"
        return sequences, privacy.n_samples
    draws = draws_of(privacy.noise, seed, BUYING)
    bought = buy(sequences, declared, privacy.n_samples, privacy.schema_epsilon, draws)
    return bought.sequences, bought.n_samples
