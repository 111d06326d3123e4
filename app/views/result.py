"""Run: one run while it goes on, and everything that it found when it is done."""

import html
import shlex
from typing import Any

import streamlit as st

from app import cache, routes, trials
from app.components import (
    actions,
    add_trials,
    drawing,
    frame,
    gallery,
    inside_look,
    live,
    numbers,
    pair,
    say,
    spectral_panel,
    sweep_panel,
    targeted_panel,
    which_run,
)
from app.components.verdict import block
from core import describe, registry, settings
from core.errors import PoisonscopeError
from core.facts import FACTS
from core.figures import palette
from core.flags import tellable
from core.given import is_given
from core.runs import costs
from core.runs.store import Run
from core.runs.view import RunView
from core.verdict import filtered, verdict


def page() -> None:
    """The page."""
    run = which_run.asked("Run", "result")
    if run is None:
        return
    _head(run)
    if run.live and run.result is None:
        live.watch(run)
        if trials.is_targeted(run):
            targeted_panel.watch(run)
    elif run.live or run.state == "done":
        if run.live:
            live.finish(run)
        _done(run)
    else:
        _broken(run)


def _head(run: Run) -> None:
    words, menu = st.columns([5, 2], vertical_alignment="top")
    with words:
        st.html(f'<h1 class="ps-name">{html.escape(run.name)}</h1>')
        if not run.live:
            live.state_line(run)
    with menu, st.container(horizontal=True, horizontal_alignment="right"):
        if run.spec.get("attack") and st.button("Compare", key="to-compare", icon=":material/compare_arrows:"):
            st.switch_page(routes.page("compare"), query_params={"base": run.id})
        actions.menu(run, "head")


# ---- runs that did not finish

ENDED = {
    "cancelled": ("Stopped before the end", "What was finished is kept: Resume goes on from there."),
    "failed": ("The run failed", "Mend what the message says, then Resume: finished steps are not computed again."),
    "lost": (
        "The worker vanished",
        "Perhaps it was killed, or the machine was restarted.",
    ),
    "incompatible": (
        "Made by another version",
        "This version of Poisonscope cannot read the run's steps. Repeat it to compute them anew.",
    ),
}


def _broken(run: Run) -> None:
    title, advice = ENDED.get(run.state, (run.state, ""))
    message = f"<br>{html.escape(run.message)}" if run.message else ""
    tone = "plain" if run.state == "cancelled" else "bad"
    st.html(f'<div class="ps-verdict {tone}" role="alert"><b>{title}.</b>{message}<br>{advice}</div>')
    if run.state in actions.RESUMABLE:
        button, _ = st.columns([1, 4])
        with button:
            actions.resume(run, "broken")
    tail = cache.store().log_tail(run.id) if run.state != "cancelled" else ""
    if tail:
        with st.expander("Last lines of the log", expanded=run.state == "failed"):
            st.code(tail, language=None)
    live.draw_stages(run)
    live.draw_curves(run, key="ended-curves")
    if trials.is_targeted(run):
        targeted_panel.panel(run)


# ---- finished runs


def _done(run: Run) -> None:
    result, targeted = run.result or {}, trials.is_targeted(run)
    _verdict(run, result)
    _numbers(result)
    seen, defenses = None if targeted else pair.pick(run), filtered(result)
    left, right = st.columns([5, 3], gap="large")
    with left:
        say.section("While it was learning")
        live.draw_curves(run, key="curves")
    seen = seen or targeted_panel.panel(run)
    if run.spec.get("attack"):
        with right:
            _told(seen, defenses)
        _under_the_lens(run, seen, [arm for arm in defenses if result["arms"][arm].get("detection")])
    if run.spec.get("attack") and not targeted:  # the trials have shown them beside the target
        say.section("Poisons" if is_given(run.spec) else "Poisons beside their originals")
        gallery.poisons(seen)
    sweep_panel.panel(run)
    _costs(run, result)
    add_trials.panel(run)
    _reproduce(run)


def _verdict(run: Run, result: dict[str, Any]) -> None:
    truth = frame.truth()
    said = verdict(result, cache.view(run).class_names or (), truth=truth)
    st.html(block(said, tellable(result.get("flags", []), truth=truth)))
    if is_given(run.spec):
        st.page_link(
            routes.page("check"), label="Is it poisoned?", icon=":material/troubleshoot:", query_params={"run": run.id}
        )


def _numbers(result: dict[str, Any]) -> None:
    found = [arm for arm in filtered(result) if result["arms"][arm].get("detection")]
    filters = found if frame.truth() else []  # what was caught tells how many poisons there are
    cards = [numbers.card(result, "asr", "Attack success"), numbers.card(result, "clean_accuracy", "Clean accuracy")]
    look = "ps-wide"
    if result.get("pairs"):
        look = "" if len(filters) == 1 else "ps-wide"  # two cards side by side leave no hole in the page
        cards.append(numbers.card(result, "target_probability", "Probability of the wanted class", look))
    cards += [numbers.detection_card(result, arm, look) for arm in filters]
    three = "three" if len(cards) == 3 and not frame.big() else ""
    st.html(f'<div class="ps-cards {three}">{"".join(cards)}</div>')
    for promise in numbers.promises(result):
        say.small(promise)


def _under_the_lens(run: Run, seen: RunView, filters: list[str]) -> None:
    say.section("The class under the lens")
    if drawing.awaited(seen):
        drawing.wait(seen)
        return
    try:
        if seen.labels is None:
            raise PoisonscopeError(
                "The images and features of this run are not stored here; resume or repeat it to see them."
            )
        spectral_panel.panel(seen, filters)
        st.page_link(
            routes.page("images"),
            label="Every training image",
            icon=":material/grid_view:",
            query_params={"run": run.id},
        )
    except PoisonscopeError as error:
        say.empty("Nothing to look at", str(error))


def _told(seen: RunView, defenses: list[str]) -> None:
    say.section("What did the defender know?")
    if not defenses:
        say.empty("Nobody defended", "Add a defense in the Lab.")
    for name in defenses:
        told = seen.knows(name)
        known = "".join(
            f"<li>{html.escape(FACTS.get(fact, fact))}{_shown(seen, fact, value)}</li>" for fact, value in told.items()
        )
        known = known or "<li>nothing but the training set itself</li>"
        hidden = "".join(f"<li>{html.escape(words)}</li>" for fact, words in FACTS.items() if fact not in told)
        limits = getattr(_defense(name), "fails_when", "")
        st.html(
            f'<div class="ps-card ps-told"><div class="ps-card-title">{html.escape(palette.arm_title(name))}</div>'
            f"<div>Was told:</div><ul>{known}</ul>"
            f"<div>Was not told:</div><ul>{hidden}</ul>"
            f"<div><b>Fails when:</b> {html.escape(str(limits))}</div></div>"
        )
        if name in inside_look.arms(seen.run):
            st.page_link(
                routes.page("inside"),
                label="Look inside one of its steps",
                icon=":material/frame_inspect:",
                query_params={"run": seen.run.id},
            )


def _shown(seen: RunView, fact: str, value: Any) -> str:
    """What the fact was, as HTML; nothing where the truth is hidden."""
    return f": <b>{html.escape(_value(seen, fact, value))}</b>" if frame.truth() else ""


def _value(seen: RunView, fact: str, value: Any) -> str:
    names = seen.class_names or []
    if fact == "target_class" and isinstance(value, int) and value < len(names):
        return f"{value}: {names[value]}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_value(seen, fact, one) for one in value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _defense(name: str) -> Any:
    try:
        return registry.load("defenses", name)
    except PoisonscopeError:
        return None


def _costs(run: Run, result: dict[str, Any]) -> None:
    say.section("All numbers")
    st.dataframe(
        numbers.table(result, run.steps), hide_index=True, alt="All arms with their rates, intervals and costs."
    )
    took = f", {describe.duration(run.seconds)} from its start to its end" if run.seconds >= 1 else ""
    say.small(f"The whole run: on {result.get('device', 'an unknown device')}{took}. {costs.EXPLAINED}")


def _reproduce(run: Run) -> None:
    say.section("Do it again")
    if frame.hidden():
        say.small(f"How this run was made would tell what was poisoned. {frame.how()}")
        return
    try:
        form = settings.whole({**run.spec, "name": run.name})
        words = settings.shortest(form)
    except PoisonscopeError as error:
        say.small(f"This version cannot repeat the run: {error}")
        return
    st.code(shlex.join(words) if words else f"python -m core run {run.id}.json", language=None)
    left, middle, right, last = st.columns([1, 1, 1, 1])
    left.download_button(
        "Experiment as JSON",
        actions.as_json(run),
        f"{run.id}.json",
        "application/json",
        on_click="ignore",
        width="stretch",
    )
    with middle:
        actions.export(run, "done")
    with last:
        actions.export_poisons(run, "done")
    with right:
        actions.clone(run, "to-lab")
