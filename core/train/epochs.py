"""Which epochs of a training are kept to be looked at."""

import numpy as np


def spread(epochs: int, most: int) -> set[int]:
    """At most `most` epochs (1 is the first) of a training, evenly spread, the first and the last among them."""
    return {round(at) for at in np.linspace(1, epochs, min(most, epochs))}
