"""How a defense's own attack on a recorded batch goes, and what it does to the loss (`RunView.practice`)."""

from typing import Any

import numpy as np

from core.charts.chart import Chart
from core.figures import practice as figures

SIDES = ("before", "crafted")
READING = {
    "alignment": "Cosine between the poisons’ gradient and the one that would teach the targets the fake label. The "
    "higher, the better this practice attack does.",
    "head_alignment": "Cosine between the poisons’ gradient and the one that would teach the targets the fake label, "
    "both of the last layer’s weights alone. The higher, the better this practice attack does.",
    "distance": "Distance between the mean features of the poisons and of the targets. The lower, the better this "
    "practice attack does.",
}


def course(record: dict[str, Any], at: int, measure: str | None, *, big: bool = False) -> Chart | None:
    """The measure of the attack step by step.

    Args:
        record: see `RunView.practice`.
        at: place of the epoch that stands out.
        measure: `alignment`, `head_alignment` or `distance`; without one there is no chart.
        big: presentation size.
    """
    if measure is None:
        return None
    values, epochs = np.asarray(record["course"]), [int(epoch) for epoch in record["epochs"]]
    own = values[at]
    names = ["untouched", "start", *(str(step) for step in range(1, len(own) - 1))]
    return Chart(
        figures.course(values, epochs, chosen=at, measure=measure, big=big),
        f"{READING[measure]} It starts from random noise within epsilon.",
        f"{figures.MEASURES[measure]} in epoch {epochs[at]}: {own[0]:.2f} untouched, {own[-1]:.2f} in the end.",
        {"Step": names} | {f"Epoch {epoch}": [f"{value:.3f}" for value in values[i]] for i, epoch in enumerate(epochs)},
    )


def losses(record: dict[str, Any], at: int, *, big: bool = False) -> Chart:
    """The loss of both parts of the batch, before the poisons are crafted and after; arguments as for `course`."""
    values, epochs = np.asarray(record["losses"]), [int(epoch) for epoch in record["epochs"]]
    before, after = values[at, 0]
    table: dict[str, list[Any]] = {"Epoch": epochs}
    for part, name in enumerate(figures.PARTS):
        if np.isfinite(values[:, part]).all():
            for side, when in enumerate(SIDES):
                table[f"{name.replace('<br>', ' ')}: {when}"] = [f"{value:.3f}" for value in values[:, part, side]]
    return Chart(
        figures.losses(values, chosen=at, big=big),
        "Mean over all poisons and all targets of the batch, by the network in evaluation mode, before it learns from "
        "them. Axes differ from epoch to epoch.",
        f"Loss in epoch {epochs[at]}: of the poisons {before:.2f} before and {after:.2f} crafted.",
        table,
    )
