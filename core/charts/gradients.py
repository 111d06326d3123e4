"""The map of the gradient space of a run, as far as a picture without a page around it can tell."""

from typing import Any

import numpy as np

from core.charts.chart import Chart
from core.figures import gradients
from core.runs.view import RunView

UNDEFENDED = "undefended"


def chart(seen: RunView, truth: bool) -> Chart | None:
    """The UMAP of the gradients at every recorded epoch; None where the run made none.

    Args:
        seen: the run; its map is that of the first key and victim.
        truth: whether poisons and the target are marked; without it colours are classes.
    """
    found, record, labels, poison = seen.embedding, seen.gradient_record(UNDEFENDED), seen.labels, seen.is_poison
    if found is None or record is None or labels is None or poison is None:
        return None
    rows, positions, epochs = (np.asarray(part) for part in (found["rows"], found["positions"], record["epochs"]))
    groups = (
        gradients.by_truth(poison[rows], None) if truth else gradients.by_class(labels[rows], seen.class_names or [])
    )
    last = len(epochs) - 1
    table: dict[str, list[Any]] = {
        "row": rows.tolist(),
        "across": positions[last, :-1, 0].round(4).tolist(),
        "up": positions[last, :-1, 1].round(4).tolist(),
    }
    if truth:
        table["poison"] = poison[rows].astype(int).tolist()
    marked = " Squares are poisons, the star is the target." if truth else " Colours are classes."
    return Chart(
        gradients.animated_map(positions, rows, epochs, groups, start=last, target=truth),
        f"{len(rows):,} of {len(labels):,} rows, each by its gradient in the model without defense: near points pull "
        f"the network the same way. UMAP, each epoch’s map started from the one before; axes have no unit. Play moves "
        f"the points over the {len(epochs)} recorded epochs.{marked} The table holds the last one.",
        f"UMAP of the gradients of {len(rows):,} rows over {len(epochs)} epochs.{marked}",
        table,
    )
