"""Widgets about poisoning one's own batches."""

import numpy as np
import streamlit as st

from app.components import say
from app.components.images import Tile, triples
from app.lessons import draw, facts, shipped
from app.lessons.shipped import Screen, need
from core.errors import StoreError

BATCH = 16
PAIRS = 3
GAIN = 8


def split(screen: Screen) -> None:
    """A batch of training pictures, divided; with the reveal, their labels stay."""
    seen = shipped.view("robust")
    part = float(draw.slider(screen, "Part that is poisoned", [0.25, 0.5, 0.75], 0.5, lambda share: f"{share:.0%}"))
    rows = np.random.default_rng(6).permutation(seen.n or 0)[:BATCH]
    images, labels = need(seen.images(rows), "images"), need(seen.labels, "labels")[rows]
    names, poisons = seen.class_names or [], round(part * BATCH)
    tiles = []
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        role = "poisoned" if place < poisons else "target"
        said = f"{role} · {names[int(label)]}" if screen.revealed else role
        tiles.append(Tile(image, said, f"{role}: a {names[int(label)]}", "practised" if place < poisons else ""))
    st.markdown(f"**One batch of {BATCH}: {poisons} are poisoned on the fly, {BATCH - poisons} are their targets**")
    draw.pictures(screen, tiles, 68)
    say.small("Labels are those that the step trains on." if screen.revealed else "With which labels is it trained on?")


def inside(screen: Screen) -> None:
    """What the defense made of a batch of its own: a few images before and after."""
    seen = shipped.view("robust")
    record = seen.practice(facts.defense(seen))
    if record is None:
        raise StoreError("The shipped run holds no batch of the defense.")
    epochs = [int(epoch) for epoch in record["epochs"]]
    epoch = draw.slider(screen, "Epoch", epochs, epochs[-1]) if len(epochs) > 1 else epochs[0]
    at, names = epochs.index(epoch), seen.class_names or []
    clean, changed, labels = (np.asarray(record[name][at, :PAIRS]) for name in ("before", "after", "labels"))
    words = [f"trained on as “{names[int(label)]}”" for label in labels]
    if screen.revealed:
        pictures = triples(clean, changed, words, 92, names=("before", "after"), amplified=GAIN, between="added")
        st.html(pictures)
    else:
        tiles = [Tile(one, "before", "A training picture") for one in clean]
        draw.pictures(screen, tiles, 130)
    say.small(f"{PAIRS} pictures of the first batch of epoch {epoch}.")
