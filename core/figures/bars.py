"""A few values as bars with their intervals; those that nobody may see yet leave their place empty."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core.figures import palette


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        name: left of it.
        value: its length, or None where it is hidden.
        low, high: ends of its interval, or None without.
        colour, pattern: two channels.
        said: what stands at its end.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    colour: str = palette.BLUE
    pattern: str = ""
    said: str = ""


def bars(shown: Sequence[Bar], *, title: str, most: float | None = None, big: bool = False) -> go.Figure:
    """Horizontal bars from the top; a hidden one is a question mark.

    Args:
        shown: the bars.
        title: of the axis of values, unit included.
        most: end of that axis; without it as far as the values go, hidden ones told by nothing.
        big: presentation size.
    """
    places = [place for place, bar in enumerate(shown) if bar.value is not None]
    known = [shown[place] for place in places]
    figure = go.Figure(
        go.Bar(
            y=places,
            x=[bar.value for bar in known],
            orientation="h",
            error_x=None
            if all(bar.high is None for bar in known)
            else {
                "type": "data",
                "symmetric": False,
                "array": [0 if bar.high is None else bar.high - (bar.value or 0) for bar in known],
                "arrayminus": [0 if bar.low is None else (bar.value or 0) - bar.low for bar in known],
                "color": palette.GREY,
                "thickness": 2,
                "width": 5,
            },
            marker={
                "color": [bar.colour for bar in known],
                "pattern": {"shape": [bar.pattern for bar in known]},
            },
            hoverinfo="skip",
            width=0.62,
        )
    )
    ends = [end for bar in known for end in (bar.value, bar.low, bar.high) if end is not None]
    highest, lowest = most or max([0.0, *ends]) or 1.0, min([0.0, *ends])
    for place, bar in enumerate(shown):
        after = 0.0 if bar.value is None else max(bar.value, bar.high or 0)
        figure.add_annotation(
            x=after,
            y=place,
            text="?" if bar.value is None else f"<b>{bar.said}</b>",
            showarrow=False,
            xanchor="left",
            xshift=8,
        )
    palette.styled(figure, height=90 + 46 * len(shown), big=big, legend=False)
    figure.update_xaxes(title=title, range=[1.1 * lowest, highest + 0.16 * (highest - lowest)])
    figure.update_yaxes(
        showgrid=False,
        zeroline=False,
        tickvals=list(range(len(shown))),
        ticktext=[bar.name for bar in shown],
        range=[len(shown) - 0.4, -0.6],
    )
    figure.update_annotations(font_size=palette.BIG_FONT_SIZE if big else palette.FONT_SIZE)
    return figure
