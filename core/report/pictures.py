"""The charts and images of a run: those of `core.charts`, chosen for somebody who cannot ask for others."""

import html

import numpy as np

from core.charts import gradients as gradient_charts
from core.charts import learning as learning_charts
from core.charts import lens as lens_charts
from core.charts import sweep as sweep_charts
from core.charts import targeted
from core.charts.chart import Chart
from core.errors import PoisonscopeError
from core.figures.palette import TWINS, arm_titles
from core.given import is_given
from core.pictures import difference, gain, png
from core.report import results
from core.report.parts import Block, Drawing, Words
from core.runs import sweep as sweeps_of
from core.runs.view import RunView

SHOWN = 6
"""Poisons that are shown."""
ABSENT = "The files of this part are not stored here; resume or repeat the run to see it."


def learning(seen: RunView, truth: bool) -> list[Block]:
    """Accuracy and attack success per epoch."""
    return _drawn({"Clean accuracy and attack success": learning_charts.chart(seen.run, seen.series)})


def trials(seen: RunView, truth: bool) -> list[Block]:
    """An attack on one chosen image, trial by trial; its target and its class are the truth."""
    found = (seen.result or {}).get("pairs") or []
    if not found or not truth:
        return []
    arms = [arm for arm in seen.arms if any(arm in pair["predicted"] for pair in found) and arm != "control"]
    titles = arm_titles(arms)
    looks = {arm: targeted.Choice(seen.run, seen, arm, big=False, still=True) for arm in arms}
    charts: dict[str, Chart | None] = {
        f"Who won: {titles[arm]}": targeted.outcomes(look, found)
        for arm, look in looks.items()
        if not arm.endswith(tuple(TWINS))
    }
    if undefended := looks.get("undefended"):
        charts |= {
            "Crafting loss": targeted.crafting(undefended),
            "What the victims make of the target": targeted.learned(undefended),
            "Alignment while the victims learn": targeted.alignment(undefended),
            "How near the poisons are to the target": targeted.distances(undefended),
        }
    return [*results.pairs(seen), *_drawn(charts)]


def lens(seen: RunView, truth: bool) -> list[Block]:
    """The class that most poisons claim to be, or the most conspicuous one where that is hidden."""
    if not _planned(seen, "spectral") and not _planned(seen, "score"):
        return []
    if seen.labels is None:
        return [Words(f"<p>{ABSENT}</p>")]
    defenses = list(dict.fromkeys(step["defense"] for step in seen.run.steps if step["kind"] == "score"))
    label = lens_charts.first_class(seen, truth)
    look = lens_charts.Lens(seen, label, defenses[0] if defenses else None, truth)
    charts = {
        f"“{look.name}” on its singular vectors": lens_charts.projection(look),
        "Singular values": lens_charts.values(look),
    }
    for name, title in arm_titles(defenses).items():
        charts[f"Suspicion scores: {title}"] = lens_charts.scores(lens_charts.Lens(seen, label, name, truth))
    return _drawn(charts)


def gradients(seen: RunView, truth: bool) -> list[Block]:
    """The map of the gradient space, where the run made one."""
    return _drawn({"Map of the gradient space": gradient_charts.chart(seen, truth)})


def poisons(seen: RunView, truth: bool) -> list[Block]:
    """Some poisons beside their originals, and the target where there is one."""
    if not truth or not seen.run.spec.get("attack") or is_given(seen.run.spec):
        return []  # of data that came as they are, nobody knows the originals
    rows = seen.poison_rows
    if rows is None:
        return [Words(f"<p>{ABSENT}</p>")]
    part = np.asarray(rows[:SHOWN])
    images, originals, labels, true = seen.images(part), seen.originals(part), seen.labels, seen.true_labels(part)
    if images is None or originals is None or labels is None or true is None:
        return [Words(f"<p>{ABSENT}</p>")]
    names, times = seen.class_names or [], gain(originals, images)
    made = [_target(seen, names)] if seen.targeted else []
    for place, row in enumerate(part.tolist()):
        old, new = names[int(true[place])], names[int(labels[row])]
        words = f"row {row}: {old}, " + ("label kept" if old == new else f"labelled {new}")
        changed = difference(originals[place], images[place], times)
        three = (("original", originals[place]), ("poison", images[place]), (f"difference ×{times}", changed))
        made.append(_figure(words, three))
    enlarged = f", enlarged {times} times" if times > 1 else ""
    said = (
        f"<p>{len(part)} of {len(rows):,} poisons. From left to right: original, poison, and what was changed{enlarged}"
        "; mid grey is no change.</p>"
    )
    return [Words(f'{said}<div class="pictures">{"".join(made)}</div>')]


def _target(seen: RunView, names: list[str]) -> str:
    shown = seen.evaluation
    if shown is None:
        return ""
    true, wanted = (names[int(shown[f"eval_{which}"][0])] for which in ("true", "wanted"))
    return _figure(f"the target: a “{true}”, to be read as “{wanted}”", (("target", shown["eval_images"][0]),))


def _figure(words: str, pictures: tuple[tuple[str, np.ndarray], ...]) -> str:
    """Images side by side over one sentence; all words are escaped."""
    shown = "".join(
        f'<img src="{png(image)}" alt="{html.escape(f"{name}, {words}")}" title="{html.escape(name)}">'
        for name, image in pictures
    )
    return f"<figure>{shown}<figcaption>{html.escape(words)}</figcaption></figure>"


def sweeps(seen: RunView, truth: bool) -> list[Block]:
    """Attack success against a setting, over the runs that share everything else; the attack's settings are truth."""
    charts: dict[str, Chart | None] = {}
    for axis in sweeps_of.axes(seen.run):
        if not truth and axis.defense is None:
            continue
        try:
            found = sweeps_of.sweep(seen.store, seen.run, axis)
        except PoisonscopeError:  # an experiment of another version stands on no curve
            continue
        charts[f"Attack success against {axis.noun}"] = sweep_charts.chart(found)
    return _drawn(charts)


def _drawn(charts: dict[str, Chart | None]) -> list[Block]:
    return [Drawing(title, chart) for title, chart in charts.items() if chart is not None]


def _planned(seen: RunView, kind: str) -> bool:
    return any(step["kind"] == kind for step in seen.run.steps)
