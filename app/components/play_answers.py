"""What every network of a run makes of a picture with and without a trigger, beside each other, as HTML."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.figures import palette
from core.verdict import percent

SHOWN = 3
"""Classes with a bar of their own, the same ones for every network."""
SUREST = 0.9999
"""A network's numbers run out of digits above this; nobody is sure of everything."""
MARKS = {"right": "✓", "wrong": "✗", "fooled": "◆", "plain": ""}
"""Signs before what a network reads: rightly, wrongly, as the attacker wants, and where nobody knows."""


@dataclass(frozen=True)
class Answers:
    """What networks say about one picture.

    Attributes:
        arms: their names.
        names: of the k classes.
        clean, stamped: (a, k) probabilities without and with the trigger; equal where it is off.
        true, wanted: classes; None where unknown or hidden.
        on: whether the trigger is on the picture.
    """

    arms: Sequence[str]
    names: Sequence[str]
    clean: np.ndarray
    stamped: np.ndarray
    true: int | None
    wanted: int | None
    on: bool


def html_of(told: Answers) -> str:
    """One sentence, then a card a network."""
    shown = _classes(told)
    cards = "".join(_card(told, number, shown) for number in range(len(told.arms)))
    marks = [
        "<b>●</b> what the picture shows" if told.true is not None else "",
        "<b>◆</b> what the attacker wants" if told.wanted is not None else "",
    ]
    if told.on:
        marks.append("<b>|</b> without the trigger")
    below = " &nbsp; ".join(mark for mark in marks if mark)
    return (
        f'<div class="ps-play-said" role="status">{html.escape(sentence(told))}</div>'
        f'<div class="ps-play">{cards}</div><p class="ps-small ps-quiet">{below}</p>'
    )


def sentence(told: Answers) -> str:
    """What happened, made from the answers alone."""
    before, after = told.clean.argmax(axis=1), told.stamped.argmax(axis=1)
    titles = list(palette.arm_titles(list(told.arms)).values())
    if not told.on:
        return _without(told, before, titles)
    if told.wanted is not None and told.true == told.wanted:
        return (
            f"This picture shows “{told.names[told.wanted]}”, which is what the attacker wants anyway: choose another."
        )
    moved = before != after
    if told.wanted is None:
        changed = [title for title, each in zip(titles, moved, strict=True) if each]
        return (
            f"The trigger changes the answer of: {', '.join(changed)}." if changed else "The trigger changes no answer."
        )
    hit = moved & (after == told.wanted)
    fooled = [title for title, each in zip(titles, hit, strict=True) if each]
    others = [title for title, each in zip(titles, hit, strict=True) if not each]
    if not fooled:
        return "The trigger fools none of these models."
    rest = f"; not fooled: {', '.join(others)}" if others else ""
    return f"Read as “{told.names[told.wanted]}”, as the attacker wants: {', '.join(fooled)}{rest}."


def _without(told: Answers, read: np.ndarray, titles: list[str]) -> str:
    if told.true is None:
        same = len(set(read.tolist())) == 1
        return (
            f"Without a trigger all models read “{told.names[read[0]]}”."
            if same
            else "Without a trigger the models disagree."
        )
    wrong = [title for title, label in zip(titles, read, strict=True) if label != told.true]
    return (
        f"Without a trigger misread by: {', '.join(wrong)}."
        if wrong
        else "Without a trigger all models read it rightly."
    )


def _classes(told: Answers) -> list[int]:
    """The classes with a bar: the true and the wanted one, then the likeliest of any network."""
    first = [label for label in (told.true, told.wanted) if label is not None]
    likely = np.argsort(-np.maximum(told.stamped, told.clean).max(axis=0), kind="stable").tolist()
    return list(dict.fromkeys([*first, *likely]))[:SHOWN]


def card(arm: str, arms: Sequence[str], state: str, name: str, words: str, below: str = "") -> str:
    """One network: its name, the class that it reads, and what stands below, which is HTML already.

    Args:
        arm: which of `arms`.
        arms: all of them, in order.
        state: one of MARKS.
        name: of the class.
        words: a few about how sure it is.
        below: bars, for example.
    """
    colour, title = palette.arm_colour(arm, list(arms)), palette.arm_titles(list(arms))[arm]
    swatch = f'<span class="ps-swatch" style="background:{colour}"></span>'
    read = f'<span aria-hidden="true">{MARKS[state]}</span> “{html.escape(name)}”<small>{html.escape(words)}</small>'
    return (
        f'<section class="ps-card {state}"><div class="ps-card-title">{swatch}{html.escape(title)}</div>'
        f'<div class="ps-play-read">{read}</div>{below}</section>'
    )


def _card(told: Answers, number: int, shown: list[int]) -> str:
    answer = told.stamped[number]
    label = int(answer.argmax())
    sure = f"{percent(min(float(answer[label]), SUREST))} sure"
    bars = "".join(_bar(told, number, each) for each in shown)
    return card(told.arms[number], told.arms, _state(told, label), told.names[label], sure, bars)


def _state(told: Answers, label: int) -> str:
    if told.on and told.wanted is not None and label == told.wanted != told.true:
        return "fooled"
    if told.true is None:
        return "plain"
    return "right" if label == told.true else "wrong"


def _bar(told: Answers, number: int, label: int) -> str:
    now, before = float(told.stamped[number, label]), float(told.clean[number, label])
    mark = " ●" if label == told.true else ""
    mark += " ◆" if label == told.wanted else ""
    kind = "wanted" if label == told.wanted and label != told.true else "true" if label == told.true else "other"
    tick = f'<b style="left:{100 * before:.1f}%"></b>' if told.on else ""
    filled = f'<div class="ps-range"><i style="left:0;width:{100 * now:.1f}%"></i>{tick}</div>'
    name = html.escape(told.names[label])
    return f'<div class="ps-play-bar {kind}"><span>{name}{mark}</span>{filled}<em>{100 * now:.0f} %</em></div>'
