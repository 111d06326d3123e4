"""The same chart many times over: one small panel a model, all on the same axes, each beside the same baseline."""

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.figures import palette
from core.figures.epochs import Panel, traces

ACROSS = 3
"""Panels in a row."""
TALL = 200
"""Pixels of a panel, its heading included."""
BETWEEN = 62
"""Pixels between two rows: marks of the axis above, heading below."""


def panels(shown: Sequence[Panel], epochs: int, *, y_title: str, span: Sequence[float], big: bool = False) -> go.Figure:
    """Small multiples in percent; only lines that do not give their panel its name stand in the legend, each once.

    Args:
        shown: at least one; their lines are shares.
        epochs: length of the axis that all share.
        y_title: of the first panel in every row.
        span: lowest and highest percent on the axis that all share.
        big: presentation size.
    """
    rows = -(-len(shown) // ACROSS)
    height = 70 + TALL * rows
    figure = make_subplots(
        rows,
        min(ACROSS, len(shown)),
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=BETWEEN / height,
        subplot_titles=[panel.title for panel in shown],
    )
    named = {panel.title for panel in shown}
    for number, panel in enumerate(shown):
        for line in panel.lines:
            for trace in traces(line, True):
                if trace.name:
                    trace.update(legendgroup=line.name, showlegend=line.name not in named)
                    named.add(line.name)
                figure.add_trace(trace, row=number // ACROSS + 1, col=number % ACROSS + 1)
    palette.styled(figure, height=height, big=big)
    figure.update_annotations(font_size=palette.BIG_FONT_SIZE if big else palette.FONT_SIZE)
    figure.update_xaxes(range=[-0.3, epochs + 0.3], dtick=5 if epochs > 10 else 1, showticklabels=True)
    figure.update_yaxes(range=list(span), ticksuffix=" %", dtick=25 if span[1] - span[0] > 60 else None)
    figure.update_xaxes(title="Epoch", row=rows)
    figure.update_yaxes(title=y_title, col=1)
    figure.update_layout(margin_t=34, hovermode="x unified", uirevision="multiples")
    return figure
