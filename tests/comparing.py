"""Finished runs with made-up results, for everything that puts runs beside each other."""

import os
from collections.abc import Callable
from typing import Any

from core.runs.record import Run
from core.runs.store import Store
from core.spec import parse

ATTACK = {"name": "gradient_matching", "epsilon": 16, "poison_fraction": 0.01}
EPIC = {"name": "epic", "share": 0.2}
Add = Callable[..., Run]


def rate(mean: float, half: float = 0.05, n: int = 20) -> dict[str, Any]:
    low, high = max(0.0, mean - half), min(1.0, mean + half)
    return {"mean": mean, "low": low, "high": high, "n": n, "seeds": 2, "interval": "wilson"}


def arm(success: float | None, accuracy: float, passes: float = 100.0) -> dict[str, Any]:
    asr = None if success is None else rate(success)
    return {"asr": asr, "clean_accuracy": rate(accuracy, 0.01), "passes": passes, "seconds": 2 * passes}


ARMS = {"undefended": arm(0.8, 0.95), "epic": arm(0.3, 0.93, 150), "epic_random": arm(0.7, 0.94)}


def adder(store: Store) -> Add:
    """What adds a run to a store: `add({"undefended": arm(0.8, 0.95)}, "done", attack={"epsilon": 8}, seed=1)`.

    The first argument are its arms, `attack` changes the attack, `attack=None` leaves it out.
    """

    def add(
        arms: dict[str, Any] | None = None,
        state: str = "done",
        *,
        attack: dict[str, Any] | None = {},  # noqa: B006 - never changed
        data_key: str = "d",
        steps: tuple[dict[str, Any], ...] = (),
        pairs: list[dict[str, Any]] | None = None,
        points: tuple[dict[str, Any], ...] = (),
        flags: list[dict[str, str]] | None = None,
        **changes: Any,
    ) -> Run:
        settings = attack if not attack or "name" in attack else {**ATTACK, **attack}
        asked = parse({"attack": ATTACK if attack == {} else settings, "defenses": [EPIC], **changes})
        spec = asked.model_dump(mode="json")
        run_id = store.queue(spec, spec_hash=asked.hash(), name=asked.name)
        if state != "queued":
            store.claim()
            store.begin(run_id, os.getpid(), "cpu", [{"kind": "data", "key": data_key}, *steps])
        for point in points:
            store.add_point(run_id, **{"poison_key": 0, "victim": 0, "loss": 1.0, "seconds": 1.0, **point})
        if state not in ("queued", "running"):
            result = {
                "spec": spec,
                "arms": ARMS if arms is None else arms,
                "control": arm(0.0, 0.96, 10),
                "pairs": pairs or [],
                "flags": flags or [],
            }
            store.finish(run_id, state, result=result if state == "done" else None)
        return store.run(run_id)

    return add
