"""A picture with a trigger on it that can be dragged, or moved by arrow keys; the browser draws it while it moves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.attacks.patch import Patch
from core.pictures import png

HTML = (
    '<div class="box"><div class="ground" role="application" tabindex="0"><canvas aria-hidden="true"></canvas></div>'
    '<div class="out" role="status"></div></div>'
)
HERE = Path(__file__).parent

_mount = st.components.v2.component(
    "poisonscope_stage",
    html=HTML,
    css=(HERE / "stage.css").read_text(encoding="utf-8"),
    js=(HERE / "stage.js").read_text(encoding="utf-8"),
)


def stage(
    image: np.ndarray, patch: Patch | None, *, said: str, still: str, moved: Callable[[int, int, bool], None], key: str
) -> None:
    """Draw the stage.

    Args:
        image: (c, h, h) uint8, without the patch.
        patch: what can be moved; None where nothing can.
        said: what a screen reader says about it.
        still: what stands below where nothing can be moved.
        moved: called with row, column and whether it is still held, before the page is drawn again.
        key: of the component.
    """

    def heard() -> None:
        at = st.session_state[key].get("at")
        if isinstance(at, dict) and all(isinstance(at.get(name), int) for name in ("row", "column", "seq")):
            st.session_state[f"{key}:seq"] = at["seq"]
            moved(at["row"], at["column"], at.get("held") is True)

    _mount(
        key=key,
        data={
            "image": png(image),
            "side": image.shape[1],
            "patch": None if patch is None else _shown(patch, image.shape[0]),
            "label": said,
            "still": still,
            "seq": st.session_state.get(f"{key}:seq", 0),
        },
        on_at_change=heard,
    )


def _shown(patch: Patch, channels: int) -> dict[str, Any]:
    """The patch as the browser draws it: a colour for every pixel, row by row, or nothing."""
    mask, levels = patch.look(channels)
    colours = np.broadcast_to(np.rint(levels).astype(int), (3, *mask.shape))
    cells = [
        f"rgb({red},{green},{blue})" if covered else None
        for covered, red, green, blue in zip(mask.ravel(), *colours.reshape(3, -1).tolist(), strict=True)
    ]
    return {"row": patch.row, "column": patch.column, "size": patch.size, "cells": cells, "opacity": patch.opacity}
