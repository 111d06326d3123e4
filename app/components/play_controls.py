"""What can be chosen on the Play page: the picture, and how the trigger looks."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.components import say
from app.components.choosable import choosable
from app.components.images import Tile
from app.components.pixels import pixels
from app.components.play_state import Play
from app.trying import LARGEST, PHOTO
from core import photo
from core.attacks import drawing
from core.errors import PoisonscopeError

OFFERED = 12
"""Pictures in the strip, one of a class where there are so many classes."""
TILE = 52
KINDS = {"solid": "One colour", "checker": "Checkerboard", "drawn": "My drawing"}
WHOLE = {"run": "As in the run"}
SIDE = 4
"""Cells of a drawing that nobody has drawn yet."""


# ---- the picture


def pictures(play: Play) -> None:
    """A strip of test images, and a photo of one's own."""
    rows = _offered(play)
    tiles = [
        Tile(play.images[row], play.names[play.labels[row]], f"Picture {row}: {play.names[play.labels[row]]}", row=row)
        for row in rows
    ]
    if play.kept["photo"] is not None:
        tiles.insert(0, Tile(play.kept["photo"], "your photo", "Your photo", row=PHOTO))
    left, right = st.columns([9, 2], gap="small")
    with left:
        choosable(
            tiles, TILE, key="play-pictures", chosen=play.now.picture, choose=lambda row: play.change(picture=row)
        )
    with right, st.container(gap="xsmall"):
        st.button("Other pictures", key=play.key("others"), on_click=_next, args=(play,), width="stretch")
        with st.popover("Use a photo", width="stretch"):
            _photo(play)
    if play.kept.get("refused"):
        say.error(play.kept["refused"])


def _offered(play: Play) -> list[int]:
    """Rows of the strip: the n-th of every class, and what was chosen from elsewhere."""
    classes = sorted(set(play.labels.tolist()))
    each = max(1, OFFERED // len(classes)) if len(classes) < OFFERED // 2 else 1
    rows: list[int] = []
    for label in classes[:OFFERED]:
        mine = (play.labels == label).nonzero()[0]
        rows += [int(mine[(play.kept["offered"] * each + place) % len(mine)]) for place in range(min(each, len(mine)))]
    now = play.now.picture
    return rows if now == PHOTO or now in rows else [now, *rows]


def _next(play: Play) -> None:
    play.kept["offered"] += 1


def _photo(play: Play) -> None:
    c, h, _ = play.images.shape[1:]
    key = play.key("photo")

    def take() -> None:
        given: Any = st.session_state[key]
        play.kept["refused"] = ""
        try:
            play.bring(None if given is None else photo.read(given.getvalue(), (c, h, h)))
        except PoisonscopeError as error:
            play.bring(None)
            play.kept["refused"] = str(error)

    st.file_uploader(
        "A picture file",
        type=["png", "jpg", "jpeg", "webp"],
        key=key,
        on_change=take,
        max_upload_size=photo.MOST_BYTES // 2**20,
        help=f"Cut to its middle square and made {h} × {h} pixels, which is all that these models see. It stays on "
        "this machine and is forgotten with this tab.",
    )


# ---- the trigger


def look(play: Play) -> None:
    """Whether there is a trigger, and what kind."""
    kinds = {**(WHOLE if play.begun.whole else {}), **KINDS}
    kind = _kind(play)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        on = st.toggle("Trigger on the picture", value=play.now.stamped, key=play.key("on"), width="content")
        chosen = st.segmented_control(
            "Look of the trigger",
            list(kinds),
            default=kind,
            format_func=kinds.__getitem__,
            key=play.key("kind"),
            required=True,
            label_visibility="collapsed",
            width="content",
        )
    play.change(stamped=bool(on))
    if chosen is not None and chosen != kind:
        _take_kind(play, chosen)


def shape(play: Play, beside: DeltaGenerator) -> None:
    """How the trigger looks in detail; `beside` is where one's own is drawn."""
    if play.now.whole:
        return
    drawn = is_drawn(play)
    first, second, third = st.columns([5, 5, 5 if drawn else 2], gap="medium")
    if drawn:
        with third:
            _cells(play)
        with beside:
            _draw(play)
    side = len(drawing.read(play.now.patch.pattern)) if drawn else 1
    largest = max(min(LARGEST, *play.images.shape[2:]), play.now.patch.size, side + 1)
    with first:
        size = st.slider("Size (pixels)", side, largest, play.now.patch.size, key=play.key(f"size-{side}"))
    with second:
        shown = round(100 * play.now.patch.opacity)
        percent = st.slider("Opacity (%)", min(1, shown), 100, shown, key=play.key("opacity"))
    play.patch(size=int(size))
    if percent != shown:  # the slider's steps are coarser than what a run may have
        play.patch(opacity=percent / 100)
    if not drawn:
        play.patch(colour=third.color_picker("Colour", play.now.patch.colour, key=play.key("colour")))


def is_drawn(play: Play) -> bool:
    """Whether the trigger is one's own drawing."""
    return _kind(play) == "drawn"


def _kind(play: Play) -> str:
    pattern = play.now.patch.pattern
    return "run" if play.now.whole else "drawn" if pattern.startswith(drawing.PREFIX) else pattern


def _take_kind(play: Play, kind: str) -> None:
    if is_drawn(play):
        play.kept["drawing"] = play.now.patch.pattern  # what the run or the link came with, too
    if kind == "run":
        play.change(whole=True)
    elif kind == "drawn":
        start = play.kept.get("drawing") or drawing.cross(SIDE, play.now.patch.colour)
        play.patch(pattern=start, size=max(play.now.patch.size, len(drawing.read(start))))
    else:
        play.patch(pattern=kind)


def _draw(play: Play) -> None:
    def take(text: str) -> None:
        play.kept["drawing"] = text
        play.patch(pattern=text)

    pixels(play.now.patch.pattern, take, key=play.key("pixels"))


def _cells(play: Play) -> None:
    drawn = play.now.patch.pattern
    side = len(drawing.read(drawn))
    most = min(drawing.MOST, *play.images.shape[2:])
    wanted = st.slider("Cells a side", 1, most, side, key=play.key("cells"))
    if wanted != side:
        drawn = drawing.resized(drawn, int(wanted))
        play.kept["drawing"] = drawn
        play.patch(pattern=drawn, size=max(play.now.patch.size, int(wanted)))
