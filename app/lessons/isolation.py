"""Widgets about EPIC: how near poisons come to the target's gradient, who stands alone, who is dropped when."""

import numpy as np

from app import cache
from app.components import gradient_charts, gradient_data, gradient_pool, say
from app.components.gradient_look import GradientLook
from app.lessons import draw, facts, shipped
from app.lessons.shipped import Screen, need
from app.views.gradients import opening
from core.analysis import effective
from core.errors import StoreError
from core.figures import epochs as lines
from core.figures import gradients, palette, spectral


def _look(screen: Screen) -> GradientLook:
    run = shipped.run("clean_label")
    seen = cache.view(run)
    space = gradient_data.space(seen)
    if space is None:
        raise StoreError("The shipped run holds no gradients.")
    arm, epoch = facts.defense(seen), opening(run, space, truth=True)  # a lesson that shows nothing teaches nothing
    return GradientLook(run, seen, space, epoch, effective.THRESHOLD, arm, screen.revealed, screen.big)


def nearness(screen: Screen) -> None:
    """Distances of all rows' gradients to the target's at one epoch; with the reveal, the poisons'."""
    look = _look(screen)
    wanted = look.space.labels == look.space.wanted
    distances, poison = look.space.distances[look.at, wanted], look.space.poison[wanted]
    figure = spectral.score_histogram(
        distances, poison=poison if screen.revealed else None, cut=effective.THRESHOLD, big=screen.big
    )
    figure.update_xaxes(title="Distance to the target’s gradient")
    words = (
        f"Rows labeled as the wanted class, after epoch {look.epoch}. Dotted: up to here a poison counts as effective."
    )
    draw.figure(screen, figure, words)
    say.small(words)


def pulls(screen: Screen) -> None:
    """The map of the gradients over the epochs: by class, and with the reveal by the truth."""
    look = _look(screen)
    maps = (gradient_data.places(look.seen, method, truth=screen.revealed) for method in ("UMAP", "PCA"))
    places = next((found for found in maps if found), None)
    if places is None:
        raise StoreError("The shipped run holds no map.")
    rows = places.rows
    if screen.revealed:
        groups = gradients.by_truth(look.space.poison[rows], look.space.effective(look.threshold)[look.at, rows])
    else:
        groups = gradients.by_class(look.space.labels[rows], look.seen.class_names or [])
    figure = gradients.animated_map(
        places.positions,
        rows,
        look.space.epochs,
        groups,
        start=look.at,
        target=screen.revealed,
        big=screen.big,
    )
    figure.update_layout(height=round(1.25 * 500) if screen.big else 500)
    words = f"{len(rows):,} rows by their gradient ({places.method}): near points pull the network the same way."
    draw.figure(screen, figure, words)
    say.small(words)


def dropped(screen: Screen) -> None:
    """How many rows leave training, epoch by epoch; with the reveal, of which kind."""
    look = _look(screen)
    if screen.revealed:
        draw.chart(screen, gradient_charts.dropped(look), "Nothing was dropped in the shipped run.")
        return
    when = need(look.seen.dropped_at(look.arm or ""), "dropped rows")
    epochs = gradient_data.epochs_of(look.run)
    share = gradient_pool.gone(np.asarray(when), epochs)
    line = lines.Line("All rows", np.arange(epochs + 1), share, palette.GREY)
    figure = lines.chart(lines.Panel("", [line]), epochs, y_title="Dropped so far", big=screen.big)
    words = f"Share of all rows dropped in one training: {100 * share[-1]:.0f} % in the end."
    draw.figure(screen, figure, words)
    say.small(words)
