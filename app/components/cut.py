"""A histogram of scores with a line to drag: the browser counts what a cut there would remove, without a rerun."""

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.figures import palette, spectral
from core.metrics import auroc

DIGITS = 6
"""Scores travel with so many significant digits; the cut that comes back is compared with them as they travelled."""

HTML = (
    '<div class="box"><div class="out" role="status"></div>'
    '<svg role="slider" tabindex="0" aria-label="Cut: rows with this suspicion score or more would be removed"></svg>'
    '<div class="key"></div></div>'
)

HERE = Path(__file__).parent

_mount = st.components.v2.component(
    "poisonscope_cut",
    html=HTML,
    css=(HERE / "cut.css").read_text(encoding="utf-8"),
    js=(HERE / "cut.js").read_text(encoding="utf-8"),
)


def own_cut(scores: np.ndarray, flagged: np.ndarray | None) -> float | None:
    """The lowest score that a filter removed, or None where it removed nothing."""
    return float(_rounded(scores[flagged]).min()) if flagged is not None and flagged.any() else None


def above(scores: np.ndarray, cut: float) -> np.ndarray:
    """(m,) bool: the rows that a cut removes, counted exactly as the browser counts them."""
    return _rounded(scores) >= cut


def _rounded(scores: np.ndarray) -> np.ndarray:
    return np.array([float(f"{score:.{DIGITS}g}") for score in scores])


def prepared(scores: np.ndarray, poison: np.ndarray | None, cut: float | None, own: float | None) -> dict[str, Any]:
    """What travels to the browser: bins and sorted scores. With the truth hidden, nothing in it depends on it."""
    power = spectral.stretch(scores)
    edges = spectral.bins(scores, power=power)

    def sent(chosen: np.ndarray) -> list[float]:
        return [float(score) for score in np.sort(_rounded(scores[chosen]))]

    def counted(chosen: np.ndarray) -> list[int]:
        return [int(count) for count in np.histogram(scores[chosen], edges)[0]]

    clean = np.ones(len(scores), bool) if poison is None else ~poison
    middle = float(edges[-1]) if own is None else own
    return {
        "power": power,
        "edges": [float(edge) for edge in edges],
        "clean": counted(clean),
        "poison": None if poison is None else counted(poison),
        "cleanScores": sent(clean),
        "poisonScores": None if poison is None else sent(poison),
        "cut": middle if cut is None else cut,
        "own": own,
        "auroc": None if poison is None or not poison.any() or poison.all() else auroc(scores, poison),
        "colours": [palette.BLUE, palette.VERMILION],
    }


def histogram(scores: np.ndarray, *, poison: np.ndarray | None, own: float | None, key: str) -> float | None:
    """Draw the histogram; the cut that the person left the line at, or None while it was not moved."""
    kept = st.session_state.get(f"{key}:cut")
    result = _mount(
        key=key, data=prepared(scores, poison, kept, own), default={"cut": kept}, on_cut_change=lambda: None
    )
    cut = result.get("cut")
    if isinstance(cut, (int, float)) and np.isfinite(cut):
        st.session_state[f"{key}:cut"] = float(cut)
        return float(cut)
    return None
