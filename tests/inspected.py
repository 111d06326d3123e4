"""What the last step of a run wrote about data that came as they are, made up: clean, poisoned, or in between."""

from types import SimpleNamespace
from typing import Any

from core.spec import parse

NAMES = ("ant", "bee", "<cat>", "dog", "eel")
CALM = [0.20, 0.22, 0.24, 0.26, 0.28]


def asked(**changes: Any) -> dict[str, Any]:
    """The stored experiment."""
    content = {"name": "My data", "attack": "as_given", "defenses": ["screening"], **changes}
    return parse(content).model_dump(mode="json")


def result(accuracy: float = 0.9, spec: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a run with it came to."""

    def arm(share: float, **more: Any) -> dict[str, Any]:
        rate = {"mean": share, "low": share - 0.05, "high": share + 0.05, "n": 100, "seeds": 1, "interval": "wilson"}
        return {"clean_accuracy": rate, "asr": None, "target_probability": None, "seconds": 1.0, "passes": 90, **more}

    removed: dict[str, Any] = {"detection": {"removed": 60}}
    if (spec or asked())["attack"].get("truth") == "listed":
        known = {"tpr": 0.8, "fpr": 0.2, "precision": 0.1, "auroc": 0.9, "poisons_left": 2}
        removed = {"detection": {**removed["detection"], **known}}
    arms = {"undefended": arm(accuracy), "screening": arm(0.9, **removed), "screening_random": arm(0.9, **removed)}
    return {"device": "cpu", "spec": spec or asked(), "arms": arms, "control": None, "pairs": [], "flags": []}


def found(
    *, outlier: dict[str, float] | None = None, misread: dict[int, int] | None = None, rows: int = 50, classes: int = 5
) -> dict[str, Any]:
    """Meta of the step: twelve suspects of each class, one of them read as the next one.

    Args:
        outlier: by look, the value of class 3 in the set as it came.
        misread: by class, how many of its suspects are read as the next one.
        rows: of each class.
        classes: of the five.
    """
    looks = {}
    for name in ("groups", "direction", "outvoted", "alone"):
        calm: list[float | None] = list(CALM[:classes])
        measured = list(calm)
        if outlier and name in outlier:
            measured[3] = outlier[name]
        looks[name] = {"measured": measured, "without_suspects": calm, "without_random": list(measured)}
    wrong = {label: 1 for label in range(classes)} | (misread or {})
    read = [[0] * classes for _ in range(classes)]
    drawn = [[0] * classes for _ in range(classes)]
    for label in range(classes):
        read[label][label], read[label][(label + 1) % classes] = 12 - wrong[label], wrong[label]
        drawn[label][label] = 12
    return {
        "looks": looks,
        "read": {"screening": read, "screening_random": drawn},
        "class_rows": [rows] * classes,
        "test_rows": 100,
    }


def seen(meta: dict[str, Any] | None, spec: dict[str, Any] | None = None, accuracy: float = 0.9) -> Any:
    """As much of a `RunView` as the check asks for."""
    spec = spec or asked()
    run = SimpleNamespace(id="r-1", spec=spec, result=result(accuracy, spec), state="done")
    classes = len(meta["class_rows"]) if meta else 5
    return SimpleNamespace(run=run, class_names=list(NAMES[:classes]), meta=lambda kind: meta)
