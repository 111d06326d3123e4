"""How a defense's own attack on its batches goes: its measure step by step, and what the poisons do to the loss."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.figures import palette

MEASURES = {"alignment": "Alignment (cosine)", "distance": "Distance in features"}
PARTS = ("Poisons,<br>own label", "Targets,<br>own label", "Targets,<br>fake label")
SIDE = 0.2
"""How far a bar stands from the middle of its part, in distances between parts."""


def course(values: np.ndarray, epochs: Sequence[int], *, chosen: int, measure: str, big: bool = False) -> go.Figure:
    """The measure of the attack inside the step, one line a recorded epoch; the chosen one stands out.

    Args:
        values: (e, steps + 2) float: of the untouched poisons, at the random start, and after each step.
        epochs: e numbers.
        chosen: place of one of them.
        measure: `alignment` (cosine, -1 to 1) or `distance` (0 and more).
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
        chosen: place of the epoch that is drawn; all share the axis, so that epochs can be compared.
        big: presentation size.

    Returns:
        Two bars where a part was changed, one where it was not.
    """
    there = [part for part in range(len(PARTS)) if np.isfinite(values[chosen, part]).all()]
    same = [part for part in there if values[chosen, part, 0] == values[chosen, part, 1]]
    changed = [part for part in there if part not in same]
    bars = (
        ("Before", palette.BLUE, "", changed, 0, -SIDE),
        ("Crafted", palette.VERMILION, "/", changed, 1, SIDE),
        ("Not changed", palette.GREY, "", same, 0, 0.0),
    )
    figure = go.Figure()
    for name, colour, pattern, parts, side, moved in bars:
        if parts:
            heights = values[chosen, parts, side]
            figure.add_trace(
                go.Bar(
                    x=[there.index(part) + moved for part in parts],
                    y=heights,
                    name=name,
                    width=1.8 * SIDE,
                    marker={"color": colour, "pattern": {"shape": pattern, "solidity": 0.25}},
                    text=[f"{height:.2f}" for height in heights],
                    textposition="outside",
                    cliponaxis=False,
                    hovertemplate="%{y:.3f}",
                )
            )
    palette.styled(figure, height=320, big=big)
    highest = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    names = [PARTS[part] for part in there]
    figure.update_xaxes(
        tickvals=list(range(len(there))), ticktext=names, range=[-0.6, len(there) - 0.4], showgrid=False
    )
    figure.update_yaxes(title="Loss (cross-entropy)", range=[0, 1.15 * max(highest, 0.1)])
    figure.update_layout(barmode="overlay", hovermode="closest", uirevision="losses")
    return figure
