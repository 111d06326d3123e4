"""A made-up run of an attack on one chosen image: three draws of the poisons, two models each."""

from typing import Any

import numpy as np

from tests.app import conftest
from tests.app.conftest import NAMES, ROWS, arm, detection, rate

KEYS, VICTIMS, EPOCHS, POISONS, EPSILON = 3, 2, 4, 5, 16
AIMS = ((0, 1), (0, 1), (2, 0))
"""True and wanted class of each draw's target."""
TARGETS = (3, 6, 5)
"""Rows of the test set; the class of row r is r % 3."""
WON = {(0, 0), (0, 1), (1, 0)}
"""Trials that the attacker wins: draw, model."""
MISREAD = (2, 1)
"""The trial whose target the clean baseline misreads."""
SETTINGS = {
    "attack": {"name": "gradient_matching", "epsilon": EPSILON, "poison_fraction": 0.05},
    "keys": KEYS,
    "victims": VICTIMS,
    "training": {"epochs": EPOCHS},
}

Content = tuple[dict[str, Any], dict[str, np.ndarray]]


def trials() -> list[tuple[int, int]]:
    return [(draw, victim) for draw in range(KEYS) for victim in range(VICTIMS)]


def probability(draw: int, victim: int, defended: bool = False) -> np.ndarray:
    """(k,) what the model thinks of the target in the end."""
    true, wanted = AIMS[draw]
    won = (draw, victim) in WON and not defended
    found = np.full(len(NAMES), 0.1)
    found[wanted], found[true] = (0.8, 0.1) if won else (0.1, 0.8)
    return found


def learned(draw: int, victim: int, defended: bool) -> np.ndarray:
    """(epochs + 1, 1, k): from an even guess to the end."""
    end, start = probability(draw, victim, defended), np.full(len(NAMES), 1 / len(NAMES))
    way = np.linspace(0, 1, EPOCHS + 1)[:, None]
    return ((1 - way) * start + way * end)[:, None].astype(np.float32)


def predicted(draw: int, victim: int, which: str) -> int:
    true, wanted = AIMS[draw]
    if which == "control":
        return wanted if (draw, victim) == MISREAD else true
    return wanted if which == "undefended" and (draw, victim) in WON else true


def pairs() -> list[dict[str, Any]]:
    arms = ("undefended", "spectral_signatures", "spectral_signatures_random", "control")
    return [
        {
            "key": draw,
            "victim": victim,
            "target": TARGETS[draw],
            "true": AIMS[draw][0],
            "wanted": AIMS[draw][1],
            "counted": (draw, victim) != MISREAD,
            "predicted": {name: predicted(draw, victim, name) for name in arms},
            "probability": {
                name: float(probability(draw, victim, name != "undefended")[AIMS[draw][1]]) for name in arms
            },
        }
        for draw, victim in trials()
    ]


def result() -> dict[str, Any]:
    """The attack won three of the five trials that count; the filter caught little but broke all of them."""
    counted = len(pairs()) - 1

    def numbers(wins: int, probability: float, of: int = counted, **more: Any) -> dict[str, Any]:
        success = {**rate(wins, of), "low": 0.2, "high": 0.9, "seeds": VICTIMS}
        sure = {**rate(0, of), "mean": probability, "low": 0.1, "high": 0.9, "interval": "seeds"}
        return arm(960, None) | {"asr": success, "target_probability": sure, **more}

    return {
        "device": "cpu (2 cores)",
        "arms": {
            "undefended": numbers(3, 0.52),
            "spectral_signatures": numbers(0, 0.1, detection=detection(2, POISONS, 9, ROWS - POISONS)),
            "spectral_signatures_random": numbers(2, 0.4, detection=detection(1, POISONS, 9, ROWS - POISONS)),
        },
        "control": numbers(1, 0.1, of=len(pairs())),
        "pairs": pairs(),
        "flags": [{"code": "few_pairs", "message": "Few <trials>."}],
    }


def reference(kind: str, label: str, **more: Any) -> dict[str, Any]:
    """As of the other runs, under another key."""
    return conftest.reference(kind, label, salt="targeted", **more)


def points() -> list[dict[str, Any]]:
    """Of the curves: the target is read wrongly, or rightly, by each model."""
    return [
        {
            "arm": "undefended",
            "poison_key": draw,
            "victim": victim,
            "epoch": epoch,
            "clean_accuracy": 0.2 * epoch,
            "asr": float((draw, victim) in WON and epoch > 2),
        }
        for draw, victim in trials()
        for epoch in range(EPOCHS + 1)
    ]


def steps() -> list[dict[str, Any]]:
    """References, in order; `content` fills them."""
    found = [
        reference("data", "Prepare the images"),
        reference("surrogate", "Train the attacker's surrogate 1 of 1", victim=0, arm="surrogate"),
    ]
    for draw in range(KEYS):
        found.append(reference("poison", f"Craft the poisons, key {draw + 1} of {KEYS}", poison_key=draw))
        for victim in range(VICTIMS):
            place = {"poison_key": draw, "victim": victim}
            defended = {**place, "defense": "spectral_signatures"}
            found += [
                reference("train", "Train on the poisoned set", arm="undefended", **place),
                reference("spectral", "Find singular directions", arm="undefended", **place),
                reference("distances", "Measure distances to the target", arm="undefended", **place),
                reference("score", "Score every row", arm="spectral_signatures", **defended),
                reference("filter", "Flag rows", arm="spectral_signatures", **defended),
                reference("train", "Retrain", arm="spectral_signatures", **defended),
                reference("train", "Retrain at random", arm="spectral_signatures_random", **defended),
                reference("train", "Train without poison (control)", arm="control", victim=victim),
                reference("measure", "Test the control", arm="control", **place),
            ]
    return list({step["key"]: step for step in found}.values())


def content(step: dict[str, Any]) -> Content:
    """Metadata and arrays of a step."""
    random = np.random.default_rng(0)
    labels = np.arange(ROWS) % 3
    images = random.integers(40, 216, (ROWS, 3, 8, 8), dtype=np.uint8)
    draw, victim, kind = step["poison_key"], step["victim"], step["kind"]
    if kind == "data":
        parts = {"images": images, "labels": labels, "indices": np.arange(ROWS)}
        sides = {f"{side}_{name}": array for side in ("train", "test") for name, array in parts.items()}
        return {"class_names": NAMES, "flip": False, "notes": []}, sides
    if kind == "poison":
        return _poison(draw, images, labels)
    if kind == "train":
        return _train(step, labels)
    if kind == "measure":
        guess = probability(draw, victim, defended=True)[None].astype(np.float32)
        return {}, {"eval_predictions": np.array([predicted(draw, victim, "control")]), "eval_probabilities": guess}
    if kind == "distances":
        far = np.linspace(2, 4, POISONS)
        return {}, {
            name: np.stack([scale * far, scale * far * nearer], axis=1).astype(np.float32)
            for name, scale, nearer in (("pixels", 1, 1.01), ("features", 5, 0.4), ("gradients", 0.3, 0.9))
        }
    if kind in ("spectral", "score", "filter"):
        return _filtered(kind, random)
    return {"epochs": []}, {"test_predictions": labels}


def _poison(draw: int, images: np.ndarray, labels: np.ndarray) -> Content:
    true, wanted = AIMS[draw]
    rows = np.flatnonzero(labels == wanted)[draw : draw + POISONS]
    noise = np.random.default_rng(draw).integers(-EPSILON, EPSILON + 1, (POISONS, *images.shape[1:]))
    trace = np.array([np.linspace(1, 0.6, 30), np.linspace(1, 0.4, 30)], np.float32)
    return (
        {"n": ROWS, "changes_labels": False, "targeted": True, "epsilon": EPSILON, "attack": "gradient_matching"},
        {
            "rows": rows,
            "images": (images[rows] + noise).astype(np.uint8),
            "labels": labels[rows],
            "originals": images[rows],
            "original_labels": labels[rows],
            "eval_images": images[TARGETS[draw]][None],
            "eval_wanted": np.array([wanted]),
            "eval_true": np.array([true]),
            "eval_indices": np.array([TARGETS[draw]]),
            "trace": trace,
        },
    )


def _train(step: dict[str, Any], labels: np.ndarray) -> Content:
    draw, victim = step["poison_key"], step["victim"]
    epochs = [
        {"epoch": i, "clean_accuracy": 0.2 * i, "asr": None, "loss": 1.0, "seconds": 1.0} for i in range(EPOCHS + 1)
    ]
    if draw is None:
        return {"epochs": epochs}, {"test_predictions": labels}
    for epoch in epochs:
        epoch["alignment"] = 0.1 * epoch["epoch"] + 0.01 * victim
    curve = learned(draw, victim, step["arm"] != "undefended")
    return (
        {"epochs": epochs},
        {
            "test_predictions": labels,
            "eval_predictions": np.array([predicted(draw, victim, step["arm"])]),
            "eval_probabilities": curve[-1],
            "eval_probability_curve": curve,
        },
    )


def _filtered(kind: str, random: np.random.Generator) -> Content:
    projection = random.normal(size=(ROWS, 3)).astype(np.float32)
    scores = projection[:, 0].astype(float) ** 2
    if kind == "spectral":
        return {}, {"projection": projection, "singular_values": np.array([[3, 2.0], [4, 2.5], [4, 2.0]], np.float32)}
    if kind == "score":
        return {}, {"scores": scores}
    flagged = np.zeros(ROWS, bool)
    flagged[np.argsort(-scores)[:9]] = True
    meta = {"knows": {"poison_count": POISONS}, "removed_shares": [0.1, 0.1, 0.1]}
    return meta, {"flagged": flagged, "random_flagged": np.roll(flagged, 1)}
