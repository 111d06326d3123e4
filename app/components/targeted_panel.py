"""An attack on one chosen image, trial by trial: who won, what the poisons look like, how they did it."""

import html

import streamlit as st

from app import cache, trials
from app.components import frame, gallery, pair, say, targeted_charts
from app.components.targeted_charts import Chart, Choice
from core.figures import palette
from core.runs.store import Run
from core.runs.view import RunView

LOOK = 4.0
"""Seconds between two looks at a run on its way: crafting takes minutes, and every look reads files."""
CONFIG = {"displaylogo": False, "toImageButtonOptions": {"scale": 3}}
NO_TOOLS = {"modeBarButtonsToRemove": ["zoom2d", "pan2d", "select2d", "lasso2d", "zoomIn2d", "zoomOut2d"]}

NEAR_ZERO = (
    "This attack moves the poisons onto the target in the features of one network. Here the victim starts from new "
    "weights and learns features of its own, in which the poisons need not be near the target: success close to zero "
    "is what to expect. Claimed for a ResNet-18 trained from scratch on CIFAR-10: bullseye polytope 3 %, gradient "
    "matching 45 % (Schwarzschild et al., “Just How Toxic is Data Poisoning?”, 2021). The distances below show whether "
    "the poisons came nearer in this victim’s features; scenario transfer shows the attack at its strength."
)


def panel(run: Run) -> RunView:
    """The whole section of a run that has ended; returns the key and victim that the person chose."""
    say.section("Trial by trial")
    return _panel(run)


def watch(run: Run) -> None:
    """The same of a run on its way, as far as it goes, looked at again and again."""
    say.section("Trial by trial")
    st.fragment(_again, run_every=LOOK)(run.id)


def _again(run_id: str) -> None:
    _panel(cache.store().run(run_id))


def _panel(run: Run) -> RunView:
    found = trials.pairs(run)
    if trials.fixed_features(run):
        st.html(f'<div class="ps-verdict plain">{html.escape(NEAR_ZERO)}</div>')
    top = st.container()
    seen, arm = _choose(run)
    look = Choice(run, seen, arm, frame.big())
    if not frame.truth():
        say.empty("Hidden", f"The target, the poisons and what they do are part of the truth. {frame.how()}")
        return seen
    charts: dict[str, Chart | None] = {}
    with top:
        charts["Trials"] = _outcomes(look, found)
    say.small_html(_told(look, found))
    gallery.poisons(seen)
    left, right = st.columns(2, gap="large")
    with left:
        charts["Crafting"] = _drawn("Crafting loss", targeted_charts.crafting(look), _NO_TRACE, run)
    with right:
        aligned = targeted_charts.alignment(look)
        charts["Alignment"] = _drawn("Alignment while the victims learn", aligned, _NO_VICTIM, run)
    learned = targeted_charts.learned(look)
    charts["Probabilities"] = _drawn("What the victims make of the target", learned, _NO_VICTIM, run)
    charts["Distances"] = _drawn("How near the poisons are to the target", targeted_charts.distances(look), _FAR, run)
    _tables(charts)
    return seen


_NO_TRACE = ("No crafting loss", "This attack computes its poisons in one go and records no loss on the way.")
_NO_VICTIM = ("No victim was trained", "Resume or repeat the run to see it.")
_FAR = ("Not measured", "Resume or repeat the run to measure the distances.")
_WAIT = {
    _NO_TRACE: "Appears when the poisons of this key are crafted.",
    _NO_VICTIM: "Appears when the first victim is trained.",
    _FAR: "Appears when the first victim is trained.",
}


def _choose(run: Run) -> tuple[RunView, str]:
    """Boxes for the key, the victim, and what stood against the poisons where anything did."""
    arms = list(dict.fromkeys(s["arm"] for s in run.steps if s["kind"] == "train" and s["poison_key"] is not None))
    arms = arms or ["undefended"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seen = pair.boxes(run)
        if len(arms) < 2:
            return seen, arms[0]
        if st.session_state.get("arm") not in arms:
            st.session_state.pop("arm", None)
        titles = palette.arm_titles(arms)
        arm = st.selectbox(
            "Defense", arms, format_func=titles.__getitem__, key="arm", bind="query-params", width=2 * pair.WIDTH
        )
    return seen, str(arm)


def _outcomes(look: Choice, found: list[trials.Pair]) -> Chart | None:
    if not any(look.arm in one["predicted"] for one in found):
        say.empty("No trial is over yet", "A mark appears for every victim that is trained.")
        return None
    chart, key = targeted_charts.outcomes(look, found), f"outcomes-{look.run.id}"
    if len(pair.keys(look.run)) * len(pair.victims(look.run)) == 1:
        return chart  # a sentence says it all

    def choose() -> None:
        pair.choose(look.run, st.session_state[key]["selection"]["points"])

    st.plotly_chart(
        chart.figure, key=key, on_select=choose, selection_mode="points", config=CONFIG | NO_TOOLS, alt=chart.alt
    )
    say.small(chart.reading)
    return chart


def _told(look: Choice, found: list[trials.Pair]) -> str:
    """What the chosen trial was about and came to, as HTML."""
    shown = look.seen.evaluation
    if shown is None:
        return "The target is drawn when the images are ready."
    place, bold = look.seen.poison_key, "“<b>{}</b>”"
    true, wanted = (bold.format(html.escape(look.name(int(shown[f"eval_{which}"][0])))) for which in ("true", "wanted"))
    words = f"Key {place + 1}: test image {int(shown['eval_indices'][0]):,}, a {true}, is to be read as {wanted}."
    own = [one for one in found if (one["key"], one["victim"]) == (place, look.seen.victim)]
    if not own or look.arm not in own[0]["predicted"]:
        return words
    trial = own[0]
    read = bold.format(html.escape(look.name(trial["predicted"][look.arm])))
    words += f" Victim {trial['victim'] + 1} reads it as {read}"
    words += f", and gives the wanted class {100 * trial['probability'][look.arm]:.1f} %."
    if not trial["counted"]:
        words += " The clean baseline misreads this target without any poison, so the trial does not count."
    return words


def _drawn(title: str, chart: Chart | None, missing: tuple[str, str], run: Run) -> Chart | None:
    """One chart with its heading and its sentence, or a place kept for it."""
    st.markdown(f"**{title}**")
    if chart is None:
        say.empty(*(("Not yet", _WAIT[missing]) if run.live else missing))
        return None
    st.plotly_chart(chart.figure, key=f"{title.split()[0].lower()}-{run.id}", config=CONFIG, alt=chart.alt)
    say.small(chart.reading)
    return chart


def _tables(charts: dict[str, Chart | None]) -> None:
    there = {title: chart for title, chart in charts.items() if chart is not None}
    if not there:
        return
    with st.expander("The same as tables"):
        for place, (title, chart) in zip(st.tabs(list(there)), there.items(), strict=True):
            place.dataframe(chart.table, hide_index=True, height="auto", alt=chart.alt, key=f"table-{title}")
