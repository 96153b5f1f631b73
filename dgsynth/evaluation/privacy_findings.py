"""What attacks on the training data found."""

from __future__ import annotations

from dataclasses import dataclass

from dgsynth.evaluation.privacy_attacks import AttackResult, AttributeInference


@dataclass(frozen=True, eq=False)
class PrivacyFindings:
    """What `privacy_report` found, as the report and its page take it; see `PrivacyReport`."""

    attacks: tuple[AttackResult, ...]
    attributes: tuple[AttributeInference, ...]
    copies: dict[str, float]
    n_training: int
    guarantee: tuple[float, float] | None = None
