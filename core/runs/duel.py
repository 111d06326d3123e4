"""An attack and a defense at growing strength: where the attack begins to work, and where the defense breaks.

Everything is told from 95 % intervals, so that no single picture decides. An attack works where its interval lies
wholly above the clean baseline's. A defense holds where its interval lies wholly below the undefended one's, and below
one half: less than that is no defense that anybody would rely on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.axes import Value
from core.runs.sweep import Point, Sweep
from core.verdict import WORKED, percent

State = Literal["idle", "holds", "breaks"]


@dataclass(frozen=True)
class Round:
    """One strength.

    Attributes:
        value: of the setting.
        attack, defended, control: attack success without a defense, with it, and of the clean baseline (None: unknown).
        state: idle where the attack does not work by itself.
    """

    value: Value
    attack: dict[str, Any]
    defended: dict[str, Any]
    control: dict[str, Any] | None
    state: State


def rounds(points: Sequence[Point], defense: str) -> list[Round]:
    """The strengths at which both were measured, ascending."""
    found = []
    for point in points:
        if "undefended" in point.rates and defense in point.rates:
            attack, defended, control = point.rates["undefended"], point.rates[defense], point.rates.get("control")
            found.append(Round(point.value, attack, defended, control, _state(attack, defended, control)))
    return found


def _state(attack: dict[str, Any], defended: dict[str, Any], control: dict[str, Any] | None) -> State:
    if attack["low"] <= (control["high"] if control is not None else 0.0):
        return "idle"
    return "holds" if defended["high"] < min(attack["low"], WORKED) else "breaks"


def sentence(found: Sweep, fought: Sequence[Round], title: str) -> str:
    """Where the attack begins to work and where the defense breaks, in plain text.

    Args:
        found: the curve.
        fought: its rounds, ascending.
        title: of the defense.
    """
    if not fought:
        return f"No strength was measured both without a defense and with {title}."
    words = found.axis.named
    alive = [each for each in fought if each.state != "idle"]
    if not alive:
        return f"The attack works at none of the {len(fought)} strengths, so there is nothing to defend against."
    begins = f"Below {words(alive[0].value)} the attack does not work. " if alive[0] is not fought[0] else ""
    broken = [each for each in alive if each.state == "breaks"]
    if not broken:
        return f"{begins}{title} holds at every strength that was measured, up to {words(alive[-1].value)}."
    first = broken[0]
    told = (
        f"{title} breaks at {words(first.value)}: the attack still wins {percent(first.defended['mean'])} "
        f"({percent(first.defended['low'])} to {percent(first.defended['high'])}), and "
        f"{percent(first.attack['mean'])} without a defense."
    )
    held = [found.axis.words(each.value) for each in alive if each.state == "holds"]
    where = f" It holds at {', '.join(held)}." if held else ""
    return f"{begins}{told}{where}"
