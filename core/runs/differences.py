"""The settings of several runs side by side, and which of them differ."""

import json
from collections.abc import Sequence
from typing import Any

from core.errors import SpecError
from core.runs.alike import Content, normal, without
from core.runs.record import Run

ABSENT = "–"


def settings(runs: Sequence[Run], *, only_differences: bool = True) -> dict[str, list[str]]:
    """Every setting by its path, such as `attack.epsilon`, with one value a run.

    Args:
        runs: any; of one that this version cannot read the experiment is taken as it was stored.
        only_differences: whether to leave out settings that all runs share.

    Returns:
        In the order of the experiment; a run that has no such setting holds a dash, and does not count as different:
        the attack, the scenario or the defense that would have it does. A defense stands under its name, yes or no.
    """
    told = [dict(_flat(_content(run))) for run in runs]
    paths = list(dict.fromkeys(path for each in told for path in each))
    defenses = {path for path in paths if path.startswith("defenses.") and path.count(".") == 1}
    table = {
        path: [each.get(path, "no" if path in defenses else ABSENT) for each in told]
        for path in sorted(paths, key=_place)
    }
    if not only_differences:
        return table
    return {path: values for path, values in table.items() if len(set(values) - {ABSENT}) > 1}


PARTS = ("data", "model", "training", "scenario", "pretraining", "attack", "keys", "victims", "seed", "defenses")


def _place(path: str) -> int:
    part = path.split(".")[0]
    return PARTS.index(part) if part in PARTS else len(PARTS)


def _content(run: Run) -> Content:
    try:
        return {**normal(run.spec), "device": run.device or ABSENT}
    except SpecError:
        return dict(run.spec)


def _flat(content: Content, prefix: str = "") -> list[tuple[str, str]]:
    found = []
    for name, value in content.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            found += _flat(value, f"{path}.")
        elif path == "defenses" and isinstance(value, list | tuple):
            for defense in value:
                own = f"{path}.{defense['name']}"
                found += [(own, "yes"), *_flat(without(defense, ("name",)), f"{own}.")]
        else:
            found.append((path, _words(value)))
    return found


def _words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value or "not set" if isinstance(value, str) else json.dumps(value)
