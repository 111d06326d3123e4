"""What somebody tries on the Play page: a picture, and a trigger on it. No widgets here."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from app.address import Link
from core.attacks import drawing
from core.attacks.base import Attack, Tools
from core.attacks.patch import HEX_COLOUR, PATTERNS, Patch
from core.datasets.base import ImageSet
from core.errors import PoisonscopeError
from core.figures import palette
from core.home import home
from core.runs.store import Run
from core.runs.view import RunView
from core.spec import parse

PHOTO = -1
"""Stands for the row of a picture that the person brought."""
NEUTRAL = 3
"""Side of the patch that one starts with where the run's own is not to be seen."""
LARGEST = 16
"""Side of the largest patch; the run's own may be larger."""
FIELDS = ("picture", "at", "size", "colour", "opacity", "pattern", "stamp")


@dataclass(frozen=True)
class Try:
    """One picture and one trigger.

    Attributes:
        picture: row of the test set, or PHOTO.
        stamped: whether the trigger is on it.
        whole: whether it is the run's own trigger, which is no patch, and not `patch`.
        patch: the patch; it fits into the picture.
    """

    picture: int
    stamped: bool
    whole: bool
    patch: Patch


def attack_of(run: Run) -> Attack | None:
    """The run's attack; None where it has none, or this version cannot read it."""
    try:
        attack = parse(run.spec).attack
    except PoisonscopeError:
        return None
    return attack if isinstance(attack, Attack) else None


def arms(seen: RunView) -> list[str]:
    """The arms whose network can be asked: the control, the undefended one and the defended ones, without twins."""
    known = [arm for arm in seen.arms if not arm.endswith(tuple(palette.TWINS))]
    order = {"control": 0, "undefended": 1}
    return sorted((arm for arm in known if seen.has_network(arm)), key=lambda arm: order.get(arm, 2))


def playable(seen: RunView) -> bool:
    """Whether a run has a trigger to try, and a network that was poisoned with it."""
    attack = seen.run.spec.get("attack") or {}
    if seen.run.state != "done" or seen.array("data", "test_images") is None or not seen.has_network("undefended"):
        return False
    known = attack_of(seen.run) if attack else None
    return known is not None and known.family == "trigger"


# ---- where one starts, and links


def start(attack: Attack | None, shape: tuple[int, ...], picture: int, *, truth: bool) -> Try:
    """The run's own trigger on a picture; while the truth is hidden, a plain patch in the middle.

    Args:
        attack: the run's.
        shape: (c, h, w).
        picture: row of the test set.
        truth: whether the run's own trigger may be seen.
    """
    _, h, w = shape
    plain = fitted(Patch(row=(h - NEUTRAL) // 2, column=(w - NEUTRAL) // 2, size=NEUTRAL), h, w)
    own = attack.patch(h, w) if attack is not None and truth else None
    whole = own is None and truth and attack is not None and attack.family == "trigger"
    return Try(picture, True, whole, fitted(own or plain, h, w))


def fitted(patch: Patch, h: int, w: int) -> Patch:
    """The patch, no larger than the picture and moved inside."""
    size = min(patch.size, h, w)
    row, column = (min(max(place, 0), side - size) for place, side in ((patch.row, h), (patch.column, w)))
    return replace(patch, size=size, row=row, column=column)


def link(now: Try, begun: Try) -> Link:
    """What differs from where one starts, as parameters of the address."""
    mine, theirs = _told(now), _told(begun)
    if now.picture == PHOTO:
        del mine["picture"]  # a photo stays in its session
    return {name: value for name, value in mine.items() if value != theirs[name]}


def _told(one: Try) -> Link:
    patch = one.patch
    return {
        "picture": str(one.picture),
        "at": f"{patch.row}-{patch.column}",
        "size": str(patch.size),
        "colour": patch.colour.removeprefix("#"),
        "opacity": f"{100 * patch.opacity:.0f}",
        "pattern": "run" if one.whole else patch.pattern,
        "stamp": "on" if one.stamped else "off",
    }


def linked(told: Link, begun: Try, shape: tuple[int, ...], tests: int) -> tuple[Try, list[str]]:
    """What a link asks for, and a sentence for everything in it that is not legal."""
    _, h, w = shape
    now, notes = begun, []
    for name in FIELDS:  # a drawing needs its size first
        if name not in told:
            continue
        try:
            now = _READ[name](now, told[name])
            if not 0 <= now.picture < tests:
                raise ValueError
        except (ValueError, IndexError):
            now = replace(now, picture=begun.picture)
            notes.append(f"{name}={told[name][:40]} is not legal here and was left out.")
    return replace(now, patch=fitted(now.patch, h, w)), notes


def _number(text: str, low: int, high: int) -> int:
    if not re.fullmatch(r"\d{1,6}", text) or not low <= int(text) <= high:
        raise ValueError
    return int(text)


def _patched(one: Try, **changes: Any) -> Try:
    return replace(one, patch=replace(one.patch, **changes))


def _at(one: Try, text: str) -> Try:
    row, column = (_number(part, 0, 4095) for part in text.split("-", 1))
    return _patched(one, row=row, column=column)


def _coloured(one: Try, text: str) -> Try:
    if not re.fullmatch(HEX_COLOUR, f"#{text}"):
        raise ValueError
    return _patched(one, colour=f"#{text}")


def _pattern(one: Try, text: str) -> Try:
    if text == "run":
        if not one.whole:
            raise ValueError
        return one
    if text in PATTERNS:
        return replace(_patched(one, pattern=text), whole=False)
    side = len(drawing.read(text))
    return replace(_patched(one, pattern=text, size=max(side, one.patch.size)), whole=False)


_READ: dict[str, Callable[[Try, str], Try]] = {
    "picture": lambda one, text: replace(one, picture=_number(text, 0, 999_999)),
    "at": _at,
    "size": lambda one, text: _patched(one, size=_number(text, 1, 64)),
    "colour": _coloured,
    "opacity": lambda one, text: _patched(one, opacity=_number(text, 1, 100) / 100),
    "pattern": _pattern,
    "stamp": lambda one, text: replace(one, stamped=("off", "on").index(text) == 1),
}


def experiment(seen: RunView, patch: Patch) -> dict[str, Any]:
    """A run's experiment with a patch as its trigger; attacks of other kinds keep their budget and what they want."""
    spec, wants = seen.run.spec, wanted(seen, None)
    attack = dict(spec.get("attack") or {})
    if attack.get("name") != "badnets":
        attack = {"name": "badnets", **{name: attack[name] for name in ("poison_fraction",) if name in attack}}
        attack |= {} if wants is None else {"target_class": wants}
    placed = {name: getattr(patch, name) for name in ("row", "column", "size", "pattern", "colour", "opacity")}
    return {**spec, "name": seen.run.name, "attack": {**attack, "place": "custom", **placed}}


# ---- what the networks say


def stamped(now: Try, attack: Attack | None, image: np.ndarray, names: list[str]) -> np.ndarray:
    """The picture with the trigger, (c, h, w) uint8 in and out."""
    if not now.stamped:
        return image
    if not now.whole or attack is None:
        return np.asarray(now.patch.stamp(image[None])[0])
    # Whom a trigger is shown to depends on the class: as if it were of every class, and the first that is taken.
    k = len(names)
    every = ImageSet(np.repeat(image[None], k, axis=0), np.arange(k), tuple(names), np.arange(k))
    return np.asarray(attack.evaluation_set(every, Tools(seed=0)).images[0])


def answers(seen: RunView, arm: str, images: np.ndarray) -> np.ndarray:
    """(m, k) float32: what an arm's network makes of images, (m, c, h, w) uint8.

    Raises:
        PoisonscopeError: the network cannot be read.
    """
    from core import networks

    trained = seen.step("train", arm=arm)
    return networks.probabilities(_network(str(home()), str(trained and trained["key"]), arm, seen), images)


@st.cache_resource(max_entries=16, show_spinner="Loading the models …")
def _network(folder: str, key: str, arm: str, _seen: RunView) -> Any:
    from core import networks

    return networks.load(_seen, arm)


def wanted(seen: RunView, true: int | None) -> int | None:
    """The class that the attacker wants for a picture of class `true` (None: unknown); None where that is unknown."""
    shown = seen.evaluation
    if shown is None or not len(shown["eval_wanted"]):
        return None
    every = np.unique(shown["eval_wanted"])
    if len(every) == 1:
        return int(every[0])
    mine = shown["eval_wanted"][shown["eval_true"] == true] if true is not None else every[:0]
    return int(mine[0]) if len(mine) else None
