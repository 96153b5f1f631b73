"""What the report says in words: what each comparison means, the rule of the lights, and the verdict."""

from __future__ import annotations

import math

import pandas as pd

from dgsynth.evaluation.comparisons import FAMILIES, FLOOR_FACTOR, STRICT, TOLERANCES
from dgsynth.evaluation.fidelity import FAR, LIGHTS

MEANINGS = {
    "total_variation": "share of values that would have to change; numbers by deciles",
    "jensen_shannon": "divergence of the distributions; rare values count more than in total variation",
    "wasserstein_values": "mean shift between the distributions of the values",
    "missing_difference": "difference of the shares that are missing",
    "length_total_variation": "share of samples whose length would have to change",
    "wasserstein_lengths": "mean shift between the distributions of the lengths",
    "wasserstein_totals": "mean shift between the distributions of the samples' totals",
    "wasserstein_midranges": "mean shift between the distributions of the samples' (max + min) / 2",
    "autocorrelation_mse": "mean squared difference of the mean autocorrelations",
    "constant_difference": "difference of the shares of samples that never vary",
    "correlation_distance": "mean shift between the distributions of the samples' correlations",
    "transition_total_variation": "share of pairs of a record and the next whose values would have to change; in bins",
    "wasserstein_starts": "mean shift between the distributions of the samples' first timestamps",
    "wasserstein_gaps": "mean shift between the distributions of the times from a record to the next",
    "regularity_difference": "difference of the shares of gaps that are the commonest one",
    "weekday_total_variation": "share of records whose weekday would have to change",
    "hour_total_variation": "share of records whose hour of the day would have to change",
    "joint_total_variation": "share of records whose combination of values would have to change; numbers in bins",
    "density": "how densely synthetic samples lie where real ones do; low: unlike any real one",
    "coverage": "share of real samples that have a synthetic one nearby; low: kinds of samples are missing",
    "diversity_loss": "how much less the samples differ from each other; 1: they are all the same",
    "discriminative_score": "how far from guessing a network is that tells synthetic from real ones; at most 0.5",
    "predictive_score": "error on real data of a network that learned from synthetic data to predict the next record",
    "invalid_share": "share of values out of the real range, unknown, or missing where none may be",
    "broken_share": "share of records that break what every real one keeps",
    "duplicate_share": "share of synthetic samples equal to one of the training data",
    "repeated_share": "share of synthetic samples equal to another synthetic one",
    "nearest_ratio": "distance to the nearest training sample, over that of unseen ones; low: copied, or less varied",
    "memorized_share": "share of samples nearest to a training sample, beyond what chance would give",
}
"""What each metric measures."""


def title(name: str, column: object = "") -> str:
    """Return a comparison's name in words."""
    words = name.replace("_", " ").replace("mse", "MSE").replace("wasserstein", "Wasserstein")
    words = words.replace("jensen shannon", "Jensen-Shannon divergence")
    return f"{words} of {column}" if str(column) else words


def number(value: float) -> str:
    """Return a number in few digits."""
    if math.isnan(value):
        return "-"
    return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"


def rule() -> str:
    """Return what a floor is, and when a light is green, amber or red."""
    tolerances = ", ".join(f"{value:g} ({unit})" for unit, value in TOLERANCES.items())
    close, near, off = LIGHTS
    return (
        "Floor: the same metric between two random halves of the real data, averaged over several; a perfect copy of "
        f"the real process would reach it. A distance is {close} (green) if it is at most {FLOOR_FACTOR:g} times its "
        f"floor plus a tolerance of {tolerances}, and of {STRICT:g} for copies, invalid values and broken relations; "
        f"{near} (amber) up to {FAR:g} times this limit; {off} (red) beyond. Density, coverage and nearest ratio may "
        "fall below their floor, and the predictive score may rise above it, by the tolerance, or by three times that "
        "to be near. Score: 1 / (how many times the limit), at most 1, as a geometric mean over the families, copies "
        "left out. Mean excess: how many times the limit, as a mean over the families; 0 is identical, 1 at the limit."
    )


def verdict(table: pd.DataFrame) -> str:
    """Return the result of a fidelity table in a few sentences."""
    judged = table[table["light"].notna()]
    fidelity, copies = judged[judged["family"] != "copies"], judged[judged["family"] == "copies"]
    if fidelity.empty:
        return "There was nothing to compare."
    return " ".join([*_of_fidelity(fidelity), _of_copies(copies)]).strip()


def _of_fidelity(judged: pd.DataFrame) -> list[str]:
    close, near, off = ((judged["light"] == light).sum() for light in LIGHTS)
    if close == len(judged):
        return [f"The synthetic data are close to the real data in all {len(judged)} comparisons."]
    counted = f"{close} of {len(judged)} comparisons are close, {near} near, {off} off."
    worst = judged.iloc[int(judged["excess"].to_numpy().argmax())]
    furthest = (
        f"Furthest: {title(worst['name'], worst['column'])}, {number(worst['value'])} "
        f"where real data have {number(worst['floor'])}."
    )
    if not off:
        return [f"The synthetic data are near the real data: {counted}", furthest]
    families = judged.loc[judged["light"] == LIGHTS[2], "family"].unique()
    where = ", ".join(FAMILIES[family].lower() for family in families)
    return [f"The synthetic data differ from the real data in: {where}. {counted}", furthest]


def _of_copies(judged: pd.DataFrame) -> str:
    if judged.empty:
        return ""
    found = judged[judged["light"] != LIGHTS[0]]
    if "memorized_share" in judged["name"].to_numpy():
        # It tells copies from samples that are merely less varied, which lie closer to any real ones.
        found = found[found["name"] != "nearest_ratio"]
    if found.empty:
        return "There is no sign of copied or memorised samples."
    said = ", ".join(f"{title(row['name'])} {number(row['value'])}" for _, row in found.iterrows())
    return f"Beware of copied or memorised samples: {said}."
