"""The faces of ten traffic signs, drawn from polygons, discs and strokes; no font and no picture file is read.

A face lives in the square [-1, 1] x [-1, 1], x to the right and y down, and touches its border. The drawings
follow the look of European signs, not their exact measures: at 32 pixels the eye sees colour, outline and the boldest
strokes.
"""

from collections.abc import Callable, Iterable
from functools import cache
from math import cos, pi, radians, sin

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFilter

COMPONENT = False

SIDE = 256
"""Pixels along the side of a finished face."""
REACH = 1.12
"""A finished face shows [-REACH, REACH], so that a sampler that runs over the edge meets transparency."""
OVERSAMPLING = 4
"""Faces are drawn this many times larger and averaged, which smooths their edges."""

RED, BLUE, YELLOW = (190, 22, 34), (20, 76, 156), (247, 186, 22)
WHITE, BLACK, EDGE = (240, 240, 236), (24, 24, 26), (150, 152, 155)

Number = int | float
Colour = tuple[int, int, int]
Point = tuple[Number, Number]


class Pen:
    """Draws on one large transparent canvas in the coordinates of a face."""

    def __init__(self) -> None:
        self.side = SIDE * OVERSAMPLING
        self.image = Image.new("RGBA", (self.side, self.side))
        self.draw = ImageDraw.Draw(self.image)

    def _place(self, x: Number, y: Number) -> Point:
        half = self.side / 2
        return half + x / REACH * half, half + y / REACH * half

    def disc(self, x: Number, y: Number, radius: Number, colour: Colour) -> None:
        self.draw.ellipse([*self._place(x - radius, y - radius), *self._place(x + radius, y + radius)], fill=colour)

    def polygon(self, points: Iterable[Point], colour: Colour, corner: Number = 0.0) -> None:
        """A filled polygon; `corner` is the radius by which it grows, with round corners."""
        points = list(points)
        self.draw.polygon([self._place(*point) for point in points], fill=colour)
        if corner:
            self.stroke([*points, points[0]], 2 * corner, colour)

    def stroke(self, points: Iterable[Point], width: Number, colour: Colour) -> None:
        """A line through `points` with round ends and joints."""
        points = list(points)
        pixels = round(width / REACH * self.side / 2)
        self.draw.line([self._place(*point) for point in points], fill=colour, width=pixels)
        for point in points:
            self.disc(*point, width / 2, colour)

    def finish(self) -> UInt8[np.ndarray, "side side 4"]:
        """The face with colour premultiplied by alpha, blurred to half the spacing of the samples to come."""
        premultiplied = self.image.convert("RGBa")
        return np.asarray(premultiplied.reduce(OVERSAMPLING).filter(ImageFilter.GaussianBlur(1.5)))


def arc(x: Number, y: Number, rx: Number, ry: Number, start: Number, end: Number) -> list[Point]:
    """Points on an ellipse from `start` to `end` degrees, clockwise on screen from three o'clock."""
    return [(x + rx * cos(a), y + ry * sin(a)) for a in np.linspace(radians(start), radians(end), 33).tolist()]


def ring(sides: int, radius: Number, turn: Number) -> list[Point]:
    """Corners of a regular polygon, the first at `turn` degrees."""
    angles = [radians(turn) + 2 * pi * i / sides for i in range(sides)]
    return [(radius * cos(angle), radius * sin(angle)) for angle in angles]


# Glyphs as strokes in a box 1 wide and 2 high, y down, centred on the origin.
GLYPHS: dict[str, list[list[Point]]] = {
    "0": [arc(0, -0.5, 0.5, 0.5, 180, 360) + arc(0, 0.5, 0.5, 0.5, 0, 180) + [(-0.5, -0.5)]],
    "3": [arc(-0.02, -0.5, 0.49, 0.5, 200, 450) + arc(-0.02, 0.47, 0.52, 0.53, -90, 165)],
    "5": [[(0.48, -1), (-0.42, -1), (-0.48, -0.08)] + arc(-0.02, 0.4, 0.52, 0.6, 225, 500)],
    "8": [arc(0, -0.51, 0.46, 0.49, 0, 360), arc(0, 0.47, 0.52, 0.53, 0, 360)],
    "S": [arc(0, -0.5, 0.48, 0.5, 335, 90) + arc(0, 0.5, 0.48, 0.5, -90, 155)],
    "T": [[(-0.52, -1), (0.52, -1)], [(0, -1), (0, 1)]],
    "O": [arc(0, -0.45, 0.5, 0.55, 180, 360) + arc(0, 0.45, 0.5, 0.55, 0, 180) + [(-0.5, -0.45)]],
    "P": [[(-0.42, 1), (-0.42, -1), (0, -1)] + arc(0, -0.48, 0.48, 0.52, -90, 90) + [(-0.42, 0.04)]],
}


def write(pen: Pen, text: str, height: Number, width: Number, gap: Number, thick: Number, colour: Colour) -> None:
    """Write `text` in the middle of the face; sizes are those of the strokes' centre lines."""
    start = -((len(text) - 1) * (width + gap)) / 2
    for place, letter in enumerate(text):
        for line in GLYPHS[letter]:
            pen.stroke([(start + place * (width + gap) + x * width, y * height / 2) for x, y in line], thick, colour)


def stop(pen: Pen) -> None:
    """A red octagon with its word."""
    pen.polygon(ring(8, 1.05, 22.5), EDGE)
    pen.polygon(ring(8, 1.03, 22.5), WHITE)
    pen.polygon(ring(8, 0.94, 22.5), RED)
    write(pen, "STOP", height=0.54, width=0.265, gap=0.145, thick=0.11, colour=WHITE)


def give_way(pen: Pen) -> None:
    """A white triangle on its tip, with a red border."""
    pen.polygon([(-0.9, -0.7), (0.9, -0.7), (0, 0.86)], EDGE, corner=0.1)
    pen.polygon([(-0.9, -0.7), (0.9, -0.7), (0, 0.86)], RED, corner=0.08)
    pen.polygon([(-0.55, -0.49), (0.55, -0.49), (0, 0.46)], WHITE, corner=0.03)


def no_entry(pen: Pen) -> None:
    """A red disc with a white bar."""
    pen.disc(0, 0, 1.0, EDGE)
    pen.disc(0, 0, 0.98, WHITE)
    pen.disc(0, 0, 0.92, RED)
    pen.polygon([(-0.66, -0.16), (0.66, -0.16), (0.66, 0.16), (-0.66, 0.16)], WHITE, corner=0.02)


def speed(text: str) -> Callable[[Pen], None]:
    """A white disc with a red ring and a number."""

    def draw(pen: Pen) -> None:
        pen.disc(0, 0, 1.0, EDGE)
        pen.disc(0, 0, 0.98, RED)
        pen.disc(0, 0, 0.77, WHITE)
        write(pen, text, height=0.72, width=0.37, gap=0.24, thick=0.155, colour=BLACK)

    return draw


def priority_road(pen: Pen) -> None:
    """A yellow square on its corner, within white."""
    pen.polygon(ring(4, 0.93, 0), EDGE, corner=0.08)
    pen.polygon(ring(4, 0.93, 0), WHITE, corner=0.06)
    pen.polygon(ring(4, 0.66, 0), BLACK, corner=0.05)
    pen.polygon(ring(4, 0.66, 0), YELLOW, corner=0.03)


def turn_right(pen: Pen) -> None:
    """A blue disc with a bent white arrow."""
    pen.disc(0, 0, 1.0, EDGE)
    pen.disc(0, 0, 0.98, WHITE)
    pen.disc(0, 0, 0.93, BLUE)
    pen.polygon([(-0.44, 0.66), (-0.44, -0.29), (0.12, -0.29), (0.12, -0.02), (-0.17, -0.02), (-0.17, 0.66)], WHITE)
    pen.polygon([(0.12, -0.56), (0.66, -0.155), (0.12, 0.25)], WHITE)


def warning(pen: Pen) -> None:
    """The triangle that warning signs share."""
    pen.polygon([(-0.9, 0.7), (0.9, 0.7), (0, -0.86)], EDGE, corner=0.1)
    pen.polygon([(-0.9, 0.7), (0.9, 0.7), (0, -0.86)], RED, corner=0.08)
    pen.polygon([(-0.62, 0.535), (0.62, 0.535), (0, -0.54)], WHITE, corner=0.03)


def pedestrians(pen: Pen) -> None:
    """A warning with somebody on a crossing."""
    warning(pen)
    for y in (0.47, 0.33):  # two stripes of a crossing
        pen.stroke([(-0.5 + (0.47 - y) * 0.5, y), (-0.34 + (0.47 - y) * 0.5, y)], 0.07, BLACK)
        pen.stroke([(0.34 - (0.47 - y) * 0.5, y), (0.5 - (0.47 - y) * 0.5, y)], 0.07, BLACK)
    pen.disc(0.02, -0.32, 0.095, BLACK)
    pen.stroke([(0.01, -0.14), (-0.01, 0.13)], 0.18, BLACK)
    pen.stroke([(0.0, 0.14), (0.15, 0.3), (0.19, 0.5)], 0.105, BLACK)
    pen.stroke([(-0.01, 0.14), (-0.09, 0.33), (-0.22, 0.5)], 0.105, BLACK)
    pen.stroke([(0.04, -0.14), (0.2, 0.04), (0.27, 0.0)], 0.075, BLACK)
    pen.stroke([(-0.02, -0.14), (-0.18, 0.02), (-0.2, 0.1)], 0.075, BLACK)


def road_works(pen: Pen) -> None:
    """A warning with somebody who digs."""
    warning(pen)
    pen.polygon([(0.06, 0.56), (0.3, 0.26), (0.56, 0.56)], BLACK)  # the heap
    pen.disc(-0.03, -0.29, 0.095, BLACK)
    pen.stroke([(-0.1, -0.1), (-0.26, 0.12)], 0.19, BLACK)  # a bent back
    pen.stroke([(-0.26, 0.14), (-0.14, 0.3), (-0.18, 0.5)], 0.105, BLACK)
    pen.stroke([(-0.28, 0.14), (-0.38, 0.32), (-0.48, 0.5)], 0.105, BLACK)
    pen.stroke([(-0.07, -0.12), (0.06, 0.06), (0.1, 0.14)], 0.08, BLACK)
    pen.stroke([(-0.16, 0.12), (0.24, 0.26)], 0.05, BLACK)  # the spade


FACES: dict[str, Callable[[Pen], None]] = {
    "stop": stop,
    "yield": give_way,
    "no entry": no_entry,
    "speed 30": speed("30"),
    "speed 50": speed("50"),
    "speed 80": speed("80"),
    "priority road": priority_road,
    "turn right": turn_right,
    "pedestrians": pedestrians,
    "road works": road_works,
}


@cache
def faces() -> UInt8[np.ndarray, "k side side 4"]:
    """All faces, premultiplied, in the order of FACES; read only."""
    drawn = []
    for draw in FACES.values():
        pen = Pen()
        draw(pen)
        drawn.append(pen.finish())
    stack = np.stack(drawn)
    stack.flags.writeable = False
    return stack
