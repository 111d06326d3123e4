"""The trials of an attack on one chosen image: what each (key, victim) came to. No widgets here.

A finished run has them in its result; of a run on its way they are read from the steps that are done.
"""

from app import cache
from app.components import pair
from core import registry
from core.errors import PoisonscopeError
from core.runs.store import Run
from core.runs.trials import Pair
from core.runs.view import RunView

FIXED_FEATURES = ("feature_collision", "convex_polytope", "bullseye_polytope")
"""Methods that move the features of a network that has to stay as it is."""


def is_targeted(run: Run) -> bool:
    """Whether the attack is after one chosen image; known before anything is computed where the attack says so."""
    attack = run.spec.get("attack")
    if not attack:
        return False
    if (run.result or {}).get("pairs"):
        return True
    try:
        if registry.load("attacks", attack["name"]).family == "targeted":  # type: ignore[attr-defined]
            return True
    except PoisonscopeError:
        pass  # of another version; what it wrote says what it is
    return cache.view(run).targeted


def fixed_features(run: Run) -> bool:
    """Whether the attack counts on features that this run's victims do not keep."""
    attack = run.spec.get("attack") or {}
    return run.spec.get("scenario", "from_scratch") == "from_scratch" and attack.get("name") in FIXED_FEATURES


def pairs(run: Run) -> list[Pair]:
    """All trials with at least one trained model, keys first."""
    if stored := (run.result or {}).get("pairs"):
        return list(stored)
    arms = list(dict.fromkeys(step["arm"] for step in run.steps if step["kind"] == "train"))
    seen = [cache.view(run, key, victim) for key in pair.keys(run) for victim in pair.victims(run)]
    return [found for one in seen if (found := _read(one, arms)) is not None]


def _read(seen: RunView, arms: list[str]) -> Pair | None:
    shown = seen.evaluation
    if shown is None or len(shown["eval_true"]) != 1:
        return None
    true, wanted = int(shown["eval_true"][0]), int(shown["eval_wanted"][0])
    predicted, probability = {}, {}
    for arm in arms:
        kind = "measure" if arm == "control" else "train"
        told = seen.array(kind, "eval_predictions", arm=arm)
        sure = seen.array(kind, "eval_probabilities", arm=arm)
        if told is not None and sure is not None:
            predicted[arm], probability[arm] = int(told[0]), float(sure[0, wanted])
    if not predicted:
        return None
    return {
        "key": seen.poison_key,
        "victim": seen.victim,
        "target": int(shown["eval_indices"][0]),
        "true": true,
        "wanted": wanted,
        "counted": predicted.get("control", true) == true,
        "predicted": predicted,
        "probability": probability,
    }
