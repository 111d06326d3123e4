"""The widgets that a lesson's step may name."""

from collections.abc import Callable

from app import cache
from app.components import drawing, say
from app.lessons import backdoor, honesty, isolation, matching, playground, practice, signatures
from app.lessons.shipped import Screen
from core import showcase
from core.errors import PoisonscopeError

WIDGETS: dict[str, Callable[[Screen], None]] = {
    "alignment": matching.alignment,
    "arrows": playground.arrows,
    "batch": playground.batch,
    "bill": honesty.bill,
    "budget": playground.budget,
    "caveats": honesty.caveats,
    "claimed": honesty.claimed,
    "class_wall": backdoor.class_wall,
    "condition": playground.condition,
    "crafting": matching.crafting,
    "descent": playground.descent,
    "distances": matching.distances,
    "dropped": isolation.dropped,
    "duel": backdoor.duel,
    "innocents": backdoor.innocents,
    "inside": practice.inside,
    "interval": playground.interval,
    "learning": backdoor.learning,
    "medoids": playground.medoids,
    "nearness": isolation.nearness,
    "noise": matching.noise,
    "passes": playground.passes,
    "plane": playground.plane,
    "projection": signatures.projection,
    "pulls": isolation.pulls,
    "puzzle": matching.puzzle,
    "rates": backdoor.rates,
    "recipe": backdoor.recipe,
    "scores": signatures.scores,
    "split": practice.split,
    "stamp": backdoor.stamp,
    "target": matching.target,
    "tipping": backdoor.tipping,
    "tipping_target": matching.tipping_target,
    "trials": matching.trials_grid,
    "variance": playground.variance,
}

RUN = {
    **dict.fromkeys(("class_wall", "innocents", "learning", "projection", "recipe", "scores", "stamp"), "badnets"),
    **dict.fromkeys(("inside", "split"), "robust"),
    **dict.fromkeys(
        ("alignment", "caveats", "crafting", "distances", "dropped", "nearness", "pulls", "puzzle", "target")
        + ("tipping_target", "trials"),
        "clean_label",
    ),
}
"""The run behind a widget's picture, by the name that lessons use; others need none, or are told by their step."""


def draw(screen: Screen) -> None:
    """A step's widget, or one calm line where what it shows is not here."""
    try:
        WIDGETS[screen.step.widget](screen)
    except PoisonscopeError as error:
        if showcase.undrawn(cache.store()):
            say.empty("Nothing to show here yet", f"{error} Its pictures are drawn once, after the first start.")
            drawing.more()
        else:
            say.empty("Nothing to show here yet", f"{error} `make showcase` makes the runs that lessons show.")
