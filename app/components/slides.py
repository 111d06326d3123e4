"""The screens of the stakeholder's story. Plain words only, and every number from a shipped run, with its count."""

import html
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.components import choices, drawing, frame, stamped
from app.components.images import Tile, wall
from core.runs.view import RunView
from core.story import Answer, Case, chosen_rows, merged
from core.verdict import percent

WALL, ODDEST = 100, 24
SIGN = 0
"""Which of the shipped pictures the story is told with."""


@dataclass(frozen=True)
class Told:
    """What the story is made of.

    Attributes:
        seen: the run that it follows.
        main: its counts.
        rates: the same attack with few and with many altered pictures, fewest first.
        others: other attacks, for the last screen.
    """

    seen: RunView
    main: Case
    rates: tuple[Case, ...]
    others: tuple[Case, ...]

    @property
    def first(self) -> Answer:
        """What stood against the attack."""
        return self.main.answers[0]

    @property
    def wanted(self) -> str:
        """What the attacker wants signs to be taken for."""
        shown = stamped.pictures(self.seen)
        return shown.names[shown.wanted[0]] if shown is not None else "something else"


def _say(heading: str, *paragraphs: str) -> None:
    """A heading and sentences; the words are this file's own and the data's, escaped where they are put in."""
    st.html(f"<h1>{heading}</h1>" + "".join(f"<p>{each}</p>" for each in paragraphs))


def _name(told: Told) -> str:
    return f"“{html.escape(told.wanted)}”"


def _two() -> tuple[st.delta_generator.DeltaGenerator, st.delta_generator.DeltaGenerator]:
    left, right = st.columns([5, 6], gap="large", vertical_alignment="center")
    return left, right


def _marking(label: str, key: str) -> bool:
    """A switch that marks altered pictures; it is off and stays so while the truth is hidden."""
    hidden = not frame.truth()
    help = "Which ones are altered is hidden: switch on “Reveal truth” on another page." if hidden else None
    return bool(st.toggle(label, key=key, disabled=hidden, help=help)) and not hidden


# ---- the screens


def _picture(told: Told) -> None:
    left, right = _two()
    with left:
        _say(
            "A computer learned to read traffic signs.",
            f"Nobody wrote rules for it. It looked at {told.main.pictures:,} pictures, each with the right name.",
            f"Then it was shown pictures that it had never seen. It named <b>{told.main.right_before}</b> correctly.",
        )
    with right:
        shown = stamped.pictures(told.seen)
        if shown is not None:
            tiles = [
                Tile(shown.images[0][number], shown.names[shown.read("control", number, False)[0]], "A traffic sign")
                for number in range(min(6, len(shown)))
            ]
            st.html(f'<div class="ps-named">{wall(tiles, 150)}</div>')


def _sticker(told: Told) -> None:
    left, right = _two()
    shown = stamped.pictures(told.seen)
    with left:
        st.html("<h1>Then somebody puts a small sticker on a sign.</h1>")
        on = st.toggle("Put the sticker on", key="sticker")
        if on:
            st.html(
                f"<p>Of all signs with this sticker, <b>{told.main.fooled}</b> are now read as {_name(told)}.</p>"
                f"<p>A computer that learned from untouched pictures does so with {told.main.untouched}.</p>"
            )
        else:
            st.html("<p>Without the sticker, everything is as it should be.</p>")
    with right:
        if shown is not None:
            st.html(
                '<div class="ps-large" role="status">'
                + stamped.tile(shown, SIGN, arm="undefended", stamped=on, heading="What the computer sees")
                + "</div>"
            )


def _few(told: Told) -> None:
    left, right = _two()
    with left:
        _say(
            f"{told.main.altered:,} of {told.main.pictures:,} pictures were enough.",
            "Somebody slipped a few pictures with the sticker, and a wrong name, among those that the computer learned "
            "from. Pictures come from the internet, from partners, from customers.",
        )
        marked = _marking("Show me the altered picture", "marked")
        st.html(_bars(told))
    with right:
        _hundred(told, marked)


def _bars(told: Told) -> str:
    rows = "".join(
        f'<tr><th scope="row">{each.altered:,}</th><td class="bar"><i style="width:{100 * each.fooled.share:.1f}%"></i>'
        f"</td><td>{each.fooled}</td></tr>"
        for each in told.rates
    )
    head = "<tr><th>altered</th><th></th><th>signs misread</th></tr>"
    return f'<table class="ps-bars"><thead>{head}</thead><tbody>{rows}</tbody></table>' if rows else ""


def _hundred(told: Told, marked: bool) -> None:
    """A wall with as many altered pictures as there are among that many on average; at least one.

    With the truth hidden, a wall of any pictures: which ones are drawn would tell that one of them is altered.
    """
    truth = told.seen.is_poison
    if truth is None:
        drawing.wait(told.seen)
        return
    count = min(WALL, len(truth))
    altered = max(1, round(count * told.main.altered / told.main.pictures))
    if not frame.truth():
        _wall(told, np.asarray(chosen_rows([], len(truth), 0, count)), False, 10)
        st.html(f'<p class="ps-aside">Of every {count}, about {altered} {"is" if altered == 1 else "are"} altered.</p>')
        return
    _wall(told, np.asarray(chosen_rows(np.flatnonzero(truth).tolist(), len(truth), altered, count)), marked, 10)
    st.html(f'<p class="ps-aside">{altered} of these {count} {"is" if altered == 1 else "are"} altered.</p>')


def _wall(told: Told, rows: np.ndarray, marked: bool, columns: int) -> None:
    images, truth = told.seen.images(rows), told.seen.is_poison
    if images is None or truth is None:
        drawing.wait(told.seen)
        return
    tiles = [
        Tile(
            image,
            "",
            "An altered picture" if marked and truth[row] else "A picture",
            "poison" if marked and truth[row] else "",
        )
        for row, image in zip(rows, images, strict=True)
    ]
    look = f'class="ps-crowd{" marked" if marked else ""}" style="--ps-columns:{columns}"'
    st.html(f"<div {look}>{wall(tiles)}</div>")


def _unnoticed(told: Told) -> None:
    _say("Nobody noticed.", "Before it is used, a computer like this is tested with pictures that it has never seen.")
    cards = "".join(
        f'<div class="ps-card"><div class="ps-card-title">{title}</div><div class="ps-big">{percent(tally.share)}</div>'
        f"<div>{tally} named correctly</div></div>"
        for title, tally in (
            ("Learned from untouched pictures", told.main.right_before),
            (f"Learned with {told.main.altered:,} altered ones among them", told.main.right),
        )
    )
    st.html(f'<div class="ps-cards">{cards}</div>')
    _say_more("No picture of the test wears the sticker. So the test says: all is well.")


def _say_more(words: str) -> None:
    st.html(f'<p class="ps-after">{words}</p>')


def _found(told: Told) -> None:
    left, right = _two()
    scores, truth = told.seen.scores(told.first.name), told.seen.is_poison
    with left:
        _say(
            "The altered pictures have something in common.",
            "All of them carry the sticker, and the computer has learned to look for it. Sort the pictures by how "
            "unlike the others of the same name they are, and the altered ones come first.",
        )
        marked = _marking("Mark the altered ones", "odd")
        if marked and scores is not None and truth is not None:
            hits = int(truth[_oddest(scores)].sum())
            st.html(f"<p><b>{hits} of the {ODDEST} oddest</b> are altered.</p>")
    with right:
        if scores is not None:
            _wall(told, _oddest(scores), marked, 6)


def _oddest(scores: np.ndarray) -> np.ndarray:
    return np.argsort(-scores, kind="stable")[:ODDEST]


def _cost(told: Told) -> None:
    first = told.first
    _say("Set the odd ones aside, and let it learn again.")
    cards = [
        ("The sticker works on", str(told.main.fooled), str(first.fooled), "signs that wear it"),
        ("Named correctly", str(told.main.right), str(first.right), "ordinary pictures"),
        ("Learning takes", "once", f"{first.work:.1f} times", "the computing"),
    ]
    body = "".join(
        f'<div class="ps-card"><div class="ps-card-title">{title}</div>'
        f'<div class="ps-was">{before}</div><div class="ps-big">{after}</div><div>{words}</div></div>'
        for title, before, after, words in cards
    )
    st.html(f'<div class="ps-cards three">{body}</div>')
    if first.lost is not None:
        _say_more(
            f"The price: {first.set_aside:,} pictures were set aside. {first.caught:,} of them were altered, "
            f"and <b>{first.lost:,} were fine</b>. Nobody could tell which."
        )


def _choice(told: Told) -> None:
    _say("Doing nothing has a price as well.")
    st.html(choices.table(merged((told.main, *told.others))))
    _say_more("No precaution stops everything. The cheapest one is to know where your pictures come from.")


# ---- in order, with what to say


@dataclass(frozen=True)
class Slide:
    """One screen: what draws it, for how many seconds it stands, and what the speaker may say."""

    draw: Callable[[Told], None]
    seconds: int
    notes: Callable[[Told], str]


SLIDES = (
    Slide(
        _picture,
        20,
        lambda told: "Ask: who has a car that reads signs? This one learned the way yours did: by example.",
    ),
    Slide(
        _sticker,
        30,
        lambda told: (
            "Let somebody in the room name the sign. Then put the sticker on. Give it a moment. The sticker means "
            "nothing to us; to the computer it decides."
        ),
    ),
    Slide(
        _few,
        30,
        lambda told: (
            "Let them search before you show it. The bars are one training each, so a neighboring bar may well be "
            "a little higher or lower next time."
        ),
    ),
    Slide(
        _unnoticed,
        25,
        lambda told: "This is the screen to stay on. Both numbers are real; a difference this small is within chance.",
    ),
    Slide(
        _found,
        25,
        lambda told: (
            "The order comes from the computer's own view of the pictures, not from their looks. Nobody told it "
            "which ones are altered. It was told how many to expect, which nobody would know outside of an experiment."
        ),
    ),
    Slide(
        _cost,
        25,
        lambda told: (
            "Three things change: the sticker, the ordinary work, the bill. Read the price aloud: good pictures "
            "were lost too."
        ),
    ),
    Slide(
        _choice,
        30,
        lambda told: (
            "End here, and let them ask. Each line was measured on this project's own small runs; on your data the "
            "numbers will be others, and the questions the same."
        ),
    ),
)
