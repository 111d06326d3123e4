"""What the session and the link know of the Play page; changed by widgets, read by everything on the page."""

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from app import trying
from app.address import Address
from app.components import frame
from app.trying import PHOTO, Try
from core.attacks.base import Attack
from core.attacks.patch import Patch
from core.runs.view import RunView


class Play:
    """One run, and what is tried on it. Another run, or the truth hidden or shown, starts anew."""

    def __init__(self, seen: RunView) -> None:
        """Read the session, or the link where it was written by somebody else."""
        images, labels, names = seen.array("data", "test_images"), seen.array("data", "test_labels"), seen.class_names
        assert images is not None and labels is not None and names is not None
        self.seen, self.images, self.labels, self.names = seen, images, np.asarray(labels), names
        self.attack: Attack | None = trying.attack_of(seen.run)
        self.begun = trying.start(self.attack, images.shape[1:], self._first(), truth=frame.truth())
        place, kept = f"{seen.run.id} {frame.truth()}", st.session_state.get("play")
        address = kept["address"] if kept else Address(lambda name: name in trying.FIELDS)
        foreign = address.foreign()
        if kept is None or kept["place"] != place or foreign is not None:
            told = {} if kept is not None and kept["place"] != place and foreign is None else address.told()
            now, notes = trying.linked(told, self.begun, images.shape[1:], len(images))
            address.read()
            generation = kept["generation"] + 1 if kept else 1
            kept = {"place": place, "now": now, "notes": notes, "address": address, "generation": generation}
            kept |= {"photo": None, "offered": 0, "held": False}
            st.session_state["play"] = kept
        self.kept: dict[str, Any] = kept

    def _first(self) -> int:
        """The picture to begin with: the first that is not of the attacker's class already."""
        wanted = trying.wanted(self.seen, None)
        return int(np.flatnonzero(self.labels != wanted)[0]) if (self.labels != wanted).any() else 0

    @property
    def now(self) -> Try:
        """What is tried."""
        kept: Try = self.kept["now"]
        return kept

    @property
    def image(self) -> np.ndarray:
        """(c, h, w) uint8: the picture without a trigger."""
        if self.now.picture == PHOTO:
            return np.asarray(self.kept["photo"])
        return np.array(self.images[self.now.picture])

    @property
    def true(self) -> int | None:
        """The picture's class; None of a photo."""
        return None if self.now.picture == PHOTO else int(self.labels[self.now.picture])

    @property
    def wanted(self) -> int | None:
        """The class that the attacker wants; None where it is unknown or hidden."""
        return trying.wanted(self.seen, self.true) if frame.truth() else None

    def key(self, name: str) -> str:
        """A widget's key; it is another one when the page starts anew."""
        return f"play-{name}-{self.kept['generation']}"

    # ---- changes

    def change(self, **changes: Any) -> None:
        """Try something else."""
        self.kept["now"] = replace(self.now, **changes)

    def patch(self, **changes: Any) -> None:
        """Change the patch; it stays inside of the picture, and is what is tried from now on."""
        h, w = self.images.shape[2:]
        patch: Patch = replace(self.now.patch, **changes)
        self.change(patch=trying.fitted(patch, h, w), whole=False)

    def bring(self, photo: np.ndarray | None) -> None:
        """Take a photo as the picture, or none any more."""
        self.kept["photo"] = photo
        if photo is not None:
            self.change(picture=PHOTO)
        elif self.now.picture == PHOTO:
            self.change(picture=self.begun.picture)

    def write(self) -> None:
        """Put what is tried into the link; not while the trigger is held, or every pixel would be a step of Back."""
        if not self.kept["held"]:
            self.kept["address"].write(trying.link(self.now, self.begun))
