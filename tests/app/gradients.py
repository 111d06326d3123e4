"""A made-up run of gradient matching against EPIC, whose gradients are worked out by hand.

Of the five poisons of each key, three have the target's gradient after epoch 3 and two after epoch 4; after epoch 1
everybody has it, so that nearness tells nothing there. EPIC drops the three after epoch 2 and one of the others after
epoch 3; its random twin drops only clean rows.
"""

from typing import Any

import numpy as np

from tests.app import conftest, targeted
from tests.app.conftest import NAMES, ROWS

RECORDED = (1, 3, 4)
EFFECTIVE = (5, 3, 2)
"""Poisons, from the first on, that have the target's gradient at each recorded epoch."""
ALONE = (0, 4, 2)
"""Rows that stand alone at each recorded epoch: the effective poisons and, after epoch 3, one clean row."""
SETTINGS = {**targeted.SETTINGS, "victims": 1, "keys": 2, "defenses": [{"name": "epic", "warm_up": 3}]}


def reference(kind: str, label: str, **more: Any) -> dict[str, Any]:
    return conftest.reference(kind, label, salt="gradients", **more)


def steps(umap: bool = True, defended: bool = True) -> list[dict[str, Any]]:
    """References, in order; `content` fills them."""
    found = [reference("data", "Prepare the images")]
    for draw in (0, 1):
        place = {"poison_key": draw, "victim": 0}
        found += [
            reference("poison", "Craft the poisons", poison_key=draw),
            reference("train", "Train on the poisoned set", arm="undefended", **place),
            reference("isolation", "Find rows that stand alone", arm="undefended", **place),
        ]
        for arm in ("epic", "epic_random") if defended else ():
            found.append(reference("train", "Train with EPIC", arm=arm, defense="epic", **place))
    if umap:
        found.append(reference("embedding", "Map the gradient space", arm="undefended", poison_key=0, victim=0))
    return found


def points() -> list[dict[str, Any]]:
    """The attacker wins both trials without defense, none with EPIC, one with its twin."""
    wins = {"undefended": (0, 1), "epic": (), "epic_random": (1,)}
    return [
        {
            "arm": arm,
            "poison_key": draw,
            "victim": 0,
            "epoch": epoch,
            "clean_accuracy": 0.2 * epoch,
            "asr": float(draw in won and epoch > 2),
        }
        for arm, won in wins.items()
        for draw in (0, 1)
        for epoch in range(targeted.EPOCHS + 1)
    ]


def result() -> dict[str, Any]:
    """One pair a key; both count."""
    pairs = [
        {
            "key": draw,
            "victim": 0,
            "target": targeted.TARGETS[draw],
            "true": targeted.AIMS[draw][0],
            "wanted": targeted.AIMS[draw][1],
            "counted": True,
            "predicted": {"undefended": targeted.AIMS[draw][1], "epic": targeted.AIMS[draw][0]},
            "probability": {"undefended": 0.8, "epic": 0.1},
        }
        for draw in (0, 1)
    ]
    return {**targeted.result(), "pairs": pairs}


def content(step: dict[str, Any], rows: int = ROWS) -> targeted.Content:
    """Metadata and arrays of a step, for a training set of `rows` rows."""
    random = np.random.default_rng(1)
    labels = np.arange(rows) % 3
    images = random.integers(40, 216, (rows, 3, 8, 8), dtype=np.uint8)
    draw, kind = step["poison_key"], step["kind"]
    if kind == "data":
        parts = {"images": images, "labels": labels, "indices": np.arange(rows)}
        sides = {f"{side}_{name}": array for side in ("train", "test") for name, array in parts.items()}
        return {"class_names": NAMES, "flip": False, "notes": []}, sides
    if kind == "poison":
        meta, arrays = targeted._poison(draw, images, labels)
        return {**meta, "n": rows}, arrays
    poisons = poisons_of(draw, labels)
    if kind == "train":
        meta, arrays = targeted._train(step, labels)
        return meta, {**arrays, **_gradients(draw, labels, poisons), **_dropped(step["arm"], labels, poisons)}
    sizes = np.full((len(RECORDED), rows), 6, np.int32)
    for sizes_then, alone in zip(sizes, EFFECTIVE, strict=True):
        sizes_then[poisons[:alone] if alone < 5 else []] = 1
    sizes[1, clean_alone(draw, labels)] = 1
    if kind == "isolation":
        return {"share": 0.2}, {"sizes": sizes}
    assert kind == "embedding"
    shown = min(rows, 5000)
    positions = np.cumsum(random.normal(size=(len(RECORDED), shown + 1, 2)), axis=0).astype(np.float32)
    meta = {"n": rows, "shown": shown, "parameters": {"neighbours": 15, "min_distance": 0.1}}
    return meta, {"rows": np.arange(shown), "positions": positions}


def poisons_of(draw: int, labels: np.ndarray) -> np.ndarray:
    return np.flatnonzero(labels == targeted.AIMS[draw][1])[draw : draw + targeted.POISONS]


def clean_alone(draw: int, labels: np.ndarray) -> int:
    """A clean row of the wanted class."""
    return int(np.flatnonzero(labels == targeted.AIMS[draw][1])[-1])


def _gradients(draw: int, labels: np.ndarray, poisons: np.ndarray) -> dict[str, np.ndarray]:
    true, wanted = targeted.AIMS[draw]
    aim = np.zeros(3, np.float32)
    aim[[true, wanted]] = (1, -1)
    found = np.zeros((len(RECORDED), len(labels), 3), np.float16)
    found[0] = aim
    for then, many in zip(found[1:], EFFECTIVE[1:], strict=True):
        then[poisons[:many]] = aim
    return {
        "gradient_epochs": np.array(RECORDED),
        "gradients": found,
        "target_gradients": np.tile(aim, (len(RECORDED), 1)),
    }


def _dropped(arm: str, labels: np.ndarray, poisons: np.ndarray) -> dict[str, np.ndarray]:
    when = np.full(len(labels), -1, np.int16)
    clean = np.setdiff1d(np.arange(len(labels)), poisons)
    if arm == "undefended":
        return {}
    if arm == "epic":
        when[poisons[:3]], when[poisons[3]] = 2, 3
        when[clean[:17]] = 3
    else:
        when[clean[:21]] = 3
    return {"dropped_at": when}
