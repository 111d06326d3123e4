"""Seconds against rows on two logarithmic scales, as a small SVG that reads on light and dark pages."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.figures.palette import BLUE, GREEN, GREY, PURPLE, VERMILION

BENCHMARK = False

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 200, 20, 50
"""Margins in pixels; names of lines stand in the right one."""
COLOURS = (BLUE, VERMILION, GREEN, PURPLE)
TEXT = "#808080"
"""As far from white as from near-black."""
LINE_HEIGHT = 17.0


@dataclass(frozen=True)
class Line:
    """One kind of work: {rows, as text: seconds > 0}, and the power of the rows that its seconds follow."""

    title: str
    seconds: dict[str, float]
    exponent: float


def drawn(lines: Sequence[Line]) -> str:
    """The chart; the names of lines that end close together are moved apart."""
    rows = sorted({int(each) for line in lines for each in line.seconds})
    seconds = [each for line in lines for each in line.seconds.values()]
    low, high = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))

    def x(at: float) -> float:
        span = math.log(rows[-1] / rows[0]) or 1.0
        return LEFT + 10 + (WIDTH - LEFT - RIGHT - 10) * math.log(at / rows[0]) / span

    def y(at: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (math.log10(at) - low) / max(1, high - low)

    parts = [_scale_of_seconds(low, high, y), *(_tick_of_rows(each, x(each)) for each in rows)]
    parts.append(_text((x(rows[0]) + x(rows[-1])) / 2, HEIGHT - 8, "rows", "middle"))
    ends = _apart([y(line.seconds[max(line.seconds, key=int)]) for line in lines])
    for line, colour, end in zip(lines, COLOURS, ends, strict=False):
        points = [(x(int(each)), y(took)) for each, took in line.seconds.items()]
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="4" fill="{colour}"/>' for across, down in points]
        across, down = points[-1]
        parts.append(f'<path d="M{across + 6:.1f} {down:.1f}L{across + 18:.1f} {end:.1f}" stroke="{colour}"/>')
        parts.append(_text(across + 22, end + 4, f"{line.title}: rows^{line.exponent:.2f}", "start"))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img"'
    told = "; ".join(f"{line.title} grows as rows to the {line.exponent:.2f}" for line in lines)
    style = f'font-family="sans-serif" font-size="13" fill="{TEXT}"'
    return f"{head} {style}>\n<title>Seconds against rows: {told}</title>\n" + "\n".join(parts) + "\n</svg>\n"


def _scale_of_seconds(low: int, high: int, y: Callable[[float], float]) -> str:
    parts = []
    for power in range(low, high + 1):
        at = y(10.0**power)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT + 10}" stroke="{GREY}" stroke-opacity="0.35"/>')
        parts.append(_text(LEFT - 8, at + 4, f"{10.0**power:g} s", "end"))
    return "\n".join(parts)


def _tick_of_rows(rows: int, across: float) -> str:
    line = f'<path d="M{across:.1f} {HEIGHT - BOTTOM}v5" stroke="{GREY}"/>'
    return f"{line}\n{_text(across, HEIGHT - BOTTOM + 19, f'{rows:,}', 'middle')}"


def _text(across: float, down: float, text: str, anchor: str) -> str:
    return f'<text x="{across:.1f}" y="{down:.1f}" text-anchor="{anchor}">{text}</text>'


def _apart(ends: Sequence[float]) -> list[float]:
    """Heights, each at least a line of text below the one above it."""
    moved, last = list(ends), -math.inf
    for place in sorted(range(len(ends)), key=lambda place: ends[place]):
        last = moved[place] = max(ends[place], last + LINE_HEIGHT)
    return moved
