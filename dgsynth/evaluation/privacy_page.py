"""The privacy report in words, and as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from dgsynth.evaluation.fidelity import LIGHTS
from dgsynth.evaluation.markup import document, escape, light_symbol, pictures, report, sentence
from dgsynth.evaluation.privacy_attacks import AttackResult, AttributeInference
from dgsynth.evaluation.privacy_findings import PrivacyFindings

if TYPE_CHECKING:
    from dgsynth.evaluation.figures import Picture

CLOSE, NEAR, OFF = LIGHTS

RULE = (
    "Lights: membership is green where the interval reaches down to 50 % or success is at most 55 %, red where the "
    "whole interval is above 60 %. An attribute is green where the interval of the difference reaches down to 0 or the "
    "difference is at most 5 %, red where the whole interval is above 10 %. Copies are green where synthetic samples "
    "are no more often equal to training samples than unseen real ones are, else red; samples too near to training "
    "samples are green up to 5 %, red above 15 %. An attack that fails proves nothing about others; only differential "
    "privacy does."
)

ADVICE = (
    "To make membership harder to tell, train on more samples, and not on fewer, as is often done (paper, Figure 15).",
    "Hand out samples rather than the model, or the model without its discriminators: save(..., generator_only=True).",
    "Where a guarantee is needed, train with privacy=PrivacyConfig(...), and look at what that costs in fidelity.",
)


def verdict(found: PrivacyFindings) -> Iterator[str]:
    """Yield the result, sentence by sentence."""
    for attack in found.attacks:
        yield (
            f"An attacker with {_holds(attack)} tells training samples from others in {attack.success_rate:.0%} of "
            f"cases ({attack.low:.0%} to {attack.high:.0%}; 50 % is guessing)."
        )
    worst = max(found.attributes, key=lambda attribute: attribute.difference, default=None)
    if worst is not None:
        yield (
            f"Of the attributes, {worst.column} is told best: in {worst.members:.0%} of training samples, and in "
            f"{worst.nonmembers:.0%} of others, which is what anybody learns from the law of the data."
        )
    yield f"{found.copies['exact copies of training samples']:.1%} of the synthetic samples are exact copies."
    if found.guarantee is not None:
        epsilon, delta = found.guarantee
        yield f"The model was trained with differential privacy: epsilon {epsilon:.3g} at delta {delta:g}."
    elif found.attacks:
        yield "There is no formal guarantee: the model was not trained with differential privacy, or is not given."


def page(found: PrivacyFindings) -> str:
    """Return the whole page."""
    return document("Privacy report", _content(found, pictured=True))


def summary(found: PrivacyFindings) -> str:
    """Return verdict and tables as a part of a page, for a notebook."""
    return _content(found, pictured=False)


def membership_light(attack: AttackResult) -> str:
    if attack.low <= 0.5 or attack.success_rate <= 0.55:
        return CLOSE
    return OFF if attack.low > 0.6 else NEAR


def attribute_light(attribute: AttributeInference) -> str:
    if attribute.low <= 0 or attribute.difference <= 0.05:
        return CLOSE
    return OFF if attribute.low > 0.1 else NEAR


def copy_lights(copies: dict[str, float]) -> dict[str, str]:
    """Return the lights of those copies that are judged."""
    exact, unseen, _, near = copies
    share = copies[near]
    return {
        exact: CLOSE if copies[exact] <= copies[unseen] else OFF,
        near: CLOSE if share <= 0.05 else OFF if share > 0.15 else NEAR,
    }


def _holds(attack: AttackResult) -> str:
    return "the whole model" if attack.access == "whole model" else f"samples alone ({attack.name})"


def _content(found: PrivacyFindings, *, pictured: bool) -> str:
    lights = [membership_light(attack) for attack in found.attacks]
    lights += [attribute_light(attribute) for attribute in found.attributes]
    lights += copy_lights(found.copies).values()
    worst = max(lights, key=LIGHTS.index, default=CLOSE)
    parts = [
        "<h1>Privacy report</h1>",
        f'<p class="note">{found.n_training:,} training samples</p>',
        f'<p class="verdict {worst}">{escape(" ".join(verdict(found)))}</p>',
        *([_pictures(found)] if pictured else []),
        "<h2>Was a sample trained on?</h2>",
        _table(
            ("Attack", "Attacker holds", "Success", "95 % interval", "AUC", "Found at 10 % false alarms"),
            [_membership_row(attack) for attack in found.attacks],
        ),
    ]
    if found.attributes:
        rows = [_attribute_row(attribute) for attribute in found.attributes]
        heads = ("Attribute", "Training samples", "Others", "Difference, 95 %", "Most frequent value")
        parts += ["<h2>What can be told of a sample that is half known?</h2>", _table(heads, rows)]
    judged = copy_lights(found.copies)
    rows = [
        (judged.get(name, ""), sentence(name), f"{value:.3f}" if "relative" in name else f"{value:.1%}")
        for name, value in found.copies.items()
    ]
    parts += ["<h2>Copies</h2>", _table(("Check", "Value"), rows), "<h2>Advice</h2>", "<ul>"]
    parts += [f"<li>{escape(line)}</li>" for line in ADVICE]
    return report([*parts, "</ul>", f'<p class="note">{escape(RULE)}</p>'])


def _membership_row(attack: AttackResult) -> tuple[str, ...]:
    interval = f"{attack.low:.1%} to {attack.high:.1%}"
    found = f"{attack.true_positive_rate:.1%}"
    numbers = (f"{attack.success_rate:.1%}", interval, f"{attack.auc:.2f}", found)
    return membership_light(attack), sentence(attack.name), attack.access, *numbers


def _attribute_row(attribute: AttributeInference) -> tuple[str, ...]:
    interval = f"{attribute.difference:+.1%} ({attribute.low:+.1%} to {attribute.high:+.1%})"
    shares = (f"{attribute.members:.1%}", f"{attribute.nonmembers:.1%}", interval, f"{attribute.baseline:.1%}")
    return attribute_light(attribute), str(attribute.column), *shares


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table; a row begins with its light."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "\n".join(
        f"<tr><td>{light_symbol(light)} {escape(first)}</td>"
        + "".join(f"<td>{escape(text)}</td>" for text in rest)
        + "</tr>"
        for light, first, *rest in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'


def _pictures(found: PrivacyFindings) -> str:
    return pictures("At a glance", ((caption, draw()) for caption, draw in drawings(found)))


def drawings(found: PrivacyFindings) -> Iterator[Picture]:
    """Yield the pictures, which are not drawn yet."""
    from dgsynth.evaluation.privacy_plots import plot_attributes, plot_success

    yield "Success of the attacks", partial(plot_success, found.attacks)
    if found.attributes:
        yield "Attributes told right", partial(plot_attributes, found.attributes)
