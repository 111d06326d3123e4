"""Random streams that depend on one seed and a name, and on nothing else.

Two streams with different names are independent; adding a stream never moves another one. The victim's stream is never
the surrogate's because their names differ.
"""

import hashlib

import numpy as np


def derive(seed: int, *names: object) -> int:
    """A seed in [0, 2^63) for the stream called `names`."""
    text = "/".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def stream(seed: int, *names: object) -> np.random.Generator:
    """A numpy generator for the stream called `names`."""
    return np.random.default_rng(derive(seed, *names))
