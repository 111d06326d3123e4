"""Is it poisoned? One answer about data that were brought, what it stands on, and what it cannot mean."""

import html
from typing import Any

import numpy as np
import streamlit as st

from app import cache, routes
from app.components import actions, frame, live, say, which_run
from app.components.images import Tile, wall
from core.check import HEADLINES, KINDS, Check, Look, chance, check, named, place
from core.errors import PoisonscopeError
from core.figures import controls
from core.given import is_given
from core.runs.store import Run
from core.runs.view import RunView

ASKED, SCREENING = "Is it poisoned?", "screening"
SHOWN = 16
"""Suspects of a class that are shown."""
EXPLAINED = """
Three networks of the same kind are trained: one on the **whole set**, one **without its suspects**, and one without as
many rows of each class **drawn at random**. Suspects are the smaller group of a class that falls in two, rows whose
nearest rows carry another label, and the rows furthest out along the top singular vector of their class.

- **Read anew.** Whoever never saw a row has to read it by what is in the picture. Where suspects carry a wrong label,
  the second network reads them as something else; rows drawn at random, which the third never saw, it reads as they are
  labelled. The p value is Fisher's exact test, the larger one of two comparisons (with random rows of the class, and
  with the other classes' suspects), times the number of classes.
- **Looks.** Each look gives every class a number. Its controls are all classes of the set without suspects, and the
  other classes of the set as it came: this data set itself says what is usual. A class is *far outside* where it lies
  above all of them, by at least four robust standard deviations (1.4826 times the median absolute deviation, at least
  0.02), and has a value that can mean something at all.
- **The answer.** *Signs found*: the rows of a class are read anew as something else. *Can't tell*: the network learned
  too little, there are too few rows or classes, or a class stands far outside and its rows are read as they are
  labelled. *Nothing unusual found*: neither.
"""


def page() -> None:
    """The page."""
    run = which_run.asked(ASKED, "check")
    if run is None:
        return
    which_run.heading(run, f"Is {run.name} poisoned?")
    if run.live and run.result is None:
        live.watch(run)
        return
    try:
        found = check(cache.view(run))
    except PoisonscopeError as error:
        _other(run, str(error))
        return
    except (KeyError, TypeError, ValueError, IndexError):  # an imported result may be anything
        say.empty("No answer", "The files of this run are not those of this version; repeat it.")
        return
    if found is None:
        _nothing(run)
        return
    _answer(found)
    _suspects(cache.view(run), found)
    _reread(found)
    _looks(run, found)
    _unknown(found)
    _on(run)


def _other(run: Run, why: str) -> None:
    say.empty("This run has no such question", why)
    if not is_given(run.spec):
        st.page_link(routes.page("bring"), label="Bring a data set of your own", icon=":material/upload:")


def _nothing(run: Run) -> None:
    if run.state in actions.RESUMABLE:
        say.empty("No answer yet", f"The run ended before its controls were compared. {run.message}".strip())
        actions.resume(run, "check")
    else:
        say.empty("No answer", "What was measured is not stored here; repeat the run to compute it again.")


def _answer(found: Check) -> None:
    reasons = "".join(f"<li>{html.escape(reason)}</li>" for reason in found.reasons)
    listed = f'<ul class="ps-findings ps-small" style="margin-top:.5rem!important">{reasons}</ul>' if reasons else ""
    st.html(
        f'<div class="ps-verdict plain" role="status"><b>{HEADLINES[found.outcome]}.</b> '
        f"{html.escape(_rest(found))}{listed}</div>"
    )
    hits, n = round(found.accuracy["mean"] * found.accuracy["n"]), found.accuracy["n"]
    say.small(
        f"{found.rows:,} rows in {len(found.names)} classes were looked at. The network reads {hits:,} of {n:,} "
        "held-back rows as they are labelled. An answer is no proof: what it cannot mean stands below."
    )


def _rest(found: Check) -> str:
    """The sentence without the words that stand before it in bold."""
    rest = found.text.removeprefix(HEADLINES[found.outcome]).lstrip(": ")
    return rest[:1].upper() + rest[1:]


def _suspects(seen: RunView, found: Check) -> None:
    """The rows that the answer is about: no number says as much as a look at them."""
    scores, given, flagged = seen.scores(SCREENING), seen.labels, seen.flagged(SCREENING)
    if not found.images or scores is None or given is None or flagged is None:
        return
    for label in named(found):
        rows = np.flatnonzero(flagged & (given == label))
        rows = rows[np.argsort(-scores[rows], kind="stable")]
        images = seen.images(rows[:SHOWN])
        assert images is not None
        name = found.names[label]
        say.section("Look at them")
        tiles = [Tile(image, f"row {row}", f"Row {row}, labelled {name}")
                 for row, image in zip(rows.tolist(), images, strict=False)]  # fmt: skip
        st.html(wall(tiles, 74 if frame.big() else 56))
        say.small(f"{len(tiles)} of the {len(rows):,} suspects that are labelled “{name}”, the most suspicious first.")


def _reread(found: Check) -> None:
    say.section("Read anew by networks that never saw them")
    columns: dict[str, list[Any]] = {
        "Class": [found.names[each.label] for each in found.reread],
        "Suspects": [each.suspects for each in found.reread],
        "read as something else": [each.other for each in found.reread],
        "mostly as": [None if each.most is None else found.names[each.most] for each in found.reread],
        "Random rows": [each.random for each in found.reread],
        "of them as something else": [each.random_other for each in found.reread],
        "p, corrected": [chance(each.p) for each in found.reread],
        "Sign": ["yes" if each.sign else "no" for each in found.reread],
    }
    order = np.argsort([each.p for each in found.reread], kind="stable")
    st.dataframe(
        {name: [values[place] for place in order] for name, values in columns.items()},
        hide_index=True,
        placeholder="–",
        alt="For every class, how many suspects and how many random rows are read as something else.",
    )
    say.small("A sign: at least half of the suspects are read as something else, and p is at most 0.01.")


def _looks(run: Run, found: Check) -> None:
    say.section("What stands apart")
    for pair in (found.looks[:2], found.looks[2:]):
        for column, look in zip(st.columns(2, gap="large"), pair, strict=False):
            with column:
                _look(run, found, look)
    with st.expander("The same numbers as a table"):
        columns: dict[str, list[Any]] = {"Class": list(found.names)}
        for look in found.looks:
            for line, values in zip(controls.LINES, (look.measured, look.cleaned, look.random), strict=True):
                columns[f"{KINDS[look.name].title}, {line}"] = [None if np.isnan(v) else round(v, 3) for v in values]
        st.dataframe(columns, hide_index=True, placeholder="–", alt="All looks at all classes, with controls.")


def _look(run: Run, found: Check, look: Look) -> None:
    kind, said = KINDS[look.name], place(look, found.names)
    st.markdown(f"**{kind.title}**")
    say.small(kind.explained)
    st.plotly_chart(
        controls.strips(
            (look.measured, look.cleaned, look.random), found.names, look.label, "", far=look.far, big=frame.big()
        ),
        key=f"look-{look.name}-{run.id}",
        config={"displayModeBar": False},
        alt=f"{kind.title}, a point a class, beside controls. {said}",
    )
    say.small(said)


def _unknown(found: Check) -> None:
    say.section("What this cannot tell")
    st.html('<ul class="ps-findings">' + "".join(f"<li>{html.escape(each)}</li>" for each in found.unknown) + "</ul>")
    with st.expander("How is this looked for, and what are the controls?"):
        st.markdown(EXPLAINED)


def _on(run: Run) -> None:
    """Other pages about the same run."""
    with st.container(horizontal=True):
        for name, label in (("spectral", "Spectral"), ("images", "Images"), ("report", "Report")):
            st.page_link(routes.page(name), label=label, icon=f":material/{routes.PAGES[name][1]}:",
                         query_params={"run": run.id})  # fmt: skip
