"""How a defense's own attack on its batches goes: its measure step by step, and what the poisons do to the loss."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.figures import palette

MEASURES = {
    "alignment": "Alignment (cosine)",
    "head_alignment": "Alignment in the last layer (cosine)",
    "distance": "Distance in features",
}
PARTS = ("Poisons,<br>own label", "Targets,<br>own label", "Targets,<br>fake label")
GROUPS = ((0, 1), (2,))
"""Parts that share an axis."""
SIDE = 0.2
"""How far a bar stands from the middle of its part, in distances between parts."""


def course(values: np.ndarray, epochs: Sequence[int], *, chosen: int, measure: str, big: bool = False) -> go.Figure:
    """The measure of the attack inside the step, one line a recorded epoch; the chosen one stands out.

    Args:
        values: (e, steps + 2) float: of the untouched poisons, at the random start, and after each step.
        epochs: e numbers.
        chosen: place of one of them.
        measure: `alignment` or `head_alignment` (cosine, -1 to 1), or `distance` (0 and more).
        big: presentation size.
    """
    figure, at = go.Figure(), np.arange(values.shape[1])
    others = [place for place in range(len(epochs)) if place != chosen]
    for place in [*others, chosen]:  # the chosen one on top
        own = place == chosen
        figure.add_trace(
            go.Scatter(
                x=at,
                y=values[place],
                name=f"Epoch {epochs[place]}" if own else "Other recorded epochs",
                showlegend=own or place == others[0],
                legendgroup="chosen" if own else "others",
                mode="lines+markers",
                line={
                    "color": palette.VERMILION if own else palette.GREY,
                    "width": 2.5 if own else 1.2,
                    "dash": "solid" if own else "dot",
                },
                marker={"symbol": "diamond" if own else "circle", "size": 9 if own else 4},
                hovertemplate=f"%{{y:.3f}} epoch {epochs[place]}<extra></extra>",
            )
        )
    palette.styled(figure, height=320, big=big)
    figure.update_xaxes(
        title="Step of the attack",
        tickvals=at,
        ticktext=["untouched", "start", *map(str, at[2:] - 1)],
        range=[-0.3, at[-1] + 0.3],
        zeroline=False,
    )
    figure.update_yaxes(title=MEASURES[measure], zeroline=True, rangemode="tozero")
    figure.update_layout(hovermode="x unified", uirevision="course")
    return figure


def losses(values: np.ndarray, *, chosen: int, big: bool = False) -> go.Figure:
    """Mean loss of both parts of a batch, before the poisons are crafted and after, as bars with their values.

    Args:
        values: (e, 3, 2) float: of the poisons and of the targets with their own labels, and of the targets with the
            fake one; each before and after. NaN where there is none, and then the bars are left out.
        chosen: place of the epoch that is drawn.
        big: presentation size.

    Returns:
        Two bars where a part was changed, one where it was not. The fake label, whose loss is large, has its own axis.
    """
    there = np.isfinite(values[chosen]).all(axis=1)
    groups = [kept for group in GROUPS if (kept := [part for part in group if there[part]])]
    figure = make_subplots(1, len(groups), column_widths=[len(group) for group in groups], horizontal_spacing=0.14)
    named: set[str] = set()
    for column, group in enumerate(groups, start=1):
        for name, bar in _bars(values[chosen], group).items():
            figure.add_trace(bar.update(legendgroup=name, showlegend=name not in named), row=1, col=column)
            named.add(name)
        highest = max(float(values[chosen, group].max()), 0.1)
        words = {"tickvals": list(range(len(group))), "ticktext": [PARTS[part] for part in group]}
        figure.update_xaxes(**words, range=[-0.6, len(group) - 0.4], showgrid=False, row=1, col=column)
        figure.update_yaxes(range=[0, 1.15 * highest], row=1, col=column)  # an untrained epoch would dwarf the others
    palette.styled(figure, height=320, big=big)
    figure.update_yaxes(title="Loss (cross-entropy)", row=1, col=1)
    figure.update_layout(barmode="overlay", hovermode="closest", uirevision="losses")
    return figure


def _bars(losses: np.ndarray, group: Sequence[int]) -> dict[str, go.Bar]:
    """The bars of some parts, which stand at 0, 1, ...; (3, 2) losses."""
    same = [part for part in group if losses[part, 0] == losses[part, 1]]
    changed = [part for part in group if part not in same]
    sides = (
        ("Before", palette.BLUE, "", changed, 0, -SIDE),
        ("Crafted", palette.VERMILION, "/", changed, 1, SIDE),
        ("Not changed", palette.GREY, "", same, 0, 0.0),
    )
    return {
        name: go.Bar(
            x=[list(group).index(part) + moved for part in parts],
            y=losses[parts, side],
            name=name,
            width=1.8 * SIDE,
            marker={"color": colour, "pattern": {"shape": pattern, "solidity": 0.25}},
            text=[f"{loss:.2f}" for loss in losses[parts, side]],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y:.3f}",
        )
        for name, colour, pattern, parts, side, moved in sides
        if parts
    }
