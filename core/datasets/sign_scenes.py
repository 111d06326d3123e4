"""Photographs of signs that never stood anywhere: a face in perspective, before a background, through a poor lens.

Everything is done for a block of m images at once. Frames are FRAME pixels wide, a little more than what is kept, so
that the blur, which works on a torus, has something to run over. Coordinates are pixels of the frame, y down.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64, UInt8

from core.datasets import sign_textures
from core.datasets.sign_faces import REACH, faces

COMPONENT = False

SIDE, MARGIN = 32, 2
FRAME = SIDE + 2 * MARGIN

Kinds = Int64[np.ndarray, " m"]
Atlas = UInt8[np.ndarray, "textures side side 4"]
Window = Float32[np.ndarray, "m 4 frame frame"]
Colour = Float32[np.ndarray, "m 3 frame frame"]
Mask = Float32[np.ndarray, "m 1 frame frame"]

_Y, _X = np.mgrid[:FRAME, :FRAME].astype(np.float32) + 0.5
_FINE = (np.arange(2 * FRAME, dtype=np.float32) + 0.5) / 2


@dataclass(frozen=True)
class Pose:
    """Where m signs hang: centres and radii in pixels, and the maps from the frame to the face's plane."""

    centre: Float[np.ndarray, "m 2"]
    radius: Float[np.ndarray, " m"]
    to_face: Float[np.ndarray, "m 3 3"]

    def take(self, rows: np.ndarray, centre: np.ndarray) -> "Pose":
        """The poses of some rows, moved to other centres."""
        shift = np.tile(np.eye(3), (len(rows), 1, 1))
        shift[:, :2, 2] = self.centre[rows] - centre
        return Pose(centre, self.radius[rows], self.to_face[rows] @ shift)


def pose(rng: np.random.Generator, m: int) -> Pose:
    """Draw positions, sizes, rotations and the direction from which the sign is seen."""
    radius = rng.uniform(10.0, 14.5, m)
    centre = FRAME / 2 + rng.uniform(-1, 1, (m, 2)) * (15.5 - radius).clip(1.5)[:, None]
    yaw, pitch, roll = rng.normal(0, (0.36, 0.17, 0.09), (m, 3)).clip((-0.8, -0.45, -0.26), (0.8, 0.45, 0.26)).T
    to_frame = np.zeros((m, 3, 3))
    # A plane turned by roll, then yaw and pitch, seen from 4 sign radii away.
    across = np.stack([np.cos(roll) * np.cos(yaw), np.sin(roll) * np.cos(pitch), np.cos(roll) * np.sin(yaw) / 4], 1)
    down = np.stack([-np.sin(roll) * np.cos(yaw), np.cos(roll) * np.cos(pitch), np.sin(pitch) / 4], 1)
    to_frame[:, :, 0], to_frame[:, :, 1], to_frame[:, 2, 2] = across, down, 1
    to_frame[:, :2, :2] *= radius[:, None, None]
    to_frame[:, :2] += centre[:, :, None] * to_frame[:, 2:]
    return Pose(centre, radius, np.linalg.inv(to_frame))


def render(kinds: Kinds, where: Pose) -> tuple[Colour, Mask]:
    """Faces in perspective, four samples a pixel: premultiplied colour in 0 to 255 and alpha in 0 to 1."""
    stack = faces()
    side = stack.shape[1]
    texels = stack.view(np.uint32).reshape(-1)
    a = where.to_face.astype(np.float32)[..., None, None]
    x, y = _FINE[None, None, :], _FINE[None, :, None]
    depth = (a[:, 2, 0] * x + a[:, 2, 2]) + a[:, 2, 1] * y
    scale = np.float32(side / (2 * REACH)) / depth
    column = (((a[:, 0, 0] * x + a[:, 0, 2]) + a[:, 0, 1] * y) * scale + side / 2).clip(0, side - 1).astype(np.int32)
    row = (((a[:, 1, 0] * x + a[:, 1, 2]) + a[:, 1, 1] * y) * scale + side / 2).clip(0, side - 1).astype(np.int32)
    place = row * side + column + kinds.astype(np.int32)[:, None, None] * (side * side)
    fine = texels[place].view(np.uint8).reshape(len(kinds), 2 * FRAME, 2 * FRAME, 4).astype(np.uint16)
    rows = fine[:, 0::2] + fine[:, 1::2]
    mean = ((rows[:, :, 0::2] + rows[:, :, 1::2]).astype(np.float32) / 4).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(mean[:, :3]), np.ascontiguousarray(mean[:, 3:]) / 255


def column(values: Float[np.ndarray, " m"]) -> Float32[np.ndarray, "m 1 1 1"]:
    """One number an image, shaped to stand against images."""
    return values.astype(np.float32)[:, None, None, None]


def chosen(rng: np.random.Generator, m: int, share: float) -> Float[np.ndarray, " m"]:
    """1 for about `share` of the rows, else 0."""
    return (rng.random(m) < share).astype(np.float64)


def edge(distance: np.ndarray) -> np.ndarray:
    """Coverage of a pixel whose centre lies `distance` pixels inside an edge."""
    return (distance + 0.5).clip(0, 1)


def along(rng: np.random.Generator, m: int) -> Mask:
    """Signed distance of every pixel from a random line near the middle of the frame."""
    angle, offset = rng.uniform(-np.pi, np.pi, m), rng.uniform(-10, 10, m)
    return column(np.cos(angle)) * (_X - FRAME / 2) + column(np.sin(angle)) * (_Y - FRAME / 2) - column(offset)


def sample(rng: np.random.Generator, atlas: Atlas, kinds: Kinds) -> Window:
    """A random window of each texture, turned a little."""
    m, side = len(kinds), atlas.shape[1]
    angle, zoom = rng.normal(0, 0.12, m), rng.uniform(0.8, 2.6, m)
    start = rng.uniform(side, 2 * side, (2, m))
    c, s = column(zoom * np.cos(angle))[:, 0], column(zoom * np.sin(angle))[:, 0]
    x = (c * _X - s * _Y + column(start[0])[:, 0]).astype(np.int32) % side
    y = (s * _X + c * _Y + column(start[1])[:, 0]).astype(np.int32) % side
    place = (kinds.astype(np.int32)[:, None, None] * side + y) * side + x
    window = atlas.view(np.uint32).reshape(-1)[place].view(np.uint8).reshape(m, FRAME, FRAME, 4)
    return window.transpose(0, 3, 1, 2).astype(np.float32)


def background(rng: np.random.Generator, atlas: Atlas, where: Pose) -> Colour:
    """Something far above something near, the sign's pole, and sometimes a second sign that is cut off by the frame."""
    m, far = len(where.radius), len(sign_textures.FAR)
    picture = sample(rng, atlas, rng.integers(0, far, m))[:, :3]
    ground = sample(rng, atlas, rng.integers(far, len(atlas), m))[:, :3]
    horizon = rng.uniform(0.55, 1.5, m) * FRAME
    below = edge(_Y + column(rng.normal(0, 0.15, m)) * (_X - FRAME / 2) - column(horizon))
    picture += below * (ground - picture)
    # Air between the camera and far things takes their contrast.
    picture = (picture - 128) * column(rng.uniform(0.5, 1.1, m)) + column(rng.uniform(90, 150, m))
    centre = where.centre.T
    aside = _X - column(centre[0]) - column(rng.normal(0, 0.06, m)) * (_Y - column(centre[1]))
    half = column(where.radius * rng.uniform(0.06, 0.12, m))
    pole = edge(half - np.abs(aside)) * edge(_Y - column(centre[1]))
    steel = column(rng.uniform(80, 190, m)) * (1 - 0.35 * (aside / half).clip(-1, 1))
    picture += pole * (steel - picture)
    rows = np.flatnonzero(rng.random(m) < 0.2)
    angle, reach = rng.uniform(0, 2 * np.pi, len(rows)), where.radius[rows] * rng.uniform(1.9, 2.3, len(rows))
    other = where.take(rows, where.centre[rows] + np.stack([np.cos(angle), np.sin(angle)], 1) * reach[:, None])
    colour, alpha = render(rng.integers(0, len(faces()), len(rows)), other)
    picture[rows] = picture[rows] * (1 - alpha) + colour
    return picture


def weather(rng: np.random.Generator, colour: Colour, alpha: Mask, where: Pose, leaves: Mask) -> Colour:
    """What happened to the paint: fading, dirt, stickers. Premultiplied colour in, premultiplied colour out."""
    m = len(colour)
    pale = colour.mean(axis=1, keepdims=True) * 0.55 + alpha * 85
    colour = colour + column(rng.beta(1.0, 3.8, m) * 0.7) * (pale - colour)
    dirt = leaves * column(chosen(rng, m, 0.2) * rng.uniform(0.15, 0.45, m))
    colour *= 1 - dirt
    angle, reach = rng.uniform(0, 2 * np.pi, m), where.radius * rng.uniform(0.1, 0.75, m)
    spot = where.centre.T + np.stack([np.cos(angle), np.sin(angle)]) * reach
    size = column(where.radius * rng.uniform(0.1, 0.24, m))
    wide = column(rng.uniform(0.6, 1.7, m))
    sticker = edge(size - np.maximum(np.abs(_X - column(spot[0])) / wide, np.abs(_Y - column(spot[1]))))
    sticker *= column(chosen(rng, m, 0.1)) * alpha
    paint = rng.uniform(40, 215, (m, 3)).astype(np.float32)[:, :, None, None]
    return colour + sticker * (paint * alpha - colour)


def occlude(rng: np.random.Generator, picture: Colour, front: Window) -> None:
    """Twigs that hang in from one side, and bars, in place; the last channel of `front`, foliage, is its mask."""
    m = len(picture)
    hanging = front[:, 3:] / 255 * edge((along(rng, m) - 6) / 3) * column(chosen(rng, m, 0.16))
    picture += hanging * (front[:, :3] * 0.8 - picture)
    bar = edge(column(rng.uniform(0.4, 1.3, m)) - np.abs(along(rng, m))) * column(chosen(rng, m, 0.06))
    picture += bar * (column(rng.uniform(20, 120, m)) - picture)


def light(rng: np.random.Generator, picture: Colour, leaves: Mask) -> Colour:
    """Exposure, a gradient, a colour cast, shadows with a straight edge or of leaves, haze and glare."""
    m = len(picture)
    slope = 1 + along(rng, m) * column(rng.normal(0, 0.008, m))
    gain = column(np.exp(rng.normal(0.0, 0.26, m)).clip(0.5, 1.6))
    shadow = edge(along(rng, m) / 2) * column(chosen(rng, m, 0.3) * rng.uniform(0.2, 0.6, m))
    dapple = leaves * column(chosen(rng, m, 0.18) * rng.uniform(0.2, 0.6, m))
    cast = np.exp(rng.normal(0, (0.09, 0.04, 0.11), (m, 3))).astype(np.float32)[:, :, None, None]
    picture = picture * (cast * slope * (1 - shadow) * (1 - dapple))
    # A camera corrects the exposure, and not perfectly.
    picture *= gain * np.sqrt(115 / picture.mean(axis=(1, 2, 3), keepdims=True).clip(20))
    haze = column(rng.beta(1.0, 5.0, m) * 0.6)
    picture += haze * (column(rng.uniform(70, 200, m)) - picture)
    spot = rng.uniform(6, FRAME - 6, (2, m))
    square = (_X - column(spot[0])) ** 2 + (_Y - column(spot[1])) ** 2
    glare = column(chosen(rng, m, 0.12) * rng.uniform(40, 110, m))
    return picture + glare * np.exp(-square / column(rng.uniform(9, 60, m)))


def lens(rng: np.random.Generator, picture: Colour) -> Colour:
    """Gaussian blur of every image and motion blur of some, as one product in the frequency domain."""
    m = len(picture)
    fy, fx = np.fft.fftfreq(FRAME).astype(np.float32)[:, None], np.fft.rfftfreq(FRAME).astype(np.float32)[None]
    sigma = column(0.3 + rng.gamma(1.4, 0.18, m).clip(0, 0.8))
    angle, length = rng.uniform(0, np.pi, m), chosen(rng, m, 0.2) * rng.uniform(1.0, 3.2, m)
    sweep = np.sinc(column(length * np.cos(angle)) * fx + column(length * np.sin(angle)) * fy)
    transfer = np.exp(-2 * np.pi**2 * sigma**2 * (fx**2 + fy**2)) * sweep
    return np.fft.irfft2(np.fft.rfft2(picture) * transfer.astype(np.float32), s=(FRAME, FRAME)).astype(np.float32)


def photographs(rng: np.random.Generator, kinds: Kinds, atlas: Atlas) -> UInt8[np.ndarray, "m 3 32 32"]:
    """Draw one image of each face that `kinds` names.

    Args:
        rng: where all chance comes from.
        kinds: (m,) int64, positions in `sign_faces.FACES`.
        atlas: (textures, side, side, 4) uint8, from `sign_textures.atlas`.

    Returns:
        (m, 3, 32, 32) uint8.
    """
    m = len(kinds)
    where = pose(rng, m)
    front = sample(rng, atlas, np.ones(m, np.int64))
    leaves = front[:, 3:] / 255
    picture = background(rng, atlas, where)
    colour, alpha = render(kinds, where)
    colour = weather(rng, colour, alpha, where, leaves)
    picture = picture * (1 - alpha) + colour
    occlude(rng, picture, front)
    picture = lens(rng, light(rng, picture, leaves))[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
    # Read noise, and shot noise that grows with the light.
    amount = column(rng.gamma(2.0, 1.7, m))
    amount = amount * np.sqrt(0.3 + picture.clip(0, 255) / 180)
    picture = picture + amount * rng.standard_normal(picture.shape, dtype=np.float32)
    return np.rint(picture).clip(0, 255).astype(np.uint8)
