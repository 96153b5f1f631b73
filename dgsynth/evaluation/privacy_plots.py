"""Pictures of attacks on privacy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dgsynth.evaluation.figures import Figure, new_axes, short

if TYPE_CHECKING:
    from dgsynth.evaluation.privacy_attacks import AttackResult, AttributeInference

_MEMBERS, _OTHERS = "#D55E00", "#0072B2"


def plot_success(attacks: Sequence[AttackResult]) -> Figure:
    """Return the success rates with their intervals, beside the half that guessing reaches."""
    figure, axes = new_axes(1.4 + 0.5 * len(attacks))
    places = np.arange(len(attacks))[::-1]
    rates = np.array([attack.success_rate for attack in attacks])
    ends = np.array([[attack.low, attack.high] for attack in attacks]).T
    axes.errorbar(rates, places, xerr=np.abs(ends - rates), fmt="o", color=_MEMBERS, capsize=4)
    axes.axvline(0.5, color="#555555", linestyle="--", linewidth=1)
    axes.set_yticks(places, [f"{attack.name}\n({attack.access})" for attack in attacks])
    axes.set(xlim=(min(0.4, ends.min() - 0.02), 1.02), ylim=(-0.6, len(attacks) - 0.4))
    axes.set_xlabel("share of right guesses; 0.5 is chance")
    return figure


def plot_attributes(attributes: Sequence[AttributeInference]) -> Figure:
    """Return the shares of attributes told right, of training samples and of others."""
    figure, axes = new_axes(1.4 + 0.5 * len(attributes))
    places = np.arange(len(attributes))[::-1]
    axes.barh(places + 0.2, [a.members for a in attributes], 0.36, color=_MEMBERS, label="training samples")
    axes.barh(places - 0.2, [a.nonmembers for a in attributes], 0.36, color=_OTHERS, label="others")
    axes.plot([a.baseline for a in attributes], places, "|", color="black", markersize=18, label="most frequent value")
    axes.set_yticks(places, [short(a.column) for a in attributes])
    axes.set(xlim=(0, 1), xlabel="share of right guesses")
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.3), ncols=3, frameon=False)
    return figure
