"""What stands behind a sign: periodic textures made of noise and a little geometry, all from one random stream."""

import numpy as np
from jaxtyping import Float, UInt8

COMPONENT = False

SIDE = 256
"""Pixels along the side of a texture, which repeats without a seam."""


def noise(rng: np.random.Generator, falloff: float, side: int = SIDE) -> Float[np.ndarray, "side side"]:
    """Seamless noise whose amplitude falls with frequency to the power `falloff`; mean 0, standard deviation 1."""
    spectrum = np.fft.rfft2(rng.standard_normal((side, side)))
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]) * side
    frequency[0, 0] = np.inf
    field = np.fft.irfft2(spectrum / frequency**falloff, s=(side, side))
    return (field / field.std()).astype(np.float32)


Texture = Float[np.ndarray, "3 side side"]


def shade(light: np.ndarray, dark: tuple[int, int, int], bright: tuple[int, int, int]) -> Texture:
    """Mix two colours, given how much of the bright one stands at each pixel, 0 to 1."""
    low, high = np.array(dark, np.float32)[:, None, None], np.array(bright, np.float32)[:, None, None]
    return low + (high - low) * light.clip(0, 1)


def sky(rng: np.random.Generator) -> Texture:
    """Clouds before blue."""
    clouds = 0.5 + 0.3 * noise(rng, 2.0)
    return shade(clouds, (96, 148, 205), (226, 232, 238))


def foliage(rng: np.random.Generator) -> Texture:
    """Leaves in light and shade."""
    leaves = 0.42 + 0.2 * noise(rng, 1.0) + 0.12 * noise(rng, 1.8)
    autumn = (0.5 * noise(rng, 1.8) - 0.2).clip(0, 0.6)
    green, brown = shade(leaves, (18, 34, 14), (134, 168, 74)), shade(leaves, (48, 26, 10), (206, 150, 60))
    return green + autumn * (brown - green)


def brick(rng: np.random.Generator) -> Texture:
    """A wall of bricks with joints."""
    y, x = np.mgrid[:SIDE, :SIDE]
    row = y // 16
    column = ((x + 16 * (row % 2)) % SIDE) // 32
    mortar = (y % 16 < 2) | ((x + 16 * (row % 2)) % 32 < 2)
    tone = rng.uniform(0.2, 0.9, (SIDE // 16, SIDE // 32))[row, column] + 0.08 * noise(rng, 0.6)
    wall = shade(tone, (98, 44, 34), (188, 112, 84))
    return np.where(mortar, shade(0.5 + 0.1 * noise(rng, 0.6), (140, 132, 122), (190, 184, 174)), wall)


def house(rng: np.random.Generator) -> Texture:
    """A plastered wall with windows."""
    y, x = np.mgrid[:SIDE, :SIDE]
    window = (y % 64 > 18) & (y % 64 < 50) & (x % 64 > 20) & (x % 64 < 46)
    lit = rng.uniform(0, 1, (SIDE // 64, SIDE // 64))[y // 64, x // 64]
    plaster = shade(0.6 + 0.12 * noise(rng, 1.2), (128, 116, 98), (232, 220, 198))
    glass = shade(lit + 0.1 * noise(rng, 1.5), (34, 42, 54), (142, 164, 186))
    return np.where(window, glass, plaster)


def road(rng: np.random.Generator) -> Texture:
    """Asphalt with its grain."""
    asphalt = shade(0.45 + 0.1 * noise(rng, 0.3) + 0.12 * noise(rng, 1.6), (44, 44, 48), (146, 144, 142))
    y, x = np.mgrid[:SIDE, :SIDE]
    line = (np.abs(x - SIDE // 2) < 6) & (y % 128 < 72)
    return np.where(line, shade(0.8 + 0.1 * noise(rng, 0.8), (150, 150, 146), (232, 230, 220)), asphalt)


def grass(rng: np.random.Generator) -> Texture:
    """Blades seen from the side."""
    return shade(0.45 + 0.16 * noise(rng, 0.6) + 0.16 * noise(rng, 1.7), (52, 62, 24), (168, 172, 88))


FAR = (sky, foliage, brick, house)
NEAR = (road, grass)


def atlas(rng: np.random.Generator) -> UInt8[np.ndarray, "textures side side 4"]:
    """All textures, FAR first, with a mask of leaves in the last channel."""
    colours = np.stack([texture(rng) for texture in FAR + NEAR])
    leaves = np.stack([1 / (1 + np.exp(-8 * (noise(rng, 1.3) - 0.1))) for _ in FAR + NEAR])[:, None] * 255
    channels = np.concatenate([colours, leaves], axis=1).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(channels.transpose(0, 2, 3, 1))
